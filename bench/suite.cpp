#include "bench/suite.h"

namespace eligo::bench {
namespace {

// The parts that a rule has for a simple net: cell, readout, and a linear synthesiser.
Workload on(const std::string& name, const std::string& rule, const std::string& cell, const std::string& readout,
            std::int64_t units, std::int64_t inputs, std::int64_t outputs) {
  Workload w;
  w.name = name;
  w.program.rule = rule;
  w.program.cell = cell;
  w.program.readout = readout;
  w.program.optimiser = "adam";
  w.program.sizes = {{"n", units}, {"m", inputs}, {"k", outputs}};
  w.targets = readout == "linear_softmax"     ? Targets::one_hot
              : readout == "linear_bernoulli" ? Targets::bits
                                              : Targets::real;
  if (rule.starts_with("bp_lambda")) w.program.synth = "linear";
  return w;
}

Workload shaped(Workload w, std::int64_t batch, std::int64_t steps, Losses losses) {
  w.batch = w.program.batch_hint = batch;
  w.steps = w.program.steps_hint = steps;
  w.losses = losses;
  return w;
}

Goal faster(const std::string& peer, double at_least, const std::string& peer_workload = "") {
  return {Goal::Kind::times_faster, peer, peer_workload, at_least};
}
Goal peak(double at_least) { return {Goal::Kind::share_of_peak, "", "", at_least}; }
Goal threads(double at_least) { return {Goal::Kind::times_one_thread, "", "", at_least}; }

// BP(λ)'s trace as its equation has it, carried forward.
Entry dense_trace(std::int64_t units) {
  const std::string name = "dense trace, tanh RNN " + std::to_string(units);
  Workload w = shaped(on(name, "bp_lambda", "rnn_tanh", "linear_mse", units, 10, 2), 10, 10, Losses::last);
  w.program.schedule = {{"e", "dense"}};
  return {w, {peak(0.8), faster("eigen", 2)}, {"eigen"}, false};
}

Entry bandit() {
  Workload w;
  w.name = "SGProp bandit step";
  w.program = {.rule = "sgprop_layers",
               .cell = "sparsenet_residual",
               .readout = "linear_softmax",
               .synth = "sparsenet_layers",
               .sizes = {{"w", 200}, {"q", 10}, {"slot", 5}, {"r", 5}, {"m", 784}, {"n", 2000}, {"k", 9}}};
  w.program.optimiser = "adam";
  w.targets = Targets::one_hot;
  w.acts_first = true;
  w = shaped(w, 64, 5, Losses::last);
  return {w, {faster("torch", 10)}, {"torch"}, false};
}

Entry labyrinth() {
  Workload w;
  w.name = "recurrent SparseNet";
  w.program = {.rule = "sgprop_temporal_slots",
               .cell = "sparsenet_inputs",
               .readout = "linear_softmax",
               .synth = "sparsenet_slots",
               .sizes = {{"w", 128}, {"e", 16}, {"q", 6}, {"slot", 6}, {"r", 6}, {"m", 128}, {"n", 768}, {"k", 4}}};
  w.program.optimiser = "adam";
  w.targets = Targets::one_hot;
  w = shaped(w, 20, 80, Losses::every);
  return {w, {faster("torch", 10)}, {"torch"}, false};
}

Entry online(const std::string& rule, std::int64_t units, double at_least) {
  Workload w = on(rule + " online, H = " + std::to_string(units), rule, rule == "rflo" ? "rnn_leaky" : "rnn_tanh",
                  "linear_mse", units, 2, 2);
  if (rule == "rflo") w.program.synth = "feedback";
  w.program.optimiser = "sgd";
  w.program.update = Update::step;
  w.program.batch_hint = 1;
  w.program.online = w.online = true;
  Entry e{w, {}, {}, false};
  if (rule != "bp_lambda") e.peers = {"numpy", "braintrace"};
  if (at_least > 0) e.goals = {faster("numpy", at_least)};
  if (rule == "rtrl" && units == 100) e.goals.push_back(faster("braintrace", 3));
  return e;
}

Workload two_threads(Workload w) {
  w.name += ", 2 threads";
  w.threads = 2;
  return w;
}

}  // namespace

std::vector<Entry> suite() {
  std::vector<Entry> entries = {dense_trace(30), dense_trace(60)};
  const auto add = [&](Workload w, std::vector<Goal> goals, std::vector<std::string> peers, bool slow = false) {
    entries.push_back({std::move(w), std::move(goals), std::move(peers), slow});
  };
  const auto delayed = [](const std::string& name, const std::string& rule) {
    return shaped(on("delayed target, " + name, rule, "rnn_tanh", "linear_mse", 30, 10, 2), 10, 10, Losses::last);
  };
  const auto mnist = [](const std::string& name, const std::string& rule) {
    return shaped(on("sequential MNIST, " + name, rule, "lstm", "linear_softmax", 30, 28, 10), 50, 28, Losses::last);
  };
  const auto copy = [](const std::string& name, const std::string& rule) {
    return shaped(on("copy-repeat, " + name, rule, "lstm", "linear_bernoulli", 100, 10, 9), 100, 15, Losses::every);
  };
  add(delayed("BPTT", "bptt"), {faster("torch", 160)}, {"eigen", "torch", "jax"});
  add(delayed("BP(1)", "bp_lambda"), {faster("torch", 350)}, {"eigen", "torch"});
  // A clip of what each step adds needs just that, so the trace cannot wait for the end of the sequence.
  add(delayed("BP(1) clipped", "bp_lambda_authors"), {}, {"torch"});
  add(mnist("BPTT", "bptt"), {faster("torch", 7), faster("jax", 4.5), peak(0.8)}, {"eigen", "torch", "jax"});
  add(mnist("BP(1)", "bp_lambda"), {faster("torch", 4, "sequential MNIST, BPTT"), faster("torch", 600)},
      {"eigen", "torch"});
  add(copy("BPTT", "bptt"), {faster("torch", 2.2), faster("jax", 1.9), peak(0.8)}, {"eigen", "torch", "jax"});
  add(copy("BP(1)", "bp_lambda"), {faster("torch", 1.05, "copy-repeat, BPTT")}, {"eigen", "torch"}, true);
  add(shaped(on("GRU 256, BPTT", "bptt", "gru", "linear_softmax", 256, 128, 4), 20, 80, Losses::every),
      {faster("torch", 2.4), peak(0.8)}, {"torch"});
  add(shaped(on("tanh RNN 2000, BPTT", "bptt", "rnn_tanh", "linear_mse", 2000, 10, 2), 50, 10, Losses::last),
      {peak(0.6)}, {"torch"});
  entries.push_back(bandit());
  entries.push_back(labyrinth());
  add(two_threads(mnist("BPTT", "bptt")), {threads(1.85)}, {});
  add(two_threads(copy("BPTT", "bptt")), {threads(1.85)}, {});
  add(two_threads(mnist("BP(1)", "bp_lambda")), {threads(1.85)}, {});
  for (const std::int64_t units : {32, 100, 256}) {
    entries.push_back(online("bp_lambda", units, 0));
    entries.push_back(online("rtrl", units, units == 100 ? 5 : 0));
    entries.push_back(online("uoro", units, units == 100 ? 20 : 0));
    entries.push_back(online("rflo", units, units == 100 ? 20 : 0));
  }
  return entries;
}

}  // namespace eligo::bench
