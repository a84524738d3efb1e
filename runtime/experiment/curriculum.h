// Curricula: an option of the task is raised, step by step, whenever the net has become good enough at it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/tasks/options.h"

namespace eligo {

class BatchSource;

struct CurriculumSpec {
  std::string option;     // of the task, a number
  double by = 1, to = 0;  // raised by so much, at most to this
  // One of them: what must be reached.
  std::optional<double> loss_below, score_above, score_below;
  bool each_batch = false;  // by every training batch; else by the validation after each epoch
};

// A task's batches at the level that has been reached: the option is what the task has it at first, plus `by` for each
// level. `make` makes them for a value of the option. The shape is the first level's with the longest sequences of all;
// throws eligo::Error where levels differ in their inputs, targets or numbers of batches.
std::unique_ptr<BatchSource> with_curriculum(const TaskSpec& spec, const CurriculumSpec& curriculum,
                                             const std::function<std::unique_ptr<BatchSource>(const TaskSpec&)>& make);

}  // namespace eligo
