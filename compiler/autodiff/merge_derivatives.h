// Sums of derivatives of the same things become one derivative: u.d(a)/d(b) + c v.d(a)/d(b) = (u + c v).d(a)/d(b).
//
// One way back instead of two, and what comes out stays a product of factors instead of a sum of such.
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

void merge_derivatives(Program& program);

}  // namespace eligo::compiler
