#include "runtime/tasks/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "dsl/names.h"
#include "runtime/engine/batch_check.h"
#include "runtime/tasks/arrays.h"
#include "runtime/tasks/copy.h"
#include "runtime/tasks/delayed_target.h"
#include "runtime/tasks/digits.h"
#include "runtime/tasks/expert_partition.h"
#include "runtime/tasks/gaussian_labels.h"
#include "runtime/tasks/listops.h"
#include "runtime/tasks/seq_mnist.h"
#include "runtime/tasks/text.h"

namespace eligo {
namespace {

// `values` is [T][B][channels].
void check_values(const std::vector<double>& values, const Batch& batch, const char* what, const std::string& where) {
  if (all_finite(values, true)) return;
  const auto bad = std::find_if_not(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  if (bad == values.end()) return;
  const auto at = static_cast<std::size_t>(bad - values.begin());
  const auto examples = static_cast<std::size_t>(std::max<std::int64_t>(1, batch.examples));
  const auto steps = static_cast<std::size_t>(std::max<std::int64_t>(1, batch.steps));
  const std::size_t channels = std::max<std::size_t>(1, values.size() / (examples * steps));
  throw Error(fmt::format("{}: {} is {} at step {}, example {}, channel {}; correct the data or leave this example out",
                          where, what, *bad, at / (channels * examples) + 1, at / channels % examples + 1,
                          at % channels + 1));
}

}  // namespace

Score Task::score(const Batch&, const std::vector<double>&) const { return {}; }

const std::vector<TaskKind>& task_kinds() {
  static const std::vector<TaskKind> kinds = {
      delayed_target_kind(),  seq_mnist_kind(),        digits_kind(), copy_kind(), copy_repeat_kind(), listops_kind(),
      gaussian_labels_kind(), expert_partition_kind(), arrays_kind(), text_kind()};
  return kinds;
}

const TaskKind& task_kind(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& kind : task_kinds()) {
    if (kind.name == name) return kind;
    names.push_back(kind.name);
  }
  const std::string near = dsl::nearest(name, names);
  throw Error(fmt::format(
      "there is no task {}; {}", name,
      near.empty() ? fmt::format("there are {}", fmt::join(names, ", ")) : fmt::format("did you mean {}?", near)));
}

std::unique_ptr<Task> make_task(TaskSpec spec) {
  const TaskKind& kind = task_kind(spec.name);
  if (!spec.other_test.empty() && !kind.takes_other_test)
    throw Error(fmt::format("task {}: it takes no other sequences than its own; leave {} out", spec.name, spec.other_test));
  if (spec.batch == 0) throw Error(fmt::format("task {}: a batch needs at least one example", spec.name));
  complete("task " + spec.name, kind.options, spec);
  return kind.make(spec);
}

void check_finite(const Batch& batch, const std::string& where) {
  check_values(batch.x, batch, "the input", where);
  check_values(batch.y, batch, "the target", where);
  check_values(batch.loss_mask, batch, "the loss mask", where);
}

Score count_correct(const Batch& batch, const std::vector<double>& outputs, std::int64_t classes) {
  Score score;
  const auto largest = [&](const std::vector<double>& values, std::int64_t row) {
    const auto begin = values.begin() + row * classes;
    return std::max_element(begin, begin + classes) - begin;
  };
  for (std::int64_t t = 0; t < batch.steps; ++t) {
    for (std::int64_t b = 0; b < batch.examples; ++b) {
      const std::int64_t row = t * batch.examples + b;
      const bool beyond = !batch.lengths.empty() && t >= batch.lengths[static_cast<std::size_t>(b)];
      if (beyond || (!batch.loss_mask.empty() && batch.loss_mask[static_cast<std::size_t>(row)] == 0)) continue;
      score.sum += largest(outputs, row) == largest(batch.y, row) ? 1 : 0;
      ++score.count;
    }
  }
  return score;
}

}  // namespace eligo
