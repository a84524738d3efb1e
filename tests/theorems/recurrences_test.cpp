// Recurrences that read one another, against sums by hand.
#include <gtest/gtest.h>

#include <fmt/core.h>

#include "tests/runtime/temporary.h"
#include "tests/theorems/steps.h"

namespace eligo::test {
namespace {

constexpr std::int64_t kUnits = 3;
constexpr int kLength = 80;
const Shape shape{.steps = 6, .examples = 2};

std::string chain() {
  std::string rule =
      "rule chain(net: cell, L: readout) {\n  let s = net.state, ψ = net.params\n  w0[t] = 0.5*w0[t-1] + s[t]\n";
  for (int i = 1; i < kLength; ++i) rule += fmt::format("  w{0}[t] = 0.5*w{0}[t-1] + w{1}[t]\n", i, i - 1);
  return rule + fmt::format("  learn ψ -= w{}[t] . d(s[t])/d(ψ)\n}}\n", kLength - 1);
}

TEST(Recurrences, FormChainsOfAnyLength) {
  const TemporaryFolder folder;
  folder.write("chain.eli", chain());
  const Batch batch = make_batch(shape);
  const std::string last = fmt::format("w{}", kLength - 1);
  ProgramSpec spec = exact(net(folder / "chain.eli:chain", "rnn_tanh", "linear_mse", "", kUnits));
  spec.show = {"s", last};
  Session session = make_session(spec, shape);
  session.run(batch);
  const Steps s(session.shown("s"), shape.steps, shape.examples);
  const Steps w(session.shown(last), shape.steps, shape.examples);
  for (std::int64_t b = 0; b < shape.examples; ++b)
    for (std::size_t i = 0; i < kUnits; ++i) {
      std::vector<double> link(kLength, 0.0);
      for (std::int64_t t = 1; t <= shape.steps; ++t) {
        double before = s.at(t, b)[i];
        for (double& each : link) before = each = 0.5 * each + before;
        EXPECT_NEAR(w.at(t, b)[i], before, 1e-10 * (1 + std::abs(before))) << t;
      }
    }
}

}  // namespace
}  // namespace eligo::test
