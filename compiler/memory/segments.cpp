#include "compiler/memory/segments.h"

#include <algorithm>
#include <set>

namespace eligo::compiler {
namespace {

bool is_backward(const PhaseId& phase) { return row(phase.kind).direction == PhaseDirection::backward; }
bool is_forward(const PhaseId& phase) { return row(phase.kind).direction == PhaseDirection::forward; }

std::string reason(const Plan& plan) {
  bool sweeps = false;
  for (const Plan::Phase& phase : plan.phases)
    sweeps = sweeps || (!phase.writes.empty() && phase.kind == PhaseKind::sweep);
  if (!sweeps) return "it has no backward recurrence";
  if (!plan.blocks.empty()) return "its `at each` blocks go through all steps at every arrival";
  if (!plan.clips.empty()) return "its clipped lines add up over the batch at every step";
  if (!plan.replays.empty()) return "its traces are walked back from every arrival";
  if (plan.adopts) return "its parameters change inside a window";
  if (plan.window >= 0 && plan.window_ahead > 0 && plan.updates_within)
    return "its windows look beyond their ends, where parameters change";
  for (const Learned& l : plan.learned)
    if (l.every == UpdateEvery::step) return "its parameters change inside a window";
  for (const Tensor& t : plan.tensors)
    if (t.per_step) return t.name + " has a value for each step";
  return "";
}

}  // namespace

std::vector<char> recomputable(const Plan& plan, std::string& why_not) {
  std::vector<char> again(plan.tensors.size(), 0);
  why_not = reason(plan);
  if (!why_not.empty()) return again;
  for (std::size_t i = 0; i < again.size(); ++i) {
    const TensorKind kind = plan.tensors[i].kind;
    again[i] =
        plan.tensors[i].timed() && kind != TensorKind::flag && kind != TensorKind::shown && kind != TensorKind::revised;
  }
  for (const Plan::Phase& phase : plan.phases)
    for (const Plan::Read& read : phase.reads) {
      const bool at_the_start = phase.kind == PhaseKind::sweep_start || phase.kind == PhaseKind::close;  // whose segment is kept by then
      const bool far = (read.time.base == When::start && !at_the_start) || read.time.base == When::last ||
                       read.time.base == When::now;
      const bool end = read.time.base == When::end;
      const bool backward = plan.tensors[static_cast<std::size_t>(read.tensor)].kind == TensorKind::backward;
      // What is read at an example's end is saved when the way back passes it.
      if (far || (end && (backward || !is_backward(phase)))) again[static_cast<std::size_t>(read.tensor)] = 0;
    }
  return again;
}

std::vector<int> gathered_forward(const Plan& plan) {
  std::set<int> found;
  for (const Plan::Phase& phase : plan.phases)
    for (const Plan::Write& write : phase.writes)
      if (is_forward(phase) && write.kind == RootKind::gather) found.insert(write.tensor);
  return {found.begin(), found.end()};
}

bool arrivals_are_read_back(const Plan& plan) {
  std::set<int> stored;
  for (const Plan::Phase& phase : plan.phases)
    for (const Plan::Write& write : phase.writes)
      if ((phase.kind == PhaseKind::record || phase.kind == PhaseKind::arrive) && write.kind == RootKind::store)
        stored.insert(write.tensor);
  for (const Plan::Phase& phase : plan.phases)
    if (is_backward(phase) || phase.kind == PhaseKind::step)
      for (const Plan::Read& read : phase.reads)
        if (stored.contains(read.tensor)) return true;
  return false;
}

Segments fit_segments(SegmentCosts costs, const Segments& margins, std::int64_t window, std::int64_t run,
                      long double limit, long double& least) {
  const auto bytes_with = [&](Segments& s, std::int64_t steps) {
    s.steps = steps;
    s.slots = steps + run + s.back + s.ahead + 1;
    s.checkpoints = (window + steps - 1) / steps + 3;
    const std::int64_t aside = s.checkpoints * (s.back + 1) + 2 * (s.back + s.ahead + 1);
    return s.bytes = costs.fixed + costs.step * static_cast<long double>(s.slots + aside);
  };
  Segments best, tried = margins;
  least = -1;
  // All lengths, of windows of up to a million runs; of longer ones as many, evenly spread.
  const std::int64_t stride = run * std::max<std::int64_t>(1, window / run / 1'000'000);
  for (std::int64_t steps = run; steps < window; steps += stride) {
    const long double bytes = bytes_with(tried, steps);
    if (least < 0 || bytes < least) least = bytes;
    if (bytes <= limit) best = tried;
  }
  return best;
}

}  // namespace eligo::compiler
