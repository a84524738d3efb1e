// Drops stores of fields that nothing reads, and computes those with one reader in their own step where they are read.
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

void prune(Program& program);

}  // namespace eligo::compiler
