#include "runtime/environments/memory_chain.h"

#include <algorithm>

namespace eligo {
namespace {

class MemoryChain final : public Environment {
 public:
  MemoryChain(std::int64_t steps, std::int64_t cues) : steps_(steps), cues_(cues) {}

  // One channel for each cue, and one that asks for it.
  EnvironmentShape shape() const override { return {cues_ + 1, cues_, steps_}; }

  void reset(const Episode& episode, std::span<double> observation) override {
    step_ = 1;
    cue_ = static_cast<std::int64_t>(integer(episode.key, 0, static_cast<std::uint64_t>(cues_)));
    see(observation);
  }

  Transition step(std::int64_t action, std::span<double> observation) override {
    const bool asked = step_ == steps_, right = asked && action == cue_;
    ++step_;
    see(observation);
    return {.reward = right ? 1.0 : 0.0, .done = asked, .success = right};
  }

 private:
  void see(std::span<double> observation) const {
    std::fill(observation.begin(), observation.end(), 0.0);
    if (step_ == 1) observation[static_cast<std::size_t>(cue_)] = 1;
    if (step_ == steps_) observation[static_cast<std::size_t>(cues_)] = 1;
  }

  std::int64_t steps_, cues_;
  std::int64_t step_ = 1, cue_ = 0;
};

}  // namespace

EnvironmentKind memory_chain_kind() {
  return {"memory_chain",
          "a cue at the first step, to be named by the action at the last",
          {{.name = "T", .help = "steps of an episode", .value = 10, .low = 1, .high = 1e6},
           {.name = "cues", .help = "cues, and actions", .value = 2, .low = 2, .high = 1000}},
          [](const TaskSpec& spec) -> EnvironmentFactory {
            const auto steps = static_cast<std::int64_t>(spec.numbers.at("T"));
            const auto cues = static_cast<std::int64_t>(spec.numbers.at("cues"));
            return [=] { return std::make_unique<MemoryChain>(steps, cues); };
          }};
}

}  // namespace eligo
