// Scratch memory of a function, used again: buffers whose values are never needed at the same time share a place, so that
// what a function touches stays in a nearer cache, and a session takes less memory.
#pragma once

#include "compiler/lower/lower.h"

namespace eligo::compiler {

void reuse_scratch(Lowered& lowered);

}  // namespace eligo::compiler
