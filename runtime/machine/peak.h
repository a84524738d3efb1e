// What one core of this machine can do: multiply-adds on independent accumulators in registers, nothing else.
#pragma once

#include "compiler/loops/loops.h"

namespace eligo {

// Floating-point operations a second with the widest vectors, measured once. 0 where we don't know how.
double peak_flops(compiler::loops::DType dtype);

}  // namespace eligo
