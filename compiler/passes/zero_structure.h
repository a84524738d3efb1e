// Structured recurrences: what a forward recurrence carries is cut down to what can be other than zero.
//
// A block of a recurrence may be an identity between two of its axes times something smaller, P[k, i, j] = δ(k, i)
// p[i, j], or zero. That is proved by induction over steps: it is assumed of what the block reads of the step before,
// the right side is simplified, and every term must show it again; what fails is assumed no longer, until all that is
// assumed is proved. Then p is what is stored, and every reader multiplies by the identity.
//
// Before: derivatives are resolved. After: recurrences with structure are one tensor a block.
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

void infer_zero_structure(Program& program);

}  // namespace eligo::compiler
