// Building and rewriting expressions of the loop form.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compiler/loops/loops.h"

namespace eligo::compiler::loops {

ValuePtr constant(double number);
ValuePtr load(Access access);
ValuePtr apply(Op op, std::vector<ValuePtr> operands);
// Σ, or the largest, of `body` over these loops.
ValuePtr sum(std::vector<int> over, ValuePtr body);
ValuePtr largest(std::vector<int> over, ValuePtr body);

// A copy with `change` applied to every node, operands first. Shared parts stay shared; what does not change is not
// copied.
ValuePtr rewrite(const ValuePtr& value, const std::function<ValuePtr(ValuePtr)>& change);
// A copy whose loads are changed.
ValuePtr with_accesses(const ValuePtr& value, const std::function<void(Access&)>& change);

// The places that an expression loads from. Those are the value's own: it must outlive them.
std::vector<const Access*> loads_of(const ValuePtr& value);

// The fusion that a statement is in, or null.
const Fusion* fusion_of(const Function& function, std::size_t statement);

// A function of one statement of `function`, which takes as many trips as it does there.
Function alone(const Function& function, std::size_t statement, std::string name);

}  // namespace eligo::compiler::loops
