// SnAp-n against RTRL where they must agree, and against masks that are found by walking a net by hand.
#include <gtest/gtest.h>

#include "tests/runtime/temporary.h"
#include "tests/theorems/gradients.h"
#include "tests/theorems/steps.h"

namespace eligo::test {
namespace {

const Shape shape{.steps = 6, .examples = 3, .unequal = true, .masked = true};

Gathered learn(ProgramSpec spec, std::int64_t n = 0) {
  if (n != 0) spec.header["n"] = n;
  Session session = make_session(spec, shape);
  session.run(make_batch(shape));
  return gathered(session, "net.");
}

class Snap : public testing::TestWithParam<std::string> {};

TEST_P(Snap, AtTheDiameterIsRtrl) {
  const Gathered rtrl = learn(online("rtrl", GetParam()));
  EXPECT_LE(apart(learn(online("snap", GetParam()), -1), rtrl), 1e-12);
  EXPECT_LE(apart(learn(online("snap", GetParam()), 100), rtrl), 1e-12);
}

TEST_P(Snap, OneElsewhereDiffers) {
  EXPECT_GE(apart(learn(online("snap", GetParam()), 1), learn(online("rtrl", GetParam()))), 1e-4);
}

TEST_P(Snap, OneIsItsOwnRule) {
  EXPECT_LE(apart(learn(online("snap1", GetParam())), learn(online("snap", GetParam()), 1)), 1e-14);
}

INSTANTIATE_TEST_SUITE_P(Cells, Snap, testing::Values("rnn_linear", "rnn_tanh", "lstm", "gru", "sparsenet"),
                         [](const auto& each) { return each.param; });

constexpr const char* kDiagonal = R"(
cell diagonal(n, m) {
  input x[m]
  state h[n] = 0
  param w[n], U[n, m], b[n] ~ uniform(-1/sqrt(n), 1/sqrt(n))
  h[t] = tanh(w * h[t-1] + U . x[t] + b)
}
)";

TEST(Snap, OneOnADiagonalNetIsRtrl) {
  TemporaryFolder folder;
  folder.write("cells.eli", kDiagonal);
  const Gathered rtrl = learn(online("rtrl", "diagonal", folder.path()));
  EXPECT_LE(apart(learn(online("snap1", "diagonal", folder.path())), rtrl), 1e-12);
  EXPECT_LE(apart(learn(online("snap", "diagonal", folder.path()), 1), rtrl), 1e-12);
}

// A ring in which unit i reads i and i+1, so that unit i + 2 reaches i in two steps and no sooner.
TEST(Snap, AgreesWithBruteForce) {
  constexpr std::size_t units = 6, parents = 2, inputs = 3;
  TemporaryFolder folder;
  folder.write("few.eli", few_cell);
  std::vector<Gathered> results;
  for (std::int64_t n = 1; n <= 7; ++n) {
    ProgramSpec spec = online("snap", "few", folder.path());
    spec.sizes = {{"n", units}, {"r", parents}, {"m", inputs}, {"k", 2}};
    spec.header["n"] = n;
    spec.show = {"J", "I", "P"};
    for (const bool interpreter : {false, true}) {
      spec.interpreter = interpreter;
      Session session = make_session(spec, shape);
      std::vector<double> ring;
      for (std::size_t i = 0; i < units; ++i)
        for (std::size_t k = 0; k < parents; ++k) ring.push_back(static_cast<double>((i + k) % units));
      session.set("net.parent", ring);
      session.run(make_batch(shape));
      if (!interpreter) results.push_back(gathered(session, "net."));
      const Steps j(session.shown("J"), shape.steps, shape.examples), own(session.shown("I"), shape.steps, shape.examples),
          p(session.shown("P"), shape.steps, shape.examples);
      const std::size_t columns = units * (parents + inputs + 1);
      const auto unit_of = [&](std::size_t column) {  // V, U, b one after the other
        if (column < units * parents) return column / parents;
        if (column < units * (parents + inputs)) return (column - units * parents) / inputs;
        return column - units * (parents + inputs);
      };
      for (std::int64_t b = 0; b < shape.examples; ++b) {
        std::vector<double> want(units * columns, 0.0);
        const std::int64_t length = make_batch(shape).lengths[static_cast<std::size_t>(b)];
        for (std::int64_t t = 1; t <= length; ++t) {
          want = product(j.at(t, b), want, units);
          for (std::size_t k = 0; k < units; ++k)
            for (std::size_t c = 0; c < columns; ++c) {
              const std::size_t away = (unit_of(c) + units - k) % units;  // steps from the parameter's unit to k
              double& x = want[k * columns + c];
              x = away < static_cast<std::size_t>(n) ? x + own.at(t, b)[k * columns + c] : 0;
            }
          const auto got = p.at(t, b);
          EXPECT_LE(difference({got.begin(), got.end()}, want), 1e-12) << "n = " << n << ", step " << t;
        }
      }
    }
  }
  EXPECT_LE(apart(results[5], results[6]), 1e-12);  // all units reach each other within six steps
  for (std::size_t n = 0; n + 1 < 5; ++n) EXPECT_GE(apart(results[n], results[n + 1]), 1e-7) << n + 1;
}

}  // namespace
}  // namespace eligo::test
