// Cross-phase common-subexpression elimination: a value that several phases, or one phase at several of its times, would
// compute from the same step's state is kept by the first step that can.
//
// Before:  phase arrive  ... (Σ j: g.A[i, j] * net.h@t[j]) ...      phase sweep  ... (Σ j: g.A[i, j] * net.h@t+1[j])
// ... After:   phase step    kept.sum1@t[i] = (Σ j: g.A[i, j] * net.h@t[j])
//          phase arrive  ... kept.sum1@t[i] ...                       phase sweep  ... kept.sum1@t+1[i] ...
//
// Left as it is where parameters change inside a sequence: then each phase may mean its own.
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

// After the order of products is settled.
void eliminate_common_subexpressions(Program& program);

}  // namespace eligo::compiler
