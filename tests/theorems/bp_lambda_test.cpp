// BP(λ) against its own definition, summed by hand from what a run shows (Pemberton & Costa 2024).
#include <gtest/gtest.h>

#include <cmath>

#include "tests/theorems/unrolled.h"

namespace eligo::test {
namespace {

constexpr std::int64_t kTargets = 2;

class BpLambda : public testing::TestWithParam<std::string> {
 protected:
  Session run(double lambda, double gamma, const std::vector<std::string>& more = {}) {
    ProgramSpec spec = exact(net("bp_lambda", GetParam(), "linear_mse", "linear", 4));
    spec.show = {"s", "G", "J", "L.o"};
    spec.show.insert(spec.show.end(), more.begin(), more.end());
    Session session = make_session(spec, shape_);
    session.set_hyper("λ", lambda);
    session.set_hyper("γ", gamma);
    session.set_hyper("optimiser.α", 0);
    session.run(batch_);
    return session;
  }
  Steps steps(const Session& session, const std::string& name) const {
    return {session.shown(name), shape_.steps, shape_.examples};
  }
  std::int64_t length(std::int64_t example) const { return batch_.lengths[static_cast<std::size_t>(example)]; }

  // Σ_t (target_t - G_t) . dG_t/dA, mean over the batch, from the initial state to the step before the last.
  template <class Target>
  std::vector<double> regression(const Steps& states, const Steps& synthetic, Target&& target) const {
    const auto size = static_cast<std::size_t>(states.size());
    std::vector<double> sum(size * size, 0.0);
    for (std::int64_t b = 0; b < shape_.examples; ++b) {
      for (std::int64_t t = 0; t < length(b); ++t) {
        const std::vector<double> aim = target(t, b);
        for (std::size_t i = 0; i < size; ++i)
          for (std::size_t j = 0; j < size; ++j)
            sum[i * size + j] += (aim[i] - synthetic.at(t, b)[i]) * states.at(t, b)[j] / static_cast<double>(shape_.examples);
      }
    }
    return sum;
  }

  const Shape shape_{.steps = 6, .examples = 3, .unequal = true, .masked = true};
  const Batch batch_ = make_batch(shape_);
};

TEST_P(BpLambda, LambdaZeroHasTheOneStepTarget) {
  const double gamma = 0.9;
  const Session session = run(0, gamma);
  const Steps s = steps(session, "s"), g = steps(session, "G"), j = steps(session, "J"), o = steps(session, "L.o");
  ASSERT_TRUE(s.holds_at_start());
  ASSERT_TRUE(g.holds_at_start());
  const auto want = regression(s, g, [&](std::int64_t t, std::int64_t b) {
    std::vector<double> aim = loss_gradient(session, o, batch_, kTargets, t + 1, b, s.at(t, b).size());
    for (std::size_t i = 0; i < aim.size(); ++i) aim[i] += gamma * g.at(t + 1, b)[i];
    return row_times(aim, j.at(t + 1, b));
  });
  EXPECT_LE(difference(session.gathered("g.A"), want), 1e-12);
}

// With θ fixed over the sequence BP(1) regresses on the true gradients, those of full backpropagation.
TEST_P(BpLambda, LambdaOneRegressesOnTheTrueGradient) {
  const Session session = run(1, 1);
  const Steps s = steps(session, "s"), g = steps(session, "G"), j = steps(session, "J");
  ProgramSpec spec = exact(net("bptt", GetParam(), "linear_mse", "linear", 4));
  spec.show = {"r"};
  Session truth = make_session(spec, shape_);
  truth.run(batch_);
  const Steps r = steps(truth, "r");
  const auto want = regression(s, g, [&](std::int64_t t, std::int64_t b) {
    return row_times(r.at(t + 1, b), j.at(t + 1, b));
  });
  EXPECT_LE(difference(session.gathered("g.A"), want), 1e-12);
}

// G is the affine function of the state that its parameters say, and zero at the last step.
TEST_P(BpLambda, TheSyntheticGradientIsZeroAtTheEnd) {
  const Session session = run(0.5, 0.9);
  const Steps s = steps(session, "s"), g = steps(session, "G");
  const std::vector<double> a = session.get("g.A"), offset = session.get("g.a");
  for (std::int64_t b = 0; b < shape_.examples; ++b) {
    for (std::int64_t t = 0; t <= length(b); ++t) {
      for (std::size_t i = 0; i < offset.size(); ++i) {
        double want = offset[i];
        for (std::size_t k = 0; k < offset.size(); ++k) want += a[i * offset.size() + k] * s.at(t, b)[k];
        EXPECT_NEAR(g.at(t, b)[i], t == length(b) ? 0 : want, 1e-12) << t;
      }
    }
  }
}

// Lemma A.5: e[t] = Σ_{k<=t} (γλ)^(t-k) J[t] ... J[k+1] . dG[k]/dθ.
TEST_P(BpLambda, TheTraceIsItsUnrolledSum) {
  const double lambda = 0.6, gamma = 0.9;
  const Session session = run(lambda, gamma, {"e"});
  const Steps s = steps(session, "s"), j = steps(session, "J"), e = steps(session, "e");
  ASSERT_TRUE(e.holds_at_start());
  const auto size = static_cast<std::size_t>(s.size()), columns = size * size + size;
  for (std::int64_t b = 0; b < shape_.examples; ++b) {
    for (std::int64_t t = 0; t < length(b); ++t) {
      std::vector<double> want(size * columns, 0.0);
      for (std::int64_t k = 0; k <= t; ++k) {
        std::vector<double> term(size * columns, 0.0);  // dG[k]/d(A, a)
        for (std::size_t i = 0; i < size; ++i) {
          for (std::size_t c = 0; c < size; ++c) term[i * columns + i * size + c] = s.at(k, b)[c];
          term[i * columns + size * size + i] = 1;
        }
        for (std::int64_t l = k + 1; l <= t; ++l) term = product(j.at(l, b), term, size);
        const double scale = std::pow(lambda * gamma, static_cast<double>(t - k));
        for (std::size_t i = 0; i < want.size(); ++i) want[i] += scale * term[i];
      }
      const auto got = e.at(t, b);
      EXPECT_LE(difference({got.begin(), got.end()}, want), 1e-12) << "step " << t << " of example " << b;
    }
  }
}

TEST_P(BpLambda, EqualsItsUnrolledSum) {
  const double lambda = 0.6, gamma = 0.9;
  const Session session = run(lambda, gamma);
  const Unrolled u(session, batch_, kTargets);
  Linear want = Linear::zero(u.size()), no_trace = want;
  for (std::int64_t t = 0; t < u.steps(); ++t) {
    want.add(u.bp_lambda_step(synthesiser(session), t, 0, t, lambda, gamma), 1);
    no_trace.add(u.bp_lambda_step(synthesiser(session), t, t, t, lambda, gamma), 1);
  }
  EXPECT_LE(distance(gathered_synthesiser(session), want), 1e-12);
  EXPECT_GE(distance(gathered_synthesiser(session), no_trace), 1e-4);
}

// The backward view of the same regression, if θ stays over the sequence.
TEST_P(BpLambda, WithFixedWeightsItIsTheOfflineRule) {
  const Session session = run(0.6, 0.9);
  Session offline = still(rule_on("offline_lambda_sg", {GetParam()}), 1, shape_);
  offline.set_hyper("λ", 0.6);
  offline.run(batch_);
  EXPECT_LE(distance(gathered_synthesiser(session), gathered_synthesiser(offline)), 1e-12);
  EXPECT_GE(distance(gathered_synthesiser(run(0.5, 0.9)), gathered_synthesiser(offline)), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Cells, BpLambda, testing::Values("rnn_linear", "rnn_tanh", "lstm", "gru"),
                         [](const auto& each) { return each.param; });

// A linear net whose state turns (so that states of all steps differ), a target at the last step: with the net frozen
// the BP(1) synthesiser comes to say what backpropagation would.
TEST(FrozenLinearNet, TheSynthesiserConvergesToTheTrueGradient) {
  constexpr std::int64_t units = 12, steps = 5, examples = 3;
  const Shape shape{.steps = steps, .examples = examples};
  ProgramSpec spec = exact(net("bp_lambda", "rnn_linear", "linear_mse", "linear", units));
  spec.show = {"G"};
  ProgramSpec reference = exact(net("bptt", "rnn_linear", "linear_mse", "linear", units));
  reference.show = {"r"};
  Session session = make_session(spec, shape), truth = make_session(reference, shape);
  std::vector<double> turn(units * units, 0.0);
  for (std::size_t i = 0; i < units; i += 2) {
    const double angle = 0.4 + 0.45 * static_cast<double>(i);
    turn[i * units + i] = turn[(i + 1) * units + i + 1] = std::cos(angle);
    turn[i * units + i + 1] = -std::sin(angle);
    turn[(i + 1) * units + i] = std::sin(angle);
  }
  for (Session* each : {&session, &truth}) {
    each->set("net.W", turn);
    each->set("net.U", numbers("U", units * 3, 1));
    each->set("net.b", std::vector<double>(units, 0.0));
    each->set("net.h[start]", std::vector<double>(examples * units, 0.0));
    each->set_hyper("optimiser.α", 0);
  }
  session.set("g.A", std::vector<double>(units * units, 0.0));
  session.set("g.a", std::vector<double>(units, 0.0));
  session.set_hyper("λ", 1);
  session.set_hyper("γ", 1);
  session.set_hyper("optimiser.θ.α", 0.3);
  Batch batch = make_batch(shape);
  for (std::size_t i = examples * 3; i < batch.x.size(); ++i) batch.x[i] = 0;  // the input comes at the first step
  batch.loss_mask.assign(steps * examples, 0.0);
  for (std::size_t b = 0; b < examples; ++b) batch.loss_mask[(steps - 1) * examples + b] = 1;
  truth.run(batch);
  const Steps r(truth.shown("r"), steps, examples);
  double least = 0;
  for (int i = 0; i < 160 && least < 0.995; ++i) {
    for (int k = 0; k < 500; ++k) session.run(batch);
    const Steps g(session.shown("G"), steps, examples);
    least = 1;
    for (std::int64_t t = 1; t < steps; ++t) {  // at the initial state nothing is known of the input
      for (std::int64_t b = 0; b < examples; ++b) {
        const std::vector<double> have(g.at(t, b).begin(), g.at(t, b).end());
        const std::vector<double> want(r.at(t, b).begin(), r.at(t, b).end());
        least = std::min(least, dot(have, want) / std::sqrt(dot(have, have) * dot(want, want) + 1e-300));
      }
    }
  }
  EXPECT_GE(least, 0.99);
  EXPECT_EQ(session.get("net.W"), turn);
}

}  // namespace
}  // namespace eligo::test
