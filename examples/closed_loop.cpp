// A net steers a point: what it sees next depends on what it did, so a step's signal exists only once its output is
// known. RTRL learns at every step; nothing is unrolled.
#include <runtime/eligo.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <vector>

namespace {

int steer() {
  // `external` takes dE/d(output) itself as its target: here of E = (place - goal)² / 2 behind the move.
  const auto program = eligo::compile({.rule = "rtrl",
                                       .cell = "rnn_projected",
                                       .readout = "external",
                                       .sizes = {{"net.n", 16}, {"net.p", 1}, {"net.m", 2}, {"L.n", 1}},
                                       .optimiser = "adam",
                                       .update = eligo::Update::step,
                                       .outputs = true});
  eligo::Session session(program, {.batch = 1, .seed = 1});
  session.set_hyper("optimiser.alpha", 3e-3);
  double place = 0, goal = 1, early = 0, late = 0;
  constexpr int steps = 6000, part = 500;
  for (int t = 0; t < steps; ++t) {
    if (t % 20 == 0) goal = std::sin(0.7 * t);  // a new goal
    const double move = session.forward(std::vector{place, goal}).at(0);
    place += 0.5 * move;
    const double error = place - goal;
    session.learn(std::vector{0.5 * error});  // dE/d(move)
    if (t < part) early += error * error / part;
    if (t >= steps - part) late += error * error / part;
    if (t % 1000 == 999) {  // an episode has ended: the net forgets what it carries, not what it has learned
      place = 0;
      session.reset();
    }
  }
  std::printf("squared error %s of what it was\n", late < 0.2 * early ? "less than a fifth" : "a fifth or more");
  return late < 0.2 * early ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return steer();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
