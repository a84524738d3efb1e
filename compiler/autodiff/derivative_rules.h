// One local derivative per node kind; those of operations are in their rows (compiler/operations). Used alike for cotangents and tangents.
#pragma once

#include <functional>
#include <optional>

#include "compiler/ir/program.h"

namespace eligo::compiler {

// ∂node/∂(operand i), as a product over the node's labels (its own axes, then the summed ones): the operand's tangent
// times these, summed over the summed labels, is the node's.
struct LocalDerivative {
  std::vector<Use> factors;
  double coefficient = 1;
};

// nullopt: zero. `value` says where a node's value is to be had.
std::optional<LocalDerivative> local(Program& program, Ref node, std::size_t i,
                                     const std::function<Ref(Ref)>& value);

}  // namespace eligo::compiler
