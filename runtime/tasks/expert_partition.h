// The finite-partition expert network of Zhang et al. 2026 (section 5, Theorem 5, appendices F and H.1): how well a
// gradient of one node is estimated from what noisy experts send back. A node has 2^d states, each with parameters of
// its own; expert j sees k of the state's d coordinates. The task shows every state as often as a batch has examples,
// with the signals that the experts receive; the score is the distance of the one step that was taken from the exact one.
#pragma once

#include "runtime/tasks/task.h"

namespace eligo {

TaskKind expert_partition_kind();

}  // namespace eligo
