// `eligo eval`: the batch of a task as a case; what expressions of a case come to.
#include "tests/runtime/eval_case.h"

namespace eligo::test {
namespace {

TEST_F(Eval, ATasksBatchIsACase) {
  for (const char* name : {"delayed_target", "seq_mnist"}) {
    TaskBatch wanted;
    wanted.task.name = name;
    wanted.task.batch = 3;
    wanted.task.seed = 5;
    wanted.epoch = 2;
    wanted.number = 4;
    if (std::string(name) == "seq_mnist") wanted.task.numbers = {{"drawn_train", 40}, {"drawn_test", 10}};
    json c = task_case(wanted);
    const Batch batch = make_task(wanted.task)->batch(Split::train, 1, 3);
    EXPECT_LE(apart(c["x"], batch.x), 0);
    EXPECT_LE(apart(c["y"], batch.y), 0);
    EXPECT_LE(apart(c["loss_mask"], batch.loss_mask), 0);
    EXPECT_EQ(c["x"].size(), static_cast<std::size_t>(batch.steps));
    EXPECT_EQ(c["x"][0].size(), 3u);
    c["rule"] = "bptt";
    c["cell"] = "rnn_tanh";
    c["readout"] = "linear_mse";
    c["sizes"]["n"] = 4;
    EXPECT_GT(run(c)["loss"].get<double>(), 0);
    wanted.number = 1000000;
    EXPECT_MENTIONS(error_of([&] { task_case(wanted); }), "1000000");
    wanted.number = 0;
    EXPECT_MENTIONS(error_of([&] { task_case(wanted); }), "1..");
  }
}

const char* const kOddRules = R"(
cell two(n, m, r) {
  input x[m]
  state h[r, n] = 0
  param a[r, n] = 0
  h[t] = unit[n](a) + inner[n](a, a)*a
}
cell of_numbers(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  z[t] = W . h[t-1] + U . x[t]
  h[t] = z[t]/(1 + max(norm2(z[t])))*softmax(sum(z[t])) + logsumexp(mean(z[t])) - min(sum(z[t]))
}
readout total(n, r, k) {
  input h[r, n]
  target y[k]
  loss sum(h)
}
synth crit(n, hidden) {
  input s[n]
  param W[hidden, n], b[hidden], q[hidden] ~ uniform(-1, 1)
  z = W . s + b
  v = sum(where(q > 0, sqrt(z), 0))
  output g = d(v)/d(s)
}
rule critic(net: cell, L: readout, g: synth) {
  let s = net.state, ψ = net.params, φ = L.params, θ = g.params
  G[t] = g(s[t])
  learn θ += (d(L[t])/d(s[t]) - G[t]) . d(G[t])/d(θ)
}
rule revises(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  at each t, for k in start..t-1 {
    ψ[k+1] = ψ[k] - 0.01*d(L[k+1])/d(s[k+1]) . d(s[k+1])/d(ψ)
    ψ[start] = ψ before sequence
    ψ := ψ[t]
  }
}
)";

TEST_F(Eval, NormsAndProductsAreTakenOverTheAxesThatTheyName) {
  const std::string file = folder_.write("odd.eli", kOddRules);
  json c = {{"rule", "bptt"}, {"cell", file + ":two"}, {"readout", file + ":total"}, {"show", {"s"}},
            {"sizes", {{"n", 2}, {"m", 1}, {"k", 1}, {"r", 2}}}, {"x", {{{0}}}}, {"y", {{{0}}}}};
  c["values"]["net.a"] = {{3, 4}, {6, 8}};
  for (const char* backend : {"jit", "interpreter"})
    EXPECT_LE(apart(run(c, "backend", backend)["steps"]["s"][1][0], json({75.6, 100.8, 600.6, 800.8})), 1e-12);
}

TEST_F(Eval, ReductionsOfANumberAreThatNumber) {
  const std::string file = folder_.write("odd.eli", kOddRules);
  json c = a_case("bptt");
  c["cell"] = file + ":of_numbers";
  c["show"] = {"s"};
  const json kernels = run(c);
  EXPECT_LE(apart(run(c, "backend", "interpreter")["learn"]["ψ.W"], kernels["learn"]["ψ.W"]), 1e-12);
}

// One unit's branch is not taken; another's is no number. The first learns nothing, whatever the second does.
TEST_F(Eval, AnUntakenBranchHoldsAlsoInSecondDerivatives) {
  const std::string file = folder_.write("odd.eli", kOddRules);
  json c = {{"rule", file + ":critic"}, {"cell", "rnn_tanh"}, {"readout", "linear_mse"}, {"synth", file + ":crit"},
            {"sizes", {{"n", 1}, {"m", 1}, {"k", 1}, {"hidden", 2}}}, {"x", {{{1}}}}, {"y", {{{0}}}}};
  c["values"] = {{"g.W", {{1}, {1}}}, {"g.b", {-1, 1}}, {"g.q", {1, 0}}, {"net.W", {{0}}}, {"net.U", {{0.5}}}, {"net.b", {0}}};
  for (const char* backend : {"jit", "interpreter"}) {
    const json learned = run(c, "backend", backend)["learn"];
    EXPECT_EQ(learned["θ.W"], json({{"nan"}, {0.0}})) << backend;
    EXPECT_EQ(learned["θ.b"], json({"nan", 0.0})) << backend;
  }
}

TEST_F(Eval, ACallMayBeIndexed) {
  const char* const cells = R"(
cell by_index(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  z[t] = W . h[t-1] + U . x[t]
  h[t][i] = W[i, j]*softmax(z[t])[j] + tanh(z[t])[i] - (W . z[t])[i]
}

cell whole(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  z[t] = W . h[t-1] + U . x[t]
  h[t] = W . softmax(z[t]) + tanh(z[t]) - W . z[t]
}
)";
  const std::string file = folder_.write("indexed.eli", cells);
  json c = a_case("bptt");
  c["cell"] = file + ":by_index";
  const json indexed = run(c)["learn"];
  c["cell"] = file + ":whole";
  EXPECT_LE(apart(indexed["ψ.W"], run(c)["learn"]["ψ.W"]), 1e-12);
}

TEST_F(Eval, ARuleMayHaveNoLine) {
  json c = a_case("bptt");
  c["rule"] = folder_.write("odd.eli", kOddRules) + ":revises";
  c["show"] = {"s"};
  EXPECT_EQ(refusal(c), "");
}

}  // namespace
}  // namespace eligo::test
