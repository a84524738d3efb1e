// `eligo eval`: what a case may give, draws, starts and numbers, against sums by hand.
#include "tests/runtime/eval_case.h"

namespace eligo::test {
namespace {

// The gradient of a bias is the signal's mean over the examples, summed over the steps that they have.
TEST_F(Eval, DrawsAreGivenByTheNameOfTheirEquation) {
  for (const std::int64_t batch : {3, 60}) {  // 60 are cut into shards
    examples = batch;
    for (const char* backend : {"jit", "interpreter"}) {
      json c = a_case("noisy_signal", "rnn_linear");
      c["backend"] = backend;
      std::vector<std::int64_t> lengths;
      for (std::int64_t b = 0; b < examples; ++b) lengths.push_back(b % 3 == 1 ? 2 : steps);
      c["lengths"] = lengths;
      const json nu = drawn("nu", {steps, examples, n});
      c["show"] = {"nu"};
      c["values"]["nu"] = drawn("zero", {steps, examples, n});
      for (json& step : c["values"]["nu"])
        for (json& example : step)
          for (json& x : example) x = 0;
      const json without = run(c);
      c["values"]["nu"] = nu;
      const json with = run(c);
      EXPECT_EQ(flat(with["steps"]["nu"][0]), flat(nu[0]));
      EXPECT_EQ(flat(with["steps"]["nu"][3][1]), std::vector<double>(n, 0.0)) << "beyond its end an example has no draw";
      for (std::size_t i = 0; i < n; ++i) {
        double want = 0;
        for (std::int64_t b = 0; b < examples; ++b)
          for (std::int64_t t = 0; t < lengths[static_cast<std::size_t>(b)]; ++t)
            want -= nu[static_cast<std::size_t>(t)][static_cast<std::size_t>(b)][i].get<double>() / static_cast<double>(examples);
        EXPECT_NEAR(with["learn"]["ψ.b"][i].get<double>() - without["learn"]["ψ.b"][i].get<double>(), want, 1e-12);
      }
    }
  }
}

TEST_F(Eval, ACellsDrawBearsItsRole) {
  json c = a_case("bptt", "noisy");
  c["values"] = {{"net.W", drawn("W", {n, n})}, {"net.U", drawn("U", {n, m})}, {"net.ξ", drawn("xi", {steps, examples, n})}};
  c["show"] = {"s"};
  for (const char* backend : {"jit", "interpreter"}) {
    const json states = run(c, "backend", backend)["steps"]["s"];
    for (std::size_t b = 0; b < 3; ++b)
      for (std::size_t t = 0; t < 4; ++t)
        for (std::size_t i = 0; i < n; ++i) {
          double z = c["values"]["net.ξ"][t][b][i];
          for (std::size_t j = 0; j < n; ++j) z += c["values"]["net.W"][i][j].get<double>() * states[t][b][j].get<double>();
          for (std::size_t j = 0; j < m; ++j) z += c["values"]["net.U"][i][j].get<double>() * c["x"][t][b][j].get<double>();
          EXPECT_NEAR(states[t + 1][b][i].get<double>(), std::tanh(z), 1e-14);
        }
  }
}

// What is given is the same wherever it is drawn again: in segments of a bounded memory, with other threads, in f32.
TEST_F(Eval, GivenDrawsHoldHoweverTheStepsAreTaken) {
  steps = 200;
  examples = 60;
  json c = a_case("bptt", "noisy");
  c["values"] = {{"net.ξ", drawn("xi", {steps, examples, n})}};
  const json whole = run(c);
  EXPECT_EQ(run(c, "threads", 2)["learn"], whole["learn"]);
  EXPECT_EQ(run(c, "memory", "2900KiB")["learn"], whole["learn"]);
  EXPECT_LE(apart(run(c, "dtype", "f32")["learn"]["ψ.W"], whole["learn"]["ψ.W"]), 1e-4);
  c["values"] = json::object();
  EXPECT_GE(apart(run(c)["learn"]["ψ.W"], whole["learn"]["ψ.W"]), 1e-3);
}

TEST_F(Eval, WhatIsNoDrawIsRefused) {
  json c = a_case("scaled_noise");
  c["values"]["ν"] = drawn("nu", {steps, examples, n});
  EXPECT_MENTIONS(refusal(c), "ν");
  c = a_case("noisy_signal");
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{steps, examples}, {steps, examples, n + 1}, {steps + 1, examples, n}, {n}}) {
    c["values"]["ν"] = drawn("nu", shape);
    EXPECT_MENTIONS(refusal(c), "[4][3][3]");
  }
}

// P[1] = J[1] . P[start] + I[1], whatever the schedule: what it adds to the gradient is linear in it.
TEST_F(Eval, ARecurrenceStartsFromWhatIsGiven) {
  json c = a_case("rtrl", "rnn_linear");
  const std::int64_t params = n * n + n * m + n;
  c["values"] = {{"net.W", drawn("W", {n, n})}, {"L.V", drawn("V", {k, n})}};
  c["show"] = {"P"};
  c["seed"] = 1;
  const json without = run(c);
  c["values"]["P[start]"] = drawn("P", {examples, n, params});
  const json shown = run(c);
  ASSERT_EQ(shown["steps"]["P"].size(), 5u);
  EXPECT_LE(apart(shown["steps"]["P"][0], c["values"]["P[start]"]), 0);
  const auto w = [&](std::size_t i, std::size_t j) { return c["values"]["net.W"][i][j].get<double>(); };
  const json& start = c["values"]["P[start]"];
  for (std::size_t b = 0; b < 3; ++b)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t p = 0; p < static_cast<std::size_t>(params); ++p) {
        double want = without["steps"]["P"][0][b][i][p];
        for (std::size_t j = 0; j < n; ++j) want += w(i, j) * start[b][j][p].get<double>();
        EXPECT_NEAR(shown["steps"]["P"][1][b][i][p].get<double>(), want, 1e-14);
      }
  c.erase("show");
  const json want = run(c, "backend", "interpreter")["learn"];
  EXPECT_GE(apart(want["ψ.W"], without["learn"]["ψ.W"]), 1e-3);
  for (const char* schedule : {"dense", "reverse", "replay", "auto"}) {
    const json learned = run(c, "schedule", {{"P", schedule}})["learn"];
    for (const auto& [name, value] : learned.items()) EXPECT_LE(apart(value, want[name]), 1e-12) << schedule << name;
  }
}

// Also where the rule has a value of its own there, and where what it carries has a known shape.
TEST_F(Eval, StartsReplaceTheRulesOwn) {
  for (const char* rule : {"bp_lambda", "bp_lambda_authors", "snap1", "uoro"}) {
    json c = a_case(rule);
    const std::string name = std::string(rule) == "uoro" ? "A" : std::string(rule) == "snap1" ? "P" : "e";
    const std::int64_t width = name == "e" ? n * n + n : n * n + n * m + n;
    c["values"][name + "[start]"] =
        name == "A" ? drawn("start", {examples, n}) : drawn("start", {examples, n, width});
    if (name == "A") c["values"]["B[start]"] = drawn("B", {examples, width});
    c["show"] = json::array({name});
    const json shown = run(c), slow = run(c, "backend", "interpreter");
    EXPECT_LE(apart(shown["steps"][name][0], c["values"][name + "[start]"]), 1e-15) << rule;
    for (const auto& [key, value] : slow["learn"].items()) EXPECT_LE(apart(shown["learn"][key], value), 1e-11) << rule << key;
    EXPECT_LE(apart(shown["steps"][name], slow["steps"][name]), 1e-11) << rule;
    c["values"] = json::object();
    EXPECT_GE(apart(run(c)["steps"][name].back(), shown["steps"][name].back()), 1e-4) << rule;
  }
}

// e[start] is read by the line of the first step, for bp_lambda's own range: δ[start] . e[start] too.
TEST_F(Eval, AStartIsRefusedWhereThereIsNone) {
  json c = a_case("bp_lambda");
  c["values"]["G[start]"] = drawn("G", {examples, n});
  EXPECT_MENTIONS(refusal(c), "G[start]");
  c["values"] = {{"Q[start]", 1}};
  EXPECT_MENTIONS(refusal(c), "Q[start]");
  c["values"] = {{"e[start]", drawn("e", {examples, n, n})}};
  EXPECT_MENTIONS(refusal(c), "[3][3][12]");
  c = a_case("bptt");
  c["values"]["r[start]"] = drawn("r", {examples, n});  // runs backward
  EXPECT_MENTIONS(refusal(c), "r[start]");
}

TEST_F(Eval, KeepsPerStepMayHaveBundlesAsAxes) {
  json c = a_case("kept_per_step", "rnn_linear");
  c["values"] = {{"c", drawn("c", {steps, n})}, {"L.V", drawn("V", {k, n})}};
  c["show"] = {"r"};
  const json fast = run(c), slow = run(c, "backend", "interpreter");
  EXPECT_EQ(fast["values"]["c"], c["values"]["c"]);
  EXPECT_LE(apart(fast["learn"]["ψ.W"], slow["learn"]["ψ.W"]), 1e-14);
  c["values"]["c"] = drawn("one", {steps, n});
  for (json& step : c["values"]["c"])
    for (json& x : step) x = 1;
  const json plain = run(c);
  for (std::size_t t = 0; t < 4; ++t)
    for (std::size_t b = 0; b < 3; ++b)
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_NEAR(fast["steps"]["r"][t][b][i].get<double>(),
                    fast["values"]["c"][t][i].get<double>() * plain["steps"]["r"][t][b][i].get<double>(), 1e-14);
}

TEST_F(Eval, NumbersOfTheHeaderStandAmongTheHypers) {
  json c = a_case("bp_lambda_authors");
  c["hyper"] = {{"after", 1}, {"lambda", 0.5}};
  c["update"] = {{"every", "step"}, {"sgd", {{"θ", 0.5}}}};
  const json late = run(c);
  c["hyper"]["after"] = 0;
  EXPECT_GE(apart(run(c)["learn"]["ψ.W"], late["learn"]["ψ.W"]), 1e-5);
  c["hyper"]["after"] = 0.5;
  EXPECT_MENTIONS(refusal(c), "after");
  c = a_case("bptt");
  c["hyper"] = {{"n", 0}};
  EXPECT_MENTIONS(refusal(c), "positive");
}

// Nothing that a case gives is left out, taken twice or taken for something else.
TEST_F(Eval, WhatIsGivenIsTakenOnceAndWhole) {
  const auto refused = [&](const char* field, const json& value) {
    json c = a_case("bp_lambda");
    c[field] = value;
    return refusal(c);
  };
  EXPECT_MENTIONS(refused("hyper", json({{"lambda", 0.1}, {"λ", 0.9}})), "which are one name");
  EXPECT_MENTIONS(refused("update", json({{"evry", "step"}})), "did you mean \"every\"?");
  EXPECT_MENTIONS(refused("update", json({{"rate", 1}})), "has no field \"rate\"");
  EXPECT_MENTIONS(refused("update", json({{"sgd", {{"psi", 1}, {"ψ", 2}}}})), "which are one name");
  EXPECT_MENTIONS(refused("window", "ALL"), "an integer or \"all\"");
  EXPECT_MENTIONS(refused("memory", 1.5), "expected an amount");
  EXPECT_MENTIONS(refused("rule", std::string(1000000, 'a')), "more than 4096 characters");
  json c = a_case("bp_lambda");
  c["update"] = {{"sgd", 1}};
  c["hyper"] = {{"optimiser.alpha", 3}};
  EXPECT_MENTIONS(refusal(c), "give one of them");
}

TEST_F(Eval, StatesAtTheStartHaveTheirShape) {
  json c = a_case("bptt");
  const json right = drawn("start", {examples, n});
  c["values"]["net.h[start]"] = right;
  EXPECT_EQ(refusal(c), "");
  c["values"]["net.h[start]"] = right[0];
  EXPECT_EQ(refusal(c), "") << "the same for all examples";
  examples = 2;
  c = a_case("bptt");
  for (const json& wrong : {drawn("start", {n, examples}), drawn("start", {n * examples}), drawn("start", {1, examples, n})}) {
    c["values"]["net.h[start]"] = wrong;
    EXPECT_MENTIONS(refusal(c), "net.h[start] has [2][3], or [3] for all examples");
  }
}

}  // namespace
}  // namespace eligo::test
