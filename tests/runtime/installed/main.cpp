// A program of another project: trains a small network online on one sequence, with the installed library.
#include <runtime/session.h>

#include <cstdio>

int main() {
  auto program = eligo::compile({.rule = "bp_lambda", .cell = "rnn_tanh", .readout = "linear_mse", .synth = "linear",
                                 .sizes = {{"n", 8}, {"m", 2}, {"k", 1}}, .cache = "none"});
  eligo::Session session(program, {.batch = 1, .steps = 3, .seed = 1});
  session.set_hyper("optimiser.alpha", 0.05);
  const eligo::Batch batch{.steps = 3, .examples = 1, .x = {1, 0, 0, 0, 0, 0}, .y = {0, 0, 1}, .loss_mask = {0, 0, 1}};
  const double before = session.run(batch).loss;
  for (int i = 0; i < 200; ++i) session.run(batch);
  const double after = session.run(batch, false).loss;
  std::printf("loss %g -> %g\n", before, after);
  return after < 0.5 * before ? 0 : 1;
}
