// Compiles a rule from a file, trains a small net on whole sequences and then step by step, reads and writes tensors.
// Run it as: first_rule [leaky.eli]
#include <runtime/eligo.h>

#include <cstdio>
#include <exception>
#include <vector>

namespace {

// One sequence: a bit at the first step, asked for at the third. Two examples, one for each bit.
eligo::Batch make_batch() {
  eligo::Batch batch{.steps = 3, .examples = 2};
  batch.x = {1, -1, 0, 0, 0, 0};          // [T][B][m]
  batch.y = {0, 0, 0, 0, 1, -1};          // [T][B][k]
  batch.loss_mask = {0, 0, 0, 0, 1, 1};   // [T][B]: only the last step has a loss
  return batch;
}

int train(const char* rule_file) {
  // A program is compiled once and may serve many sessions. `show` names the equations to be kept for reading.
  const auto program = eligo::compile({.rule = rule_file,
                                       .cell = "rnn_tanh",
                                       .readout = "linear_mse",
                                       .sizes = {{"n", 8}, {"m", 1}, {"k", 1}},
                                       .show = {"E", "L.o"}});
  eligo::Session session(program, {.batch = 2, .steps = 3, .seed = 1});
  session.set_hyper("optimiser.alpha", 0.1);
  session.set_hyper("rho", 0.8);

  // Parameters by name: the role, a dot, the name in its file. Here the recurrent matrix starts as 0.5 I.
  std::vector<double> w(8 * 8, 0);
  for (std::size_t i = 0; i < 8; ++i) w[i * 8 + i] = 0.5;
  session.set("net.W", w);

  // Whole sequences, with learning.
  const eligo::Batch batch = make_batch();
  const double before = session.run(batch, false).loss;  // false: nothing changes
  for (int i = 0; i < 200; ++i) session.run(batch);
  const double after = session.run(batch).loss;
  std::printf("loss %.4f before, %s after 200 sequences\n", before, after < 0.1 * before ? "less than a tenth" : "more");

  // What the last sequence made of an equation: [T][B][shape of one step].
  const eligo::Session::Shown trace = session.shown("E");
  std::printf("E: %d steps of [%d, %d]\n", int(trace.rows), int(trace.shape[0]), int(trace.shape[1]));

  // Online: one step of every example at a time, learning as it arrives. A program without `show` keeps only the few
  // steps that the rule reads, so it takes sequences of any length. The trained parameters are carried over by name.
  const auto online_program = eligo::compile({.rule = rule_file,
                                              .cell = "rnn_tanh",
                                              .readout = "linear_mse",
                                              .sizes = {{"n", 8}, {"m", 1}, {"k", 1}},
                                              .update = eligo::Update::step});
  eligo::Session online(online_program, {.batch = 1, .seed = 1});
  for (const eligo::TensorInfo& tensor : online.tensors()) {
    if (tensor.parameter) online.set(tensor.name, session.get(tensor.name));
  }
  online.set_hyper("optimiser.alpha", 1e-3);
  double loss = 0;
  for (int sequence = 0; sequence < 10; ++sequence) {
    online.reset();  // back to the initial state
    for (const double bit : {1.0, 0.0, 0.0}) loss = online.step(std::vector{bit}, std::vector{1.0}).loss;
  }
  std::printf("online: last step's loss %s\n", loss < 0.1 ? "below 0.1" : "0.1 or more");

  for (const eligo::TensorInfo& tensor : online.tensors()) {
    std::printf("%-13s %2zu numbers%s%s\n", tensor.name.c_str(), online.get(tensor.name).size(),
                tensor.bundle.empty() ? "" : ", learned as ", tensor.bundle.c_str());
  }
  return after < 0.1 * before ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return train(argc > 1 ? argv[1] : "leaky.eli");
  } catch (const std::exception& error) {  // eligo::Error, or a rule's faults with their places in the file
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
