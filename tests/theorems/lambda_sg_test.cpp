// The λ-weighted synthetic gradients of Pemberton & Costa 2024, offline and online, against sums written out by hand.
#include <gtest/gtest.h>

#include "tests/theorems/unrolled.h"

namespace eligo::test {
namespace {

constexpr std::int64_t kTargets = 2;
const auto named = [](const auto& each) { return name_of(each.param); };

Session run_rule(const std::string& rule, const LambdaCase& c, const std::map<std::string, double>& hypers,
                 std::vector<std::string> show = {}, std::int64_t window = 0) {
  if (rule != "n_step_sg") show.insert(show.end(), {"s", "J", "L.o"});
  ProgramSpec spec = rule_on(rule, c, show);
  if (window) spec.header["n"] = window;
  Session session = still(spec);
  for (const auto& [name, value] : hypers) session.set_hyper(name, value);
  session.run(batch_of(c));
  return session;
}

class OfflineLambda : public testing::TestWithParam<LambdaCase> {
 protected:
  Session run(double lambda, double gamma, std::int64_t window = 0) const {
    return run_rule("offline_lambda_sg", GetParam(), {{"λ", lambda}, {"γ", gamma}}, {"v"}, window);
  }
  const Batch batch_ = batch_of(GetParam());
};

// Eq. 24 is eq. 11, and eq. 10, whose sum has no end.
TEST_P(OfflineLambda, TheRecursionIsTheWeightedSum) {
  const double lambda = 0.6, gamma = 0.9;
  const Session session = run(lambda, gamma), near = run(0.5, gamma);
  const Unrolled u(session, batch_, kTargets);
  const Linear g = synthesiser(session);
  const Steps v(session.shown("v"), u.steps(), u.examples()), other(near.shown("v"), u.steps(), u.examples());
  ASSERT_TRUE(v.holds_at_start());
  double apart = 0;
  for (std::int64_t b = 0; b < u.examples(); ++b) {
    for (std::int64_t t = 0; t < u.length(b); ++t) {
      const Vector got(v.at(t, b).begin(), v.at(t, b).end());
      EXPECT_LE(difference(got, u.weighted(g, t, u.length(b), lambda, gamma, b)), 1e-12) << t << " of " << b;
      Vector endless(u.size(), 0.0);
      for (std::int64_t n = 1; n < 90; ++n)
        endless += scaled(u.n_step(g, t, n, gamma, b), (1 - lambda) * std::pow(lambda, static_cast<double>(n - 1)));
      EXPECT_LE(difference(got, endless), 1e-12) << t << " of " << b;
      apart = std::max(apart, difference({other.at(t, b).begin(), other.at(t, b).end()}, got));
    }
  }
  EXPECT_GE(apart, 1e-4);
  const Linear want = u.regression(g, [&](std::int64_t t, std::int64_t b) {
    return u.weighted(g, t, u.length(b), lambda, gamma, b);
  });
  EXPECT_LE(distance(gathered_synthesiser(session), want), 1e-12);
  EXPECT_GE(distance(gathered_synthesiser(near), want), 1e-4);
}

TEST_P(OfflineLambda, LambdaOneRegressesOnBackpropagation) {
  const Session session = run(1, 1);
  const Unrolled u(session, batch_, kTargets);
  Session truth = still(rule_on("bptt", GetParam(), {"r"}));
  truth.run(batch_);
  const Steps r(truth.shown("r"), u.steps(), u.examples());
  const Linear want = u.regression(synthesiser(session), [&](std::int64_t t, std::int64_t b) {
    return row_times(r.at(t + 1, b), u.jacobian(t + 1, b));
  });
  EXPECT_LE(distance(gathered_synthesiser(session), want), 1e-12);
  EXPECT_GE(distance(gathered_synthesiser(run(0.9, 1)), want), 1e-4);
  EXPECT_GE(distance(gathered_synthesiser(run(1, 0.9)), want), 1e-5);
}

TEST_P(OfflineLambda, LambdaZeroRegressesOnTheOneStepTarget) {
  const double gamma = 0.9;
  const Session session = run(0, gamma);
  const Unrolled u(session, batch_, kTargets);
  const Linear g = synthesiser(session);
  const Linear want = u.regression(g, [&](std::int64_t t, std::int64_t b) {  // eq. 8
    Vector aim = u.loss(t + 1, b);
    aim += scaled(u.predicted(g, t + 1, b), gamma);
    return row_times(aim, u.jacobian(t + 1, b));
  });
  EXPECT_LE(distance(gathered_synthesiser(session), want), 1e-12);
  EXPECT_GE(distance(gathered_synthesiser(run(0.1, gamma)), want), 1e-5);
}

// Windows of 4 over 6 steps end at 2 and 6: the interim target of eq. 12 at the window's end.
TEST_P(OfflineLambda, AWindowsEndIsTheHorizon) {
  const double lambda = 0.6, gamma = 0.9;
  const Session session = run(lambda, gamma, 4);
  const Unrolled u(session, batch_, kTargets);
  const Linear g = synthesiser(session);
  const Linear want = u.regression(g, [&](std::int64_t t, std::int64_t b) {
    return u.weighted(g, t, std::min<std::int64_t>(t < 2 ? 2 : 6, u.length(b)), lambda, gamma, b);
  });
  EXPECT_LE(distance(gathered_synthesiser(session), want), 1e-12);
  EXPECT_GE(distance(gathered_synthesiser(run(lambda, gamma)), want), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Cases, OfflineLambda, testing::ValuesIn(lambda_cases), named);

class NStep : public testing::TestWithParam<LambdaCase> {};

// Windows of n = 4 over 6 steps begin at 0 and 2; each teaches the synthesiser once, eq. 9 with the window's steps.
TEST_P(NStep, TheTargetIsItsSum) {
  const double gamma = 0.9;
  const Batch batch = batch_of(GetParam());
  const Session session = run_rule("n_step_sg", GetParam(), {{"γ", gamma}}, {}, 4);
  ProgramSpec seen = rule_on("offline_lambda_sg", GetParam(), {"s", "J", "L.o"});
  Session steps = still(seen);
  steps.run(batch);
  const Unrolled u(steps, batch, kTargets);
  const Linear g = synthesiser(session);
  const auto taught = [&](std::int64_t longer) {
    Linear sum = Linear::zero(u.size());
    for (std::int64_t b = 0; b < u.examples(); ++b)
      for (const auto& [start, n] : {std::pair<std::int64_t, std::int64_t>{0, 2}, {2, 4}}) {
        if (start >= u.length(b)) continue;
        Vector error = u.n_step(g, start, n + longer, gamma, b);
        error += scaled(g(u.s(start, b)), -1);
        sum.add(Linear::gradient(error, u.s(start, b)), 1.0 / static_cast<double>(u.examples()));
      }
    return sum;
  };
  EXPECT_LE(distance(gathered_synthesiser(session), taught(0)), 1e-12);
  EXPECT_GE(distance(gathered_synthesiser(session), taught(1)), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Cases, NStep, testing::ValuesIn(lambda_cases), named);

// Eqs. 12 and 13, arrival by arrival. The targets bootstrap from what was predicted on arrival.
Linear online_by_hand(const Unrolled& u, const Linear& before, double lambda, double gamma, double alpha, bool carry) {
  Linear theta = before;
  std::map<std::pair<std::int64_t, std::int64_t>, Vector> arrived;
  for (std::int64_t t = 1; t <= u.steps(); ++t) {
    for (std::int64_t b = 0; b < u.examples(); ++b)
      if (t <= u.length(b)) arrived[{t, b}] = u.predicted(theta, t, b);
    Linear sweep = carry ? theta : before;
    for (std::int64_t k = 0; k < t; ++k) {
      Linear added = Linear::zero(u.size());
      for (std::int64_t b = 0; b < u.examples(); ++b) {
        const std::int64_t now = std::min(t, u.length(b));
        if (k >= now) continue;
        Vector target(u.size(), 0.0);  // eq. 12 as it stands
        for (std::int64_t n = 1; n <= now - k; ++n) {
          Vector part(u.size(), 0.0);
          for (std::int64_t at = k + 1; at <= k + n; ++at)
            part += scaled(u.back(u.loss(at, b), at, k, b), std::pow(gamma, static_cast<double>(at - k - 1)));
          part += scaled(u.back(arrived.at({k + n, b}), k + n, k, b), std::pow(gamma, static_cast<double>(n)));
          const double weight = n < now - k ? 1 - lambda : 1;
          target += scaled(part, weight * std::pow(lambda, static_cast<double>(n - 1)));
        }
        target += scaled(sweep(u.s(k, b)), -1);
        added.add(Linear::gradient(target, u.s(k, b)), 1.0 / static_cast<double>(u.examples()));
      }
      sweep.add(added, alpha);
    }
    theta = sweep;
  }
  return theta;
}

class OnlineLambda : public testing::TestWithParam<LambdaCase> {
 protected:
  void compare(const std::string& rule, bool carry) const {
    const double lambda = 0.6, gamma = 0.9, alpha = 0.2;
    const Session session = run_rule(rule, GetParam(), {{"λ", lambda}, {"γ", gamma}, {"α", alpha}});
    const Unrolled u(session, batch_of(GetParam()), kTargets);
    const Linear before = synthesiser(still(rule_on(rule, GetParam())));
    EXPECT_LE(distance(synthesiser(session), online_by_hand(u, before, lambda, gamma, alpha, carry)), 1e-12);
    EXPECT_GE(distance(synthesiser(session), online_by_hand(u, before, lambda, gamma, alpha, !carry)), 1e-3);
    EXPECT_GE(distance(synthesiser(session), online_by_hand(u, before, 0.5, gamma, alpha, carry)), 1e-5);
  }
};

TEST_P(OnlineLambda, EqualsItsDefinition) { compare("online_lambda_sg", false); }
TEST_P(OnlineLambda, CarryOverEqualsItsDefinition) { compare("online_lambda_sg_carry", true); }

INSTANTIATE_TEST_SUITE_P(Cases, OnlineLambda, testing::ValuesIn(lambda_cases), named);

// ‖θ_BP - θ_online‖ / ‖θ_BP - θ_0‖ after a sequence.
double ratio(const LambdaCase& c, const std::string& online, double lambda, double alpha) {
  const Batch batch = batch_of(c);
  ProgramSpec spec = rule_on("bp_lambda", c);
  spec.update = Update::step;
  Session bp = still(spec), sweeps = still(rule_on(online, c));
  const Linear before = synthesiser(bp);
  for (Session* each : {&bp, &sweeps}) each->set_hyper("λ", lambda);
  bp.set_hyper("optimiser.θ.α", alpha);
  sweeps.set_hyper("α", alpha);
  bp.run(batch);
  sweeps.run(batch);
  Linear apart = synthesiser(bp), moved = apart;
  apart.add(synthesiser(sweeps), -1);
  moved.add(before, -1);
  return std::hypot(norm(apart.A), norm(apart.a)) / std::hypot(norm(moved.A), norm(moved.a));
}

class Theorem31 : public testing::TestWithParam<LambdaCase> {};

TEST_P(Theorem31, TheRatioFallsLinearly) {
  const double first = ratio(GetParam(), "online_lambda_sg", 0.7, 1e-1);
  double before = first;
  for (double alpha = 1e-2; alpha > 0.5e-5; alpha /= 10) {
    const double now = ratio(GetParam(), "online_lambda_sg", 0.7, alpha);
    EXPECT_GT(now, 0);
    if (alpha < 5e-3) EXPECT_NEAR(before / now, 10, 1) << alpha;
    else EXPECT_GT(before / now, 5) << alpha;
    before = now;
  }
  EXPECT_LE(before, first * 3e-4);
}

TEST_P(Theorem31, CarryOverDoesNotConverge) {
  for (double alpha = 1e-2; alpha > 0.5e-5; alpha /= 10)
    EXPECT_GE(ratio(GetParam(), "online_lambda_sg_carry", 0.7, alpha), 0.3) << alpha;
}

// One-step targets never change, so that every sweep repeats what BP(0) has done.
TEST_P(Theorem31, LambdaZeroIsExact) {
  for (const double alpha : {1e-1, 1e-4}) {
    EXPECT_LE(ratio(GetParam(), "online_lambda_sg", 0, alpha), 1e-10) << alpha;
    EXPECT_GE(ratio(GetParam(), "online_lambda_sg", 0.1, alpha), 1e-7) << alpha;
    EXPECT_GE(ratio(GetParam(), "online_lambda_sg_carry", 0, alpha), 0.3) << alpha;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Theorem31,
                         testing::ValuesIn(std::vector<LambdaCase>{{"rnn_linear"}, {"rnn_tanh"}, {"lstm"}, {"rnn_tanh", true}}),
                         named);

}  // namespace
}  // namespace eligo::test
