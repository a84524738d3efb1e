#include "runtime/environments/environment.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "runtime/environments/bandit.h"
#include "runtime/environments/labyrinth.h"
#include "runtime/environments/memory_chain.h"
#include "runtime/environments/mnist_bandit.h"
#include "support/error.h"

namespace eligo {

Environments::Environments(const EnvironmentFactory& make, std::int64_t count) {
  if (count < 1) throw Error("at least one environment is needed");
  for (std::int64_t i = 0; i < count; ++i) worlds_.push_back(make());
  shape_ = worlds_.front()->shape();
  if (shape_.observations < 1 || shape_.actions < 1 || shape_.max_steps < 1)
    throw Error(fmt::format("an environment with {} observations, {} actions and {} steps: each must be at least 1",
                            shape_.observations, shape_.actions, shape_.max_steps));
  const auto size = static_cast<std::size_t>(count);
  observations_.assign(size * static_cast<std::size_t>(shape_.observations), 0);
  last_.resize(size);
  acts_.assign(size, false);
}

std::span<double> Environments::seen_by(std::size_t which) {
  const auto width = static_cast<std::size_t>(shape_.observations);
  return std::span(observations_).subspan(which * width, width);
}

void Environments::check(std::size_t which, const char* what, double value) const {
  if (!std::isfinite(value))
    throw Error(fmt::format("the environment's {} is {} at step {} of episode {}; correct the environment", what, value,
                            steps_, first_ + which));
}

void Environments::begin(Split split, std::uint64_t first, std::uint64_t seed) {
  first_ = first;
  steps_ = 0;
  const std::string purpose = fmt::format("{} episode", split_name(split));
  for (std::size_t i = 0; i < worlds_.size(); ++i) {
    const std::uint64_t number = first + i;
    std::fill(seen_by(i).begin(), seen_by(i).end(), 0.0);
    worlds_[i]->reset({split, number, make_key(seed, purpose, number)}, seen_by(i));
    for (const double seen : seen_by(i)) check(i, "observation", seen);
    last_[i] = {};
    acts_[i] = true;
  }
}

void Environments::step(std::span<const std::int64_t> actions) {
  if (actions.size() != worlds_.size())
    throw Error(fmt::format("{} environments need as many actions, {} are given", worlds_.size(), actions.size()));
  ++steps_;
  for (std::size_t i = 0; i < worlds_.size(); ++i) {
    last_[i] = {};
    if (!acts_[i]) continue;
    if (actions[i] < 0 || actions[i] >= shape_.actions)
      throw Error(fmt::format("there is no action {}: an environment with {} has 0 to {}", actions[i], shape_.actions,
                              shape_.actions - 1));
    last_[i] = worlds_[i]->step(actions[i], seen_by(i));
    check(i, "reward", last_[i].reward);
    last_[i].done = last_[i].done || steps_ >= shape_.max_steps;
    acts_[i] = !last_[i].done;
    if (last_[i].done) std::fill(seen_by(i).begin(), seen_by(i).end(), 0.0);
    for (const double seen : seen_by(i)) check(i, "observation", seen);
  }
}

bool Environments::over() const { return std::find(acts_.begin(), acts_.end(), true) == acts_.end(); }

const std::vector<EnvironmentKind>& environment_kinds() {
  static const std::vector<EnvironmentKind> kinds = {memory_chain_kind(), bandit_kind(), mnist_bandit_kind(),
                                                      labyrinth_escape_kind(), labyrinth_explore_kind()};
  return kinds;
}

const EnvironmentKind* find_environment(const std::string& name) {
  const auto& kinds = environment_kinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

EnvironmentFactory make_environment(TaskSpec spec) {
  const EnvironmentKind* kind = find_environment(spec.name);
  if (kind == nullptr) throw Error(fmt::format("there is no environment {}", spec.name));
  complete("environment " + spec.name, kind->options, spec);
  return kind->make(spec);
}

}  // namespace eligo
