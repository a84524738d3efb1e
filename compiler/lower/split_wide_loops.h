// Cuts what is long for a single example (RTRL's matrix of a wide net) into pieces that threads may share: a phase with
// such a statement becomes stages, run one after another, whose functions may run side by side.
//
//   for i<256>, p<66048>: P[...] = ...      16 functions: for i<256>, p<4128>: P[... + 4128*n] = ...
//
// The pieces are the same for any number of threads, and store to places of their own; no sum is divided.
#pragma once

#include "compiler/lower/lower.h"

namespace eligo::compiler {

void cut_wide(Lowered& lowered);

}  // namespace eligo::compiler
