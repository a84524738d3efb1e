// Parameters with a value per step: a feed-forward net is a cell whose steps are layers.
#include <gtest/gtest.h>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

constexpr const char* kParts = R"(
cell layers(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m], u[n] per step ~ normal(0, 1)
  param b[n] ~ normal(0, 1)
  h[t] = tanh(W . h[t-1] + U . x[t] + u + b)
}
cell all_untied(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] per step ~ normal(0, 1)
  h[t] = tanh(W . h[t-1] + U . x[t])
}
cell tied(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m], u[n] ~ normal(0, 1)
  param b[n] ~ normal(0, 1)
  h[t] = tanh(W . h[t-1] + U . x[t] + u + b)
}
cell routed(n, m, r) {
  input x[m]
  state h[n] = 0
  wiring parent[n, r] per step ~ sample(n)
  param W[n, r], U[n, m] per step ~ normal(0, 1)
  h[t][n] = tanh(W[n, r]*h[t-1][parent[n, r]] + U[n, m]*x[t][m])
}
synth a_layer(n) {
  input s[n]
  param A[n, n], a[n] per step ~ normal(0, 1)
  output g = A . s + a
}
rule mixed(net: cell, L: readout, g: synth) {
  let s = net.state, ψ = net.params, φ = L.params, θ = g.params
  keep λ per step = 0.5 in [0, 1]
  G[t] = g(s[t])
  G[last] = 0
  r[t] = d(L[t])/d(s[t]) + λ * r[t+1] . d(s[t+1])/d(s[t]) + (1 - λ)*G[t]
  learn ψ -= r[t] . d(s[t])/d(ψ)
  learn θ += (r[t] - G[t]) . d(G[t])/d(θ)
  learn φ -= d(L[t])/d(φ)
}
rule decays(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  learn ψ -= 0.1*ψ
}
rule sums(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  c[t] = 0.5*c[t-1] + d(s[t])/d(net.u)
  learn net.u -= d(L[t])/d(s[t]) . c[t]
}
rule mixes(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ) + d(L[t-1])/d(s[t-1]) . d(s[t-1])/d(ψ)
}
)";

class UntiedDepth : public testing::Test {
 protected:
  UntiedDepth() { folder_.write("parts.eli", kParts); }
  ProgramSpec spec(const std::string& rule, const std::string& cell, const std::string& synth = "") const {
    ProgramSpec made = exact(net(rule, cell, "linear_mse", "linear", 4));
    made.rule_paths = {folder_.path()};
    for (std::string* name : {&made.rule, &made.cell})
      if (std::string(kParts).find(" " + *name + "(") != std::string::npos) *name = folder_ / ("parts.eli:" + *name);
    made.synth = synth == "a_layer" ? folder_ / "parts.eli:a_layer" : synth;
    if (cell == "routed") made.sizes["r"] = 2;
    return made;
  }
  std::string refusal(const std::string& rule, const std::string& cell, const std::string& synth = "") const {
    try {
      compile(spec(rule, cell, synth));
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }
  TemporaryFolder folder_;
  const Shape shape_{.steps = 5, .examples = 3, .unequal = true, .masked = true};
};

// Every parameter of every step moved a little, both ways.
TEST_F(UntiedDepth, BpttIsFiniteDifferences) {
  for (const char* cell : {"feedforward", "layers", "routed"}) {
    SCOPED_TRACE(cell);
    const Batch batch = make_batch(shape_);
    Session session = make_session(spec("bptt", cell), shape_);
    session.set_hyper("optimiser.α", 0);
    session.run(batch);
    std::map<std::string, std::vector<double>> gradient;
    for (const std::string& name : parameters(session)) gradient[name] = session.gathered(name);
    for (const auto& [name, learned] : gradient) {
      const std::vector<double> at = session.get(name);
      ASSERT_EQ(at.size(), learned.size());
      std::vector<double> slope(at.size());
      constexpr double step = 1e-6;
      for (std::size_t i = 0; i < at.size(); ++i) {
        std::vector<double> moved = at;
        double loss[2];
        for (const int side : {0, 1}) {
          moved[i] = at[i] + (side ? step : -step);
          session.set(name, moved);
          loss[side] = session.run(batch, false).loss;
        }
        slope[i] = -(loss[1] - loss[0]) / (2 * step);
      }
      session.set(name, at);
      EXPECT_LE(difference(learned, slope), 1e-6) << name;
    }
  }
}

// With the same values at every step a net is recurrent, and its tied parameters learn the sum over the steps.
TEST_F(UntiedDepth, EqualStepsSumToTheTiedGradient) {
  const Batch batch = make_batch(shape_);
  Session tied = make_session(spec("bptt", "tied"), shape_);
  Session untied = make_session(spec("bptt", "layers"), shape_);
  for (const char* name : {"net.W", "net.U", "net.u"}) {
    std::vector<double> repeated;
    for (std::int64_t t = 0; t < shape_.steps; ++t)
      for (const double w : tied.get(name)) repeated.push_back(w);
    untied.set(name, repeated);
  }
  EXPECT_NEAR(untied.run(batch).loss, tied.run(batch).loss, 1e-14);
  for (const char* name : {"net.W", "net.U", "net.u"}) {
    const std::vector<double> sum = tied.gathered(name), each = untied.gathered(name);
    std::vector<double> added(sum.size());
    for (std::size_t i = 0; i < each.size(); ++i) added[i % sum.size()] += each[i];
    EXPECT_LE(difference(added, sum), 1e-12) << name;
    const std::vector<double> first(each.begin(), each.begin() + static_cast<std::ptrdiff_t>(sum.size()));
    EXPECT_GE(difference(first, sum), 1e-3) << name;
  }
  EXPECT_LE(difference(untied.gathered("net.b"), tied.gathered("net.b")), 1e-12);
}

TEST_F(UntiedDepth, TheInterpreterAgrees) {
  struct Case {
    std::string rule, cell, synth, optimiser;
    std::int64_t window;
    Update update;
  };
  for (const Case& c : {Case{"n_step_sg", "layers", "a_layer", "adam", 2, Update::window},
                        Case{"n_step_sg", "feedforward", "a_layer", "sgd", 2, Update::sequence},
                        Case{"bp_lambda", "layers", "linear", "adam", 0, Update::step},
                        Case{"bptt", "routed", "", "adam", 2, Update::window},
                        Case{"mixed", "layers", "a_layer", "sgd", 0, Update::sequence}}) {
    SCOPED_TRACE(c.rule + " " + c.cell);
    std::map<std::string, std::vector<double>> after[2];
    for (const bool interpreter : {false, true}) {
      ProgramSpec made = spec(c.rule, c.cell, c.synth);
      made.optimiser = c.optimiser;
      made.update = c.update;
      if (c.window) made.header["n"] = c.window;
      made.interpreter = interpreter;
      Session session = make_session(made, shape_);
      if (c.rule == "mixed") session.set("λ", std::vector<double>{0, 0.3, 1, 0.7, 0.2});
      session.set_hyper("optimiser.α", 0.05);
      for (const char* key : {"one", "two"}) session.run(make_batch(shape_, key));
      after[interpreter] = session.state();
    }
    for (const auto& [name, values] : after[1]) EXPECT_LE(difference(after[0].at(name), values), 1e-11) << name;
  }
}

// A step's derivatives are those of the weights that it was taken with. Where each weight is used once, learning at
// every step changes nothing that comes later; where a weight is shared by the steps it does.
TEST_F(UntiedDepth, WhatWasTakenIsKept) {
  for (const bool untied : {true, false}) {
    std::vector<std::vector<double>> learned;
    for (const double rate : {0.0, 0.3}) {
      ProgramSpec made = spec("bp_lambda", untied ? "all_untied" : "tied", "linear");
      made.update = Update::step;
      Session session = make_session(made, shape_);
      session.set_hyper("optimiser.α", 0);
      session.set_hyper("optimiser.ψ.α", rate);
      session.set_hyper("λ", 0.8);
      session.run(make_batch(shape_));
      learned.push_back(session.gathered("g.A"));
    }
    const double apart = difference(learned[1], learned[0]);
    EXPECT_TRUE(untied ? apart <= 1e-14 : apart >= 1e-4) << apart;
  }
}

// Adam moves what has a momentum even without a gradient; a step that no example reaches is left alone.
TEST_F(UntiedDepth, StepsBeyondEveryExampleLearnNothing) {
  ProgramSpec made = spec("bptt", "layers");
  made.optimiser = "adam";
  Session session = make_session(made, shape_);
  Batch batch = make_batch(shape_);
  batch.lengths = {5, 4, 2};
  session.run(batch);
  const std::vector<double> before = session.get("net.W");
  batch.lengths = {2, 1, 2};
  session.run(batch);
  const std::vector<double> after = session.get("net.W"), learned = session.gathered("net.W");
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (i < 2 * 16) continue;
    EXPECT_EQ(after[i], before[i]) << i;
    EXPECT_EQ(learned[i], 0) << i;
  }
  EXPECT_GE(difference(std::vector<double>(after.begin(), after.begin() + 32),
                       std::vector<double>(before.begin(), before.begin() + 32)),
            1e-5);
}

TEST_F(UntiedDepth, EveryStepIsDrawnByItself) {
  const auto program = compile(spec("bptt", "routed"));
  Session three(program, {.batch = 1, .steps = 3, .seed = 7}), five(program, {.batch = 1, .steps = 5, .seed = 7});
  for (const TensorInfo& info : five.tensors())
    EXPECT_TRUE(info.name != "net.W" || info.shape == (std::vector<std::int64_t>{5, 4, 2}));
  const std::vector<double> few = three.get("net.W"), many = five.get("net.W");
  EXPECT_EQ(few, std::vector<double>(many.begin(), many.begin() + 24));
  EXPECT_NE(std::vector<double>(many.begin(), many.begin() + 8),
            std::vector<double>(many.begin() + 8, many.begin() + 16));
  const std::vector<double> wiring = five.get("net.parent");
  EXPECT_NE(std::vector<double>(wiring.begin(), wiring.begin() + 8),
            std::vector<double>(wiring.begin() + 8, wiring.begin() + 16));
  five.run(make_batch({.steps = 5, .examples = 1}));
  Session other(program, {.batch = 1, .steps = 5, .seed = 8});
  other.restore(five.state());
  EXPECT_EQ(other.get("net.W"), five.get("net.W"));
}

TEST_F(UntiedDepth, WhatWouldMixStepsIsRefused) {
  EXPECT_MENTIONS(refusal("rtrl", "layers"), "different steps would be added up");
  EXPECT_MENTIONS(refusal("sums", "layers"), "belongs to no single one");
  EXPECT_MENTIONS(refusal("bp_lambda", "layers", "a_layer"), "different steps would be added up");
  EXPECT_MENTIONS(refusal("mixes", "layers"), "of step t-1");
  EXPECT_MENTIONS(refusal("decays", "layers"), "belongs to no single one");
  for (const char* rule : {"rtrl", "sums", "mixes", "decays"}) EXPECT_EQ(refusal(rule, "tied"), "") << rule;
  const auto program = compile(spec("bptt", "layers"));
  Session session(program, {.batch = 1, .steps = 5});
  const std::vector<double> x(3), y(2);
  EXPECT_MENTIONS(error_of([&] { session.step(x, y); }), "a value for each step");
}

}  // namespace
}  // namespace eligo::test
