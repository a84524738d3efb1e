// The operations that comparisons of the language stand for.
#pragma once

#include "compiler/operations/op.h"
#include "dsl/typed_item.h"

namespace eligo::compiler {

Op operation_of(dsl::Comparison comparison);

}  // namespace eligo::compiler
