#include <algorithm>

#include "compiler/phase_costs.h"
#include "compiler/pipeline.h"
#include "runtime/compile.h"
#include "runtime/fitting.h"
#include "runtime/layout.h"
#include "runtime/rules_page.h"

namespace eligo {
namespace {

using compiler::TensorKind;

// Bytes of one example's timed values, those that come from the task and the flags left out.
double carried_bytes(const compiler::Program& plan, std::int64_t steps) {
  const Layout layout = plan_layout(plan, 1, steps, false, 0, 1);
  double bytes = 0;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const TensorKind kind = plan.tensors[i].kind;
    const bool own = kind == TensorKind::input || kind == TensorKind::target || kind == TensorKind::flag;
    if (plan.tensors[i].timed() && !own) bytes += static_cast<double>(layout.tensors[i].bytes());
  }
  return bytes;
}

}  // namespace

RuleCost rule_cost(const ProgramSpec& spec) {
  const std::shared_ptr<compiler::Program> plan = instantiate(spec);
  compiler::CompileOptions options;
  options.batch = spec.batch_hint;
  compiler::finish_graph(*plan, options);
  RuleCost cost;
  cost.parts = parts_text(spec);
  const auto batch = static_cast<double>(spec.batch_hint);
  for (const auto& [phase, of] : compiler::phase_costs(*plan, spec.batch_hint)) {
    if (phase.starts_with("update.") || phase == "show") continue;
    const double operations = of.operations / batch;
    if (phase == "close" || phase == "sweep_start") {
      cost.window += operations;
      continue;
    }
    (phase == "step" ? cost.forward : cost.learning) += operations;
    cost.moved += of.words * 4 / batch;
  }
  constexpr std::int64_t some = 240, more = 480;
  cost.carried_step = (carried_bytes(*plan, more) - carried_bytes(*plan, some)) / (more - some);
  cost.carried = carried_bytes(*plan, some) - some * cost.carried_step;
  return cost;
}

}  // namespace eligo
