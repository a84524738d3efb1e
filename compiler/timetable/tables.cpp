#include "compiler/timetable/tables.h"

#include <algorithm>
#include <set>

#include "compiler/memory/segments.h"

namespace eligo::compiler {
namespace {

// Flags that the runtime knows before a step, whatever the program computes.
bool is_known_ahead(Flag flag) {
  switch (flag) {
    case Flag::none:
    case Flag::active:
    case Flag::within:
    case Flag::now:
    case Flag::begin: return false;
    case Flag::valid:
    case Flag::exists:
    case Flag::first:
    case Flag::last:
    case Flag::end:
    case Flag::window_end:
    case Flag::loss_mask:
    case Flag::time:
    case Flag::steps:
    case Flag::counts: return true;
  }
  return false;
}

bool updates(const Plan& plan, UpdateEvery every) {
  return std::any_of(plan.learned.begin(), plan.learned.end(), [&](const Learned& l) { return l.every == every; });
}

bool is_swept(const Plan& plan) {
  for (const PhasePart part : {PhasePart::before, PhasePart::core, PhasePart::after})
    if (nonempty(plan, PhaseKind::sweep, part) >= 0) return true;
  return nonempty(plan, PhaseKind::close) >= 0;
}

void find_flags(const Plan& plan, Timetable& out) {
  std::set<int> flags, of_boundary;
  for (const Plan::Phase& each : plan.phases)
    for (const Plan::Read& read : each.reads) {
      if (!is_known_ahead(plan.tensors[static_cast<std::size_t>(read.tensor)].flag)) continue;
      flags.insert(read.tensor);
      if (row(each.kind).frequency == PhaseFrequency::window) of_boundary.insert(read.tensor);
    }
  out.flags.assign(flags.begin(), flags.end());
  out.boundary_flags.assign(of_boundary.begin(), of_boundary.end());
}

void find_cleared(const Plan& plan, Timetable& out) {
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const Tensor& t = plan.tensors[i];
    if (!t.timed() || t.kind == TensorKind::flag || t.kind == TensorKind::shown) continue;
    const auto number = static_cast<int>(i);
    if (!t.masked && t.kind != TensorKind::noise) {
      out.bounded.push_back(number);
      continue;
    }
    out.cleared.push_back(number);
    if (t.kind != TensorKind::forward && t.kind != TensorKind::backward && t.kind != TensorKind::revised)
      out.cleared_beyond.push_back(number);
  }
}

}  // namespace

int nonempty(const Plan& plan, PhaseKind kind, PhasePart part) {
  for (std::size_t i = 0; i < plan.phases.size(); ++i)
    if (plan.phases[i].kind == kind && plan.phases[i].part == part && !plan.phases[i].writes.empty())
      return static_cast<int>(i);
  return -1;
}

Timetable tables_of(const Plan& plan) {
  Timetable out;
  out.windows = {plan.window, plan.short_first, plan.window_ahead, plan.ahead, is_swept(plan)};
  out.always_arrives = !plan.forward_shows;
  out.shows = nonempty(plan, PhaseKind::show) >= 0;
  const bool at_steps = updates(plan, UpdateEvery::step), at_windows = updates(plan, UpdateEvery::window);
  if (at_windows && plan.window >= 0) out.spans = Spans::window;
  if (at_steps || plan.adopts) out.spans = Spans::arrival;
  out.changes_within = plan.adopts || plan.updates_within || at_steps || at_windows;
  find_flags(plan, out);
  find_cleared(plan, out);
  std::string why_not;
  recomputable(plan, why_not);
  if (why_not.empty()) out.again_gathered = gathered_forward(plan);
  return out;
}

}  // namespace eligo::compiler
