#include <algorithm>
#include <cmath>

#include "compiler/ir/cost_model.h"
#include "compiler/ir/program.h"
#include "runtime/kernels/kernels.h"

namespace eligo {
namespace {

using compiler::Facts;
using compiler::PhaseFrequency;
using compiler::PhaseId;
using compiler::UpdateEvery;

double windows(const Facts& facts, double steps) {
  return facts.window < 0 ? 1 : std::ceil(steps / static_cast<double>(facts.window));
}

double updates(const Facts& facts, UpdateEvery every, double steps) {
  switch (every) {
    case UpdateEvery::step: return steps;
    case UpdateEvery::window: return windows(facts, steps);
    case UpdateEvery::sequence: return 1;
  }
  return 1;
}

// Updates of the parameter that a phase is of ("update.net.W"); of the one updated most often if it is of none.
double updates(const Facts& facts, const std::string& of, double steps) {
  double most = 0, own = 0;
  for (const compiler::Learned& l : facts.learned) {
    const double n = updates(facts, l.every, steps);
    most = std::max(most, n);
    if (facts.tensors[static_cast<std::size_t>(l.parameter)].name == of) own = n;
  }
  return own > 0 ? own : std::max(most, 1.0);
}

// Calls for the steps before each arrival: of a walk back those within its limit.
double earlier_steps(const Facts& facts, const PhaseId& phase, double steps) {
  double limit = steps;
  for (const compiler::Replay& replay : facts.replays)
    if (phase.of == replay.name && replay.limit >= 0) limit = std::min(limit, static_cast<double>(replay.limit));
  const double before_limit = std::min(limit, steps - 1);
  return before_limit * (before_limit + 1) / 2 + std::max(0.0, steps - 1 - before_limit) * limit;
}

}  // namespace

double calls_in_sequence(const PhaseId& phase, const Facts& facts, std::int64_t length) {
  const auto steps = static_cast<double>(length);
  switch (compiler::row(phase.kind).frequency) {
    case PhaseFrequency::parameters: return updates(facts, "", steps);
    case PhaseFrequency::step:
      return phase.takes_many_steps()
                 ? steps / std::min(steps, static_cast<double>(compiler::cost_model::steps_in_a_call))
                 : steps;
    case PhaseFrequency::earlier_step: return earlier_steps(facts, phase, steps);
    case PhaseFrequency::window: return windows(facts, steps);
    case PhaseFrequency::update: return updates(facts, phase.of, steps);
    case PhaseFrequency::batch: return 1;
  }
  return steps;
}

}  // namespace eligo
