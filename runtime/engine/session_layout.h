// The memory that a session takes.
#pragma once

#include <cstdint>

#include "compiler/memory/layout.h"
#include "compiler/memory/shards.h"
#include "runtime/engine/program.h"
#include "runtime/engine/session.h"

namespace eligo {

// All that a session takes: tensors, scratch memory and prepared values, sums in float64, copies of parameters. Throws
// eligo::Error where that is more than `limit` bytes (0: none).
compiler::Layout session_layout(const Program& program, const SessionOptions& options, int shards, std::uint64_t limit);

}  // namespace eligo
