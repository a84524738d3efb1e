#include "runtime/environments/bandit.h"

#include <algorithm>

namespace eligo {
namespace {

class Bandit final : public Environment {
 public:
  Bandit(std::int64_t arms, std::int64_t pulls, std::uint64_t seed, bool fixed)
      : chances_(static_cast<std::size_t>(arms)), pulls_(pulls), fixed_(fixed) {
    uniform(make_key(seed, "bandit"), 0, 1, chances_);
  }

  // The arm pulled last, one channel each, and its payment.
  EnvironmentShape shape() const override {
    const auto arms = static_cast<std::int64_t>(chances_.size());
    return {arms + 1, arms, pulls_};
  }

  void reset(const Episode& episode, std::span<double> observation) override {
    key_ = episode.key;
    pull_ = 0;
    if (!fixed_) uniform(key_, 0, 1, chances_);
    std::fill(observation.begin(), observation.end(), 0.0);
  }

  // Success: the best arm at the last pull.
  Transition step(std::int64_t action, std::span<double> observation) override {
    const auto arm = static_cast<std::size_t>(action);
    const double paid = uniform(key_, chances_.size() + static_cast<std::uint64_t>(pull_)) < chances_[arm] ? 1 : 0;
    std::fill(observation.begin(), observation.end(), 0.0);
    observation[arm] = 1;
    observation.back() = paid;
    const bool done = ++pull_ == pulls_;
    return {.reward = paid,
            .done = done,
            .success = done && chances_[arm] == *std::max_element(chances_.begin(), chances_.end())};
  }

 private:
  std::vector<double> chances_;
  std::int64_t pulls_, pull_ = 0;
  bool fixed_;
  Key key_;
};

}  // namespace

EnvironmentKind bandit_kind() {
  return {
      "bandit",
      "arms that pay with unknown probabilities, to be explored and kept to",
      {{.name = "arms", .help = "arms to pull, which are the actions", .value = 2, .low = 2, .high = 1000},
       {.name = "pulls", .help = "steps of an episode", .value = 10, .low = 1, .high = 1e6},
       {.name = "fixed", .help = "1: the probabilities are the same in all episodes", .value = 0, .low = 0, .high = 1}},
      [](const TaskSpec& spec) -> EnvironmentFactory {
        const auto arms = static_cast<std::int64_t>(spec.numbers.at("arms"));
        const auto pulls = static_cast<std::int64_t>(spec.numbers.at("pulls"));
        const bool fixed = spec.numbers.at("fixed") != 0;
        return [=, seed = spec.seed] { return std::make_unique<Bandit>(arms, pulls, seed, fixed); };
      }};
}

}  // namespace eligo
