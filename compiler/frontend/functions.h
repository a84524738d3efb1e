// The operations that functions and comparisons of the language stand for.
#pragma once

#include <optional>

#include "compiler/ir/ops.h"
#include "dsl/typed_item.h"

namespace eligo::compiler {

// Of a function that works at every place by one operation: tanh, max(a, b). Nothing for any other.
std::optional<Op> pointwise_operation(dsl::FunctionId function);
Op operation_of(dsl::Comparison comparison);

}  // namespace eligo::compiler
