#include "compiler/ir/manifest.h"

#include <algorithm>
#include <set>

namespace eligo::compiler {
namespace {

Plan::Phase summary(Program& program, const Phase& phase) {
  Plan::Phase out;
  static_cast<PhaseId&>(out) = phase;
  std::vector<Ref> roots;
  for (const Root& root : phase.roots) {
    out.writes.push_back({root.kind, root.tensor, root.time});
    roots.push_back(root.node);
  }
  std::set<Plan::Read> reads;
  for (Ref leaf : leaves_of(program, roots)) reads.insert({leaf->tensor, leaf->time});
  out.reads.assign(reads.begin(), reads.end());
  return out;
}

// Shown values that follow from the forward pass alone.
bool only_forward(const Plan& plan) {
  for (const Shown& s : plan.shown)
    if (plan.tensors[s.tensor].kind != TensorKind::shown) return false;  // of an `at each` block
  for (const Plan::Phase& phase : plan.phases) {
    const bool shows = std::any_of(phase.writes.begin(), phase.writes.end(), [&](const Plan::Write& w) {
      return plan.tensors[w.tensor].kind == TensorKind::shown;
    });
    if (!shows) continue;
    if (phase.kind != PhaseKind::show) return false;
    for (const Plan::Read& read : phase.reads) {
      const TensorKind kind = plan.tensors[read.tensor].kind;
      if (kind == TensorKind::forward || kind == TensorKind::record) return false;
    }
  }
  return true;
}

}  // namespace

Plan plan_of(Program& program) {
  Plan plan;
  static_cast<Facts&>(plan) = program;
  for (Tensor& t : plan.tensors) {
    t.origin = {};
    t.axes.clear();
    t.targets = {};
  }
  for (const Phase& phase : program.phases) plan.phases.push_back(summary(program, phase));
  plan.forward_shows = only_forward(plan);
  return plan;
}

std::int64_t width(const Facts& facts, const std::vector<int>& tensors) {
  std::int64_t width = 0;
  for (const int i : tensors) width += facts.tensors[static_cast<std::size_t>(i)].size();
  return width;
}

}  // namespace eligo::compiler
