// A boundary equation replaces the general one, also where that is no number: at the end it may divide by a step that
// does not exist.
#include <gtest/gtest.h>

#include "tests/runtime/temporary.h"
#include "tests/theorems/steps.h"

namespace eligo::test {
namespace {

constexpr std::int64_t kUnits = 3;
const Shape shape{.steps = 5, .examples = 3, .unequal = true};

constexpr const char* kRules = R"(
rule ratios(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  r[t] = s[t] / s[t+1] + r[t+1]
  r[end] = 3*s[end]
  w[t] = s[t-1] / s[t+1]
  w[last] = 2*s[last]
  learn ψ -= (r[t] + w[t]) . d(s[t])/d(ψ)
}
)";

constexpr const char* kBlock = R"(
rule block(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  at each t, for k in start..t-1 {
    V[k] = s[k] / s[k-1] + V[k-1]
    V[start] = 3*s[start]
    ψ[k+1] = ψ[k] - 0*V[k] . d(s[k+1])/d(ψ)
    ψ[start] = ψ before sequence
    ψ := ψ[t]
  }
}
)";

// Before a block's start there is no step to divide by.
TEST(Boundaries, OfABlockReplaceWhatIsNoNumber) {
  const TemporaryFolder folder;
  folder.write("block.eli", kBlock);
  const Shape equal{.steps = 5, .examples = 2};
  for (const bool interpreter : {false, true}) {
    ProgramSpec spec = exact(net(folder / "block.eli:block", "rnn_tanh", "linear_mse", "", kUnits));
    spec.show = {"V", "s"};
    spec.interpreter = interpreter;
    Session session = make_session(spec, equal);
    session.set("net.h[start]", std::vector<double>{0.5, -0.7, 0.9, 0.3, 0.8, -0.4});
    session.run(make_batch(equal));
    const Steps v(session.shown("V"), equal.steps, equal.examples), s(session.shown("s"), equal.steps, equal.examples);
    for (std::int64_t b = 0; b < equal.examples; ++b)
      for (std::size_t i = 0; i < kUnits; ++i) {
        double sum = 3 * s.at(0, b)[i];
        EXPECT_NEAR(v.at(0, b)[i], sum, 1e-12);
        for (std::int64_t k = 1; k < equal.steps; ++k) {
          sum += s.at(k, b)[i] / s.at(k - 1, b)[i];
          EXPECT_NEAR(v.at(k, b)[i], sum, 1e-12 * (1 + std::abs(sum))) << "k = " << k;
        }
      }
  }
}

TEST(Boundaries, ReplaceWhatIsNoNumber) {
  const TemporaryFolder folder;
  folder.write("ratios.eli", kRules);
  const Batch batch = make_batch(shape);
  for (const bool interpreter : {false, true}) {
    ProgramSpec spec = exact(net(folder / "ratios.eli:ratios", "rnn_tanh", "linear_mse", "", kUnits));
    spec.show = {"r", "w", "s"};
    spec.interpreter = interpreter;
    Session session = make_session(spec, shape);
    session.run(batch);
    const auto shown = [&](const char* name) { return Steps(session.shown(name), shape.steps, shape.examples); };
    const Steps r = shown("r"), w = shown("w"), s = shown("s");
    for (std::int64_t b = 0; b < shape.examples; ++b) {
      const std::int64_t length = batch.lengths[static_cast<std::size_t>(b)];
      std::vector<double> sum(kUnits, 0.0);
      for (std::int64_t t = length; t >= 1; --t)
        for (std::size_t i = 0; i < kUnits; ++i) {
          const double here = s.at(t, b)[i];
          sum[i] += t == length ? 3 * here : here / s.at(t + 1, b)[i];
          const double ratio = t == length ? 2 * here : s.at(t - 1, b)[i] / s.at(t + 1, b)[i];
          EXPECT_NEAR(r.at(t, b)[i], sum[i], 1e-12 * (1 + std::abs(sum[i]))) << "step " << t << " of " << length;
          EXPECT_NEAR(w.at(t, b)[i], ratio, 1e-12 * (1 + std::abs(ratio))) << "step " << t << " of " << length;
        }
    }
  }
}

}  // namespace
}  // namespace eligo::test
