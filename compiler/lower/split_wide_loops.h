// Intra-operator parallelism: a loop nest that is long for a single example (RTRL's matrix of a wide net) is split into
// pieces that threads may share. A phase with such a statement becomes stages, run one after another, whose functions may
// run side by side.
//
//   for i<256>, p<66048>: P[...] = ...      16 functions: for i<256>, p<4128>: P[... + 4128*n] = ...
//
// The pieces are the same for any number of threads, and store to places of their own; no sum is divided.
#pragma once

#include "compiler/lower/lower.h"

namespace eligo::compiler {

void split_wide_loops(Lowered& lowered);

}  // namespace eligo::compiler
