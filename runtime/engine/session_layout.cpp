#include "runtime/engine/session_layout.h"

#include <algorithm>

namespace eligo {

using compiler::TensorKind;

compiler::Layout session_layout(const Program& program, const SessionOptions& options, int shards,
                                std::uint64_t limit) {
  const compiler::Plan& plan = *program.plan;
  const auto layout = [&](std::uint64_t most, std::int64_t beside) {
    return compiler::plan_layout(plan, options.batch, options.steps, program.float64, most, shards,
                                 options.most_at_once, beside);
  };
  const compiler::Layout free = layout(0, 0);  // how many steps are taken together does not follow from the limit
  const std::int64_t examples = (options.batch + shards - 1) / shards;
  const std::int64_t scratch =
      std::max(program.runner->scratch_bytes(examples), program.runner->run_scratch_bytes(examples * free.run));
  std::int64_t beside = shards * scratch + program.runner->prepared_bytes(), largest = 0;
  if (free.bytes < 9e18) {
    for (const compiler::Learned& l : plan.learned) {
      const compiler::TensorLayout& gradient = free.tensors[static_cast<std::size_t>(l.gradient)];
      const auto sums = gradient.bytes() / gradient.element * static_cast<std::int64_t>(sizeof(double));
      if (l.every != compiler::UpdateEvery::sequence) beside += sums;
      if (!plan.blocks.empty() || !plan.clips.empty()) largest = std::max(largest, sums);
    }
    for (std::size_t i = 0; program.timetable.changes_within && i < plan.tensors.size(); ++i)
      if (plan.tensors[i].kind == TensorKind::param || plan.tensors[i].kind == TensorKind::keep)
        beside += free.tensors[i].bytes();  // what is put back where a training diverges
  }
  return layout(limit, beside + largest);
}

}  // namespace eligo
