#include "runtime/tools/task_case.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "support/error.h"

namespace eligo {
namespace {

using json = nlohmann::json;

// [T][B][width], or [T][B] without a width.
json by_step(const Batch& batch, const std::vector<double>& values, std::int64_t width) {
  json steps = json::array();
  std::size_t at = 0;
  for (std::int64_t t = 0; t < batch.steps; ++t) {
    json& examples = steps.emplace_back(json::array());
    for (std::int64_t b = 0; b < batch.examples; ++b) {
      if (width < 0) {
        examples.push_back(values[at++]);
        continue;
      }
      json& channels = examples.emplace_back(json::array());
      for (std::int64_t i = 0; i < width; ++i) channels.push_back(values[at++]);
    }
  }
  return steps;
}

}  // namespace

json task_case(const TaskBatch& wanted) {
  const std::unique_ptr<Task> task = make_task(wanted.task);
  const TaskShape shape = task->shape();
  const std::uint64_t batches = wanted.split == Split::train        ? shape.train_batches
                                : wanted.split == Split::validation ? shape.validation_batches
                                                                    : shape.test_batches;
  if (batches == 0) throw Error(fmt::format("task {} has no {} batches", wanted.task.name, split_name(wanted.split)));
  if (wanted.number < 1 || wanted.number > batches)
    throw Error(fmt::format("task {}: batch {} is outside 1..{}, the {} batches that there are", wanted.task.name,
                            wanted.number, batches, split_name(wanted.split)));
  if (wanted.epoch < 1) throw Error("epochs count from 1");
  const Batch batch = task->batch(wanted.split, wanted.epoch - 1, wanted.number - 1);
  json out;
  out["sizes"] = {{"m", shape.inputs}, {"k", shape.targets}};
  out["x"] = by_step(batch, batch.x, shape.inputs);
  if (!batch.y.empty()) out["y"] = by_step(batch, batch.y, shape.targets);
  if (!batch.loss_mask.empty()) out["loss_mask"] = by_step(batch, batch.loss_mask, -1);
  if (!batch.lengths.empty()) out["lengths"] = batch.lengths;
  return out;
}

}  // namespace eligo
