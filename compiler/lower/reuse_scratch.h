// Scratch memory of a function, used again: buffers whose values are never needed at the same time share a place, so that
// what a trip of a fused loop touches stays in a nearer cache. Functions without fusions keep what they have: it is small,
// and sharing it made the gradients of an LSTM of 100 units a tenth slower.
#pragma once

#include "compiler/lower/lower.h"

namespace eligo::compiler {

void reuse_scratch(Lowered& lowered);

}  // namespace eligo::compiler
