// What a graph costs to compute, for a whole batch, each node once.
#pragma once

#include "compiler/ir/cost_model.h"
#include "compiler/ir/program.h"

namespace eligo::compiler {

Cost cost_of_node(Ref node, std::int64_t batch);
// The node and everything below it, contractions ordered first.
double cost_of(Program& program, Ref root, std::int64_t batch);

}  // namespace eligo::compiler
