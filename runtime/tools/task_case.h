// A batch of a task as a case of `eligo eval`: what a rule would be given in an experiment, as numbers in a file.
#pragma once

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

#include "runtime/tasks/task.h"

namespace eligo {

struct TaskBatch {
  TaskSpec task;
  Split split = Split::train;
  std::uint64_t epoch = 1, number = 1;  // both count from 1, as in metrics
};

// Fields `x`, `y`, and `loss_mask` and `lengths` where the task has them, with the sizes `m` and `k`. Throws
// eligo::Error.
nlohmann::json task_case(const TaskBatch& wanted);

}  // namespace eligo
