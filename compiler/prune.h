// Drops stores of fields that nothing reads.
#pragma once

#include "compiler/program.h"

namespace eligo::compiler {

void prune(Program& program);

}  // namespace eligo::compiler
