#include <fmt/core.h>

#include <set>

#include "compiler/driver/pipeline.h"
#include "compiler/lower/phase_costs.h"
#include "compiler/memory/layout.h"
#include "runtime/library/compile.h"
#include "runtime/library/default_parts.h"
#include "runtime/tools/rules_page.h"

namespace eligo {
namespace {

using compiler::PhaseKind;
using compiler::TensorKind;

// Bytes of one example's timed values, those that come from the task and the flags left out.
double carried_bytes(const compiler::Plan& plan, std::int64_t steps) {
  const compiler::Layout layout = compiler::plan_layout(plan, 1, steps, false, 0, 1);
  double bytes = 0;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const TensorKind kind = plan.tensors[i].kind;
    const bool own = kind == TensorKind::input || kind == TensorKind::target || kind == TensorKind::flag;
    if (plan.tensors[i].timed() && !own) bytes += static_cast<double>(layout.tensors[i].bytes());
  }
  return bytes;
}

// Numbers that the forward recurrences carry from step to step.
double recurrent_numbers(const compiler::Program& plan) {
  std::set<int> stored;
  for (const auto& phase : plan.phases)
    for (const auto& root : phase.roots)
      if (root.kind == compiler::RootKind::store) stored.insert(root.tensor);
  double numbers = 0;
  for (const int tensor : stored) {
    const compiler::Tensor& t = plan.tensors[static_cast<std::size_t>(tensor)];
    if (t.kind == TensorKind::forward) numbers += static_cast<double>(t.size());
  }
  return numbers;
}

// Sizes that not every net has: "; w = 3, q = 3".
std::string special_sizes(const ProgramSpec& spec) {
  const std::set<std::string> usual = {"n", "m", "k", "hidden"};
  std::string text;
  for (const auto& [name, value] : spec.sizes)
    if (!usual.contains(name)) text += fmt::format("{} {} = {}", text.empty() ? ";" : ",", name, value);
  return text;
}

}  // namespace

RuleCost rule_cost(const ProgramSpec& spec) {
  const std::shared_ptr<compiler::Program> plan = scheduled(spec);
  compiler::CompileOptions options;
  options.batch = spec.batch_hint;
  const double dense = recurrent_numbers(*plan);
  compiler::run_passes(*plan, options, compiler::PassId::contraction_order);
  RuleCost cost;
  const bool walked = recurrent_numbers(*instantiate(spec)) > dense;
  cost.schedule = walked ? plan->replays.empty() ? "reverse" : "replay" : "";
  if (dense > 0) {
    if (walked) cost.schedule += ", ";
    cost.schedule += recurrent_numbers(*plan) < dense ? "structured" : "dense";
  }
  cost.parts = parts_text(spec) + special_sizes(spec);
  const auto batch = static_cast<double>(spec.batch_hint);
  for (const auto& [phase, of] : compiler::phase_costs(*plan, spec.batch_hint)) {
    if (row(phase.kind).assigns || phase.kind == PhaseKind::show) continue;
    const double operations = of.operations / batch;
    if (row(phase.kind).frequency == compiler::PhaseFrequency::window) {
      cost.window += operations;
      continue;
    }
    if (phase.kind == PhaseKind::revise) {
      cost.revision += operations;
      continue;
    }
    (phase.is(PhaseKind::step) ? cost.forward : cost.learning) += operations;
    cost.moved += of.words * 4 / batch;
  }
  constexpr std::int64_t some = 240, more = 480;
  const compiler::Plan facts = compiler::plan_of(*plan);
  cost.carried_step = (carried_bytes(facts, more) - carried_bytes(facts, some)) / (more - some);
  cost.carried = carried_bytes(facts, some) - some * cost.carried_step;
  return cost;
}

}  // namespace eligo
