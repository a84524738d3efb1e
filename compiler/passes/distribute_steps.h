// Loop distribution over time, and batching of what it frees. A phase "step", "arrive" or "sweep" becomes three:
// "step.before", work that depends on no earlier step and feeds the recurrence; "step", the recurrence; "step.after", the
// rest. The first and the last take many steps in one call, with the rows of all of them as examples: input projections
// and read-outs become one product, parameter gradients one sum over the window.
//
// Before:  phase step   net.h@t = tanh((Σ net.W * net.h@t-1) + (Σ net.U * net.x@t));  L.o@t = Σ L.V * net.h@t
// After:   phase step.before   net.sum1@t = Σ net.U * net.x@t
//          phase step          net.h@t = tanh((Σ net.W * net.h@t-1) + net.sum1@t)
//          phase step.after    L.o@t = Σ L.V * net.h@t
//
// A step's part is left as it is where parameters may change between the steps, where shards meet at every step (clips,
// `at each` blocks), and where a tensor has a value for each step.
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

void distribute_steps(Program& program);

}  // namespace eligo::compiler
