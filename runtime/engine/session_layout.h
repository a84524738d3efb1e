// The memory that a session takes, and the shards that it cuts its batches into.
#pragma once

#include <cstdint>

#include "compiler/memory/layout.h"
#include "runtime/engine/program.h"
#include "runtime/engine/session.h"

namespace eligo {

// Follows from the rule and the batch, so that results do not depend on the number of threads.
int shards_for(const compiler::Plan& plan, std::int64_t batch, bool float64);

// All that a session takes: tensors, scratch memory and prepared values, sums in float64, copies of parameters. Throws
// eligo::Error where that is more than `limit` bytes (0: none).
compiler::Layout session_layout(const Program& program, const SessionOptions& options, int shards, std::uint64_t limit);

}  // namespace eligo
