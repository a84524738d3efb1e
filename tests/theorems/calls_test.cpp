// What a call is about: whose step's parameters a synthesiser takes, whose step's mask a called loss.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/runtime/temporary.h"
#include "tests/theorems/steps.h"

namespace eligo::test {
namespace {

constexpr std::int64_t kUnits = 3, kInputs = 3, kTargets = 2;
const Shape shape{.steps = 5, .examples = 3, .unequal = true, .masked = true};

constexpr const char* kParts = R"(
synth ahead(n, m) {
  input s[n], x[m]
  param A[n, n], B[n, m] per step ~ normal(0, 1)
  output g = A . s + B . x
}
synth behind(m, n) {
  input x[m], s[n]
  param A[n, n], B[n, m] per step ~ normal(0, 1)
  output g = A . s + B . x
}
rule of_two_steps(net: cell, L: readout, g: synth) {
  let s = net.state, x = net.input, φ = L.params
  F[t] = g(s[t], x[t+1])
  learn φ -= d(L[t])/d(φ)
}
rule of_two_steps_back(net: cell, L: readout, g: synth) {
  let s = net.state, x = net.input, φ = L.params
  F[t] = g(x[t-1], s[t])
  learn φ -= d(L[t])/d(φ)
}
rule of_the_start(net: cell, L: readout, g: synth) {
  let s = net.state, x = net.input, φ = L.params
  F[t] = g(s[start], x[t])
  learn φ -= d(L[t])/d(φ)
}
rule of_the_start_turned(net: cell, L: readout, g: synth) {
  let s = net.state, x = net.input, φ = L.params
  F[t] = g(x[t], s[start])
  learn φ -= d(L[t])/d(φ)
}
rule reads(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  M[t] = L[t]
  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
rule calls(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  M[t] = L(net.h[t], L.target[t])
  learn ψ -= d(M[t])/d(s[t]) . d(s[t])/d(ψ)
  learn φ -= d(M[t])/d(φ)
}
rule calls_ahead(net: cell, L: readout) {
  let s = net.state, φ = L.params
  M[t] = L(net.h[t], L.target[t+1])
  N[t] = L(net.h[start], L.target[t])
  learn φ -= d(L[t])/d(φ)
}
)";

class Calls : public testing::Test {
 protected:
  Session session(const std::string& rule, const std::string& synth, const std::vector<std::string>& show,
                  bool interpreter = false) const {
    ProgramSpec spec = exact(net(folder_ / ("parts.eli:" + rule), "rnn_tanh", "linear_mse", "linear", kUnits));
    spec.synth = synth.empty() ? "" : folder_ / ("parts.eli:" + synth);
    spec.show = show;
    spec.interpreter = interpreter;
    Session s = make_session(spec, shape);
    s.set_hyper("optimiser.α", 0);
    return s;
  }
  // A[step] . s + B[step] . x
  static std::vector<double> predicted(const Session& s, std::int64_t step, std::span<const double> state,
                                       const double* x) {
    const std::vector<double> a = s.get("g.A"), b = s.get("g.B");
    std::vector<double> out(kUnits, 0.0);
    for (std::size_t i = 0; i < kUnits; ++i) {
      const std::size_t row = static_cast<std::size_t>(step - 1) * kUnits + i;
      for (std::size_t j = 0; j < kUnits; ++j) out[i] += a[row * kUnits + j] * state[j];
      for (std::size_t j = 0; j < kInputs; ++j) out[i] += b[row * kInputs + j] * x[j];
    }
    return out;
  }
  // Squared error of an output that the readout makes of h, without a mask.
  double loss(const Session& s, std::span<const double> h, std::int64_t t, std::int64_t b) const {
    const std::vector<double> v = s.get("L.V"), bias = s.get("L.b");
    double sum = 0;
    for (std::size_t k = 0; k < kTargets; ++k) {
      double error = bias[k] - batch_.y[point(t, b) * kTargets + k];
      for (std::size_t i = 0; i < kUnits; ++i) error += v[k * kUnits + i] * h[i];
      sum += error * error / kTargets;
    }
    return sum;
  }
  static std::size_t point(std::int64_t t, std::int64_t b) {
    return static_cast<std::size_t>((t - 1) * shape.examples + b);
  }
  std::int64_t length(std::int64_t b) const { return batch_.lengths[static_cast<std::size_t>(b)]; }

  const TemporaryFolder folder_;
  const std::string file_ = folder_.write("parts.eli", kParts);
  const Batch batch_ = make_batch(shape);
};

TEST_F(Calls, TheLatestStepOfTheArgumentsHasTheParameters) {
  for (const bool interpreter : {false, true}) {
    Session s = session("of_two_steps", "ahead", {"F", "s"}, interpreter);
    s.run(batch_);
    const Steps f(s.shown("F"), shape.steps, shape.examples), state(s.shown("s"), shape.steps, shape.examples);
    Session back = session("of_two_steps_back", "behind", {"F", "s"}, interpreter);
    back.run(batch_);
    const Steps g(back.shown("F"), shape.steps, shape.examples);
    for (std::int64_t b = 0; b < shape.examples; ++b)
      for (std::int64_t t = 1; t <= length(b); ++t) {
        const auto row = f.at(t, b), behind = g.at(t, b);
        if (t < length(b)) {  // beyond the last step there is no step t+1
          const double* x = &batch_.x[point(t + 1, b) * kInputs];
          EXPECT_LE(difference({row.begin(), row.end()}, predicted(s, t + 1, state.at(t, b), x)), 1e-13) << t;
          EXPECT_GE(difference({row.begin(), row.end()}, predicted(s, t, state.at(t, b), x)), 1e-3) << t;
        } else {
          EXPECT_EQ(std::count(row.begin(), row.end(), 0.0), kUnits);
        }
        const std::vector<double> none(kInputs, 0.0);
        const double* x = t > 1 ? &batch_.x[point(t - 1, b) * kInputs] : none.data();
        EXPECT_LE(difference({behind.begin(), behind.end()}, predicted(back, t, state.at(t, b), x)), 1e-13) << t;
      }
  }
}

// Whatever order they stand in.
TEST_F(Calls, AStepIsLaterThanTheStart) {
  Session first = session("of_the_start", "ahead", {"F", "s"}), turned = session("of_the_start_turned", "behind", {"F"});
  first.run(batch_);
  turned.run(batch_);
  const Steps f(first.shown("F"), shape.steps, shape.examples), g(turned.shown("F"), shape.steps, shape.examples);
  const Steps state(first.shown("s"), shape.steps, shape.examples);
  for (std::int64_t b = 0; b < shape.examples; ++b)
    for (std::int64_t t = 1; t <= length(b); ++t) {
      const std::vector<double> want = predicted(first, t, state.at(0, b), &batch_.x[point(t, b) * kInputs]);
      for (const Steps* each : {&f, &g}) {
        const auto row = each->at(t, b);
        EXPECT_LE(difference({row.begin(), row.end()}, want), 1e-13) << t;
      }
    }
}

TEST_F(Calls, TheMaskMultipliesACalledLossToo) {
  for (const bool interpreter : {false, true}) {
    Session read = session("reads", "", {"M"}, interpreter), called = session("calls", "", {"M"}, interpreter);
    read.run(batch_);
    called.run(batch_);
    EXPECT_LE(difference(called.shown("M").values, read.shown("M").values), 1e-14);
    for (const std::string& name : parameters(read))
      EXPECT_LE(difference(called.gathered(name), read.gathered(name)), 1e-13) << name;
    const std::vector<double> masked = called.shown("M").values;
    Batch open = batch_;
    open.loss_mask.clear();
    called.run(open);
    EXPECT_GE(difference(called.shown("M").values, masked), 1e-3);
  }
}

// That of the step of the call, which is the latest that its arguments name.
TEST_F(Calls, TheMaskIsThatOfTheCallsStep) {
  for (const bool interpreter : {false, true}) {
    Session s = session("calls_ahead", "", {"M", "N", "s"}, interpreter);
    s.run(batch_);
    const Steps m(s.shown("M"), shape.steps, shape.examples), start(s.shown("N"), shape.steps, shape.examples);
    const Steps state(s.shown("s"), shape.steps, shape.examples);
    bool apart = false;
    for (std::int64_t b = 0; b < shape.examples; ++b)
      for (std::int64_t t = 1; t < length(b); ++t) {
        const double value = loss(s, state.at(t, b), t + 1, b), mask = batch_.loss_mask[point(t + 1, b)];
        EXPECT_NEAR(m.at(t, b)[0], mask * value, 1e-13) << t;
        EXPECT_NEAR(start.at(t, b)[0], batch_.loss_mask[point(t, b)] * loss(s, state.at(0, b), t, b), 1e-13) << t;
        apart = apart || mask != batch_.loss_mask[point(t, b)];
      }
    EXPECT_TRUE(apart);
  }
}

}  // namespace
}  // namespace eligo::test
