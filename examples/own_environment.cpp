// An environment of one's own, and a net that learns to act in it by policy gradient.
#include <runtime/eligo.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <numeric>

namespace {

// A walk from the middle of a corridor. The side of the prize is shown at the first step only.
class Corridor final : public eligo::Environment {
 public:
  eligo::EnvironmentShape shape() const override { return {.observations = 2, .actions = 2, .max_steps = 20}; }

  void reset(const eligo::Episode& episode, std::span<double> seen) override {
    place_ = 0;
    prize_ = eligo::random_sign(episode.key, 0) > 0 ? 3 : -3;
    seen[0] = prize_ > 0 ? 1 : -1;
    seen[1] = 0;
  }

  eligo::Transition step(std::int64_t action, std::span<double> seen) override {
    place_ += action == 1 ? 1 : -1;
    seen[0] = 0;
    seen[1] = place_ / 3.0;
    const bool end = place_ == 3 || place_ == -3, won = place_ == prize_;
    return {.reward = won ? 1.0 : -0.05, .done = end, .success = won};
  }

 private:
  int place_ = 0, prize_ = 0;
};

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

int learn() {
  constexpr std::int64_t many = 32;
  eligo::Environments corridors([] { return std::make_unique<Corridor>(); }, many);
  const auto program = eligo::compile({.rule = "bptt",
                                       .cell = "gru",
                                       .readout = "policy",
                                       .sizes = {{"n", 16}, {"m", 2}, {"k", 2}},
                                       .optimiser = "adam",
                                       .outputs = true});
  eligo::Session session(program, {.batch = many, .steps = corridors.shape().max_steps, .seed = 1});
  session.set_hyper("optimiser.alpha", 5e-3);
  session.set_hyper("L.entropy", 0.02);  // so that it goes on looking at both sides
  double last = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    eligo::Episodes episodes = eligo::act(session, corridors, {.first = many * i, .seed = 1});
    eligo::credit(episodes, {.discount = 0.95});
    session.run(episodes.batch);
    last = mean(episodes.returns);
  }
  std::printf("return %.2f after 300 batches; straight to the prize it is 0.90\n", last);
  return last > 0.85 ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return learn();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
