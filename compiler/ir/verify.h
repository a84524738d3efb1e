// The graph's verifier, run after each stage: extents agree, indices stay inside, nothing lazy is left where it must
// not be.
#pragma once

#include <string>

#include "compiler/ir/program.h"

namespace eligo::compiler {

// Throws std::logic_error naming the stage, the equation and what was found: a fault of the compiler, not of the rule.
void verify(const Program& program, const std::string& stage, bool allow_lazy);

}  // namespace eligo::compiler
