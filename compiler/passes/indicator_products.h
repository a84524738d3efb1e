// Products with an indicator of a wiring, sees[t][i] = reader[o] == i, which is zero for most i: the rest is computed for the
// places that the wiring names. A factor that sums something up is summed there, too.
//
// Before:  sees@t[i] * (Σ k: Kx[i, j, k] * x@t[k])              Σ batch: (sees@t[i] * d[i, j]) * x@t[k]
// After:   Σ o<16> k: wire(reader)[o, i] * Kx[i, j, k] * x@t[k]   Σ batch o: wire(reader)[o, i] * d[i, j] * x@t[k]
//
// Lowering makes a loop over o of that, with i = reader[o]. An indicator is the same in all steps and for all examples; only
// of tensors that are read behind a flag, since beyond the steps it is not 0. Products that no sum makes long, and those
// of two indicators, stay.
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

void restrict_to_indicators(Program& program);

}  // namespace eligo::compiler
