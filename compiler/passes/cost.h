// What a graph costs to compute: operations plus four times the words moved, each node once.
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

struct Cost {
  double operations = 0;  // for the whole batch
  double words = 0;       // read and written
  double weight() const { return operations + 4 * words; }
};

Cost cost_of_node(Ref node, std::int64_t batch);
// The node and everything below it, contractions ordered first.
double cost_of(Program& program, Ref root, std::int64_t batch);

}  // namespace eligo::compiler
