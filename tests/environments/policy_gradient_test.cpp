// Policy gradients: their expectation is the gradient of the expected return, and what acts is what learns.
#include "runtime/environments/policy_gradient.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

constexpr std::int64_t kSteps = 3, kActions = 2, kWays = 8;  // all sequences of actions

// Shows the last action, and pays what a table says for all actions so far.
class Table final : public Environment {
 public:
  EnvironmentShape shape() const override { return {3, kActions, kSteps}; }
  void reset(const Episode&, std::span<double> seen) override {
    way_ = 1;
    seen[2] = 1;
  }
  Transition step(std::int64_t action, std::span<double> seen) override {
    way_ = 2 * way_ + static_cast<std::size_t>(action);
    seen[0] = action == 0;
    seen[1] = action == 1;
    seen[2] = 0;
    return {.reward = pays()[way_], .done = way_ >= kWays};
  }
  static const std::vector<double>& pays() {
    static const std::vector<double> table = numbers("pays", 2 * kWays);
    return table;
  }

 private:
  std::size_t way_ = 1;
};

ProgramSpec policy_spec(const std::string& rule, const std::string& cell) {
  ProgramSpec s = exact(net(rule, cell, "policy"));
  s.sizes["k"] = kActions;
  s.outputs = true;
  s.show = {"L.o"};
  return s;
}

// Every sequence of actions once, as if it had been chosen.
Episodes all_ways() {
  Environments worlds([] { return std::make_unique<Table>(); }, kWays);
  worlds.begin(Split::train, 0, 0);
  Episodes out;
  out.batch.examples = kWays;
  out.batch.lengths.assign(kWays, kSteps);
  for (std::int64_t t = 0; t < kSteps; ++t) {
    const auto seen = worlds.observations();
    out.batch.x.insert(out.batch.x.end(), seen.begin(), seen.end());
    std::vector<std::int64_t> actions;
    for (std::int64_t b = 0; b < kWays; ++b) actions.push_back(b >> (kSteps - 1 - t) & 1);
    worlds.step(actions);
    for (std::int64_t b = 0; b < kWays; ++b) {
      const std::int64_t action = actions[static_cast<std::size_t>(b)];
      out.actions.push_back(action);
      out.rewards.push_back(worlds.last()[static_cast<std::size_t>(b)].reward);
      for (std::int64_t a = 0; a < kActions; ++a) out.batch.y.push_back(a == action);
      out.batch.y.push_back(0);
    }
  }
  out.batch.steps = kSteps;
  return out;
}

// How likely the net makes each of them.
std::vector<double> chances(Session& session, const Episodes& ways) {
  session.run(ways.batch, false);
  const std::vector<double> o = session.shown("L.o").values;
  std::vector<double> out(kWays, 1);
  for (std::size_t row = 0; row < ways.actions.size(); ++row) {
    const double a = std::exp(o[2 * row]), b = std::exp(o[2 * row + 1]);
    out[row % kWays] *= (ways.actions[row] == 0 ? a : b) / (a + b);
  }
  return out;
}

double expected_return(Session& session, const Episodes& ways) {
  const std::vector<double> chance = chances(session, ways);
  double sum = 0;
  for (std::size_t row = 0; row < ways.rewards.size(); ++row) sum += chance[row % kWays] * ways.rewards[row];
  return sum;
}

TEST(PolicyGradient, IsTheGradientOfTheExpectedReturn) {
  for (const char* rule : {"bptt", "rtrl"}) {
    SCOPED_TRACE(rule);
    Session session(compile(policy_spec(rule, "gru")), {.batch = kWays, .steps = kSteps, .seed = 3});
    session.set_hyper("optimiser.α", 0);
    Episodes ways = all_ways();
    credit(ways, {.discount = 1, .normalise = false});
    const std::vector<double> chance = chances(session, ways);
    ways.batch.loss_mask.clear();
    for (std::int64_t row = 0; row < kSteps * kWays; ++row)  // the mean over examples makes an expectation of it
      ways.batch.loss_mask.push_back(static_cast<double>(kWays) * chance[static_cast<std::size_t>(row % kWays)]);
    session.run(ways.batch);
    std::map<std::string, std::vector<double>> gathered;
    for (const std::string& name : parameters(session)) gathered[name] = session.gathered(name);
    for (const std::string& name : parameters(session)) {
      const std::vector<double> values = session.get(name);
      std::vector<double> slopes;
      for (std::size_t i = 0; i < values.size(); ++i) {
        constexpr double step = 1e-5;
        std::vector<double> moved = values;
        moved[i] += step;
        session.set(name, moved);
        const double above = expected_return(session, ways);
        moved[i] -= 2 * step;
        session.set(name, moved);
        slopes.push_back((above - expected_return(session, ways)) / (2 * step));
        session.set(name, values);
      }
      EXPECT_LE(difference(gathered.at(name), slopes), 1e-7) << name;
    }
  }
}

TEST(PolicyGradient, TheBonusIsTheEntropy) {
  const Shape shape{.steps = kSteps, .examples = kWays};
  Session session = make_session(policy_spec("bptt", "rnn_tanh"), shape);
  Episodes ways = all_ways();  // without advantages
  session.set_hyper("L.entropy", 0.3);
  const double loss = session.run(ways.batch, false).loss;
  const std::vector<double> o = session.shown("L.o").values;
  double entropy = 0;
  for (std::size_t row = 0; row < o.size() / 2; ++row) {
    const double p = 1 / (1 + std::exp(o[2 * row + 1] - o[2 * row]));
    entropy -= p * std::log(p) + (1 - p) * std::log(1 - p);
  }
  EXPECT_NEAR(loss, -0.3 * entropy / kWays, 1e-12);
}

// Three episodes of 1, 3 and 2 steps.
Episodes few_episodes() {
  Episodes e;
  e.batch.steps = 3;
  e.batch.examples = 3;
  e.batch.lengths = {1, 3, 2};
  e.rewards = {2, 0, 1, 0, 4, 3, 0, 8, 0};
  e.batch.y.assign(9 * 3, 0);
  return e;
}

std::vector<double> advantages(const Episodes& e) {
  std::vector<double> out;
  for (std::size_t row = 0; row < e.rewards.size(); ++row) out.push_back(e.batch.y[3 * row + 2]);
  return out;
}

TEST(Credit, IsTheDiscountedReturnFromAStepOn) {
  Episodes e = few_episodes();
  credit(e, {.discount = 0.5, .normalise = false});
  EXPECT_EQ(advantages(e), (std::vector<double>{2, 4, 2.5, 0, 8, 3, 0, 8, 0}));
  EXPECT_TRUE(e.batch.loss_mask.empty());
}

TEST(Credit, IsNormalisedOverTheStepsThatWereTaken) {
  Episodes e = few_episodes();
  credit(e, {.discount = 0.5});
  const std::vector<double> raw = {2, 4, 2.5, 8, 3, 8};
  double mean = 0, squares = 0;
  for (const double each : raw) mean += each / 6;
  for (const double each : raw) squares += (each - mean) * (each - mean) / 6;
  const std::vector<double> got = advantages(e);
  EXPECT_NEAR(got[0], (2 - mean) / std::sqrt(squares), 1e-7);
  EXPECT_NEAR(got[7], (8 - mean) / std::sqrt(squares), 1e-7);
  for (const std::size_t beyond : {3, 6, 8}) EXPECT_EQ(got[beyond], 0);
  Episodes same = few_episodes();
  same.rewards.assign(9, 0);
  credit(same, {});
  EXPECT_EQ(advantages(same), std::vector<double>(9, 0));
}

TEST(Credit, MakesAMeanOverAllStepsByTheMask) {
  Episodes e = few_episodes();
  credit(e, {.mean_over_steps = true});
  const double each = 3.0 / 6;
  EXPECT_EQ(e.batch.loss_mask, (std::vector<double>{each, each, each, 0, each, each, 0, each, 0}));
}

// Steps 2 and 4 act; the rewards of the others do not exist.
TEST(Credit, IsOfTheStepsThatAct) {
  Episodes e;
  e.batch.steps = 4, e.batch.examples = 2;
  e.batch.lengths = {4, 2};
  e.steps_per_action = 2;
  e.batch.y.assign(8 * 3, 0);
  e.rewards = {0, 0, 1, 5, 0, 0, 4, 0};
  credit(e, {.discount = 0.5, .normalise = false});
  EXPECT_EQ(advantages(e), (std::vector<double>{0, 0, 3, 5, 0, 0, 4, 0}));
  EXPECT_EQ(e.batch.loss_mask, (std::vector<double>{0, 0, 1, 1, 0, 0, 1, 0}));
  credit(e, {.discount = 0.5, .mean_over_steps = true});
  EXPECT_EQ(e.batch.loss_mask, (std::vector<double>{0, 0, 2.0 / 3, 2.0 / 3, 0, 0, 2.0 / 3, 0}));
  EXPECT_NEAR(advantages(e)[2] + advantages(e)[3] + advantages(e)[6], 0, 1e-12);
}

// One step, nothing to see but a constant.
class OneStep final : public Environment {
 public:
  explicit OneStep(std::int64_t actions) : actions_(actions) {}
  EnvironmentShape shape() const override { return {3, actions_, 1}; }
  void reset(const Episode&, std::span<double> seen) override { seen[0] = 1; }
  Transition step(std::int64_t action, std::span<double>) override {
    return {.reward = static_cast<double>(action), .done = true};
  }

 private:
  std::int64_t actions_;
};

TEST(Act, DrawsActionsFromTheSoftmax) {
  constexpr std::int64_t count = 20000;
  ProgramSpec s = policy_spec("bptt", "rnn_tanh");
  s.sizes["k"] = 3;
  Session session(compile(s), {.batch = count, .steps = 1, .seed = 1});
  session.set("L.V", std::vector<double>(15, 0));
  session.set("L.b", std::vector<double>{0, 1, -0.5});
  Environments worlds([] { return std::make_unique<OneStep>(3); }, count);
  const double sum = 1 + std::exp(1) + std::exp(-0.5);
  const std::vector<double> wanted = {1 / sum, std::exp(1) / sum, std::exp(-0.5) / sum};
  const Episodes drawn = act(session, worlds, {.seed = 4});
  for (std::int64_t a = 0; a < 3; ++a) {
    const double p = wanted[static_cast<std::size_t>(a)];
    const auto n = std::count(drawn.actions.begin(), drawn.actions.end(), a);
    EXPECT_NEAR(static_cast<double>(n) / count, p, 4.5 * std::sqrt(p * (1 - p) / count)) << a;
  }
  EXPECT_EQ(act(session, worlds, {.seed = 4}).actions, drawn.actions);
  EXPECT_NE(act(session, worlds, {.seed = 5}).actions, drawn.actions);
  EXPECT_NE(act(session, worlds, {.first = count, .seed = 4}).actions, drawn.actions);
  EXPECT_NE(act(session, worlds, {.split = Split::test, .seed = 4}).actions, drawn.actions);
  EXPECT_EQ(act(session, worlds, {.seed = 4, .greedy = true}).actions, std::vector<std::int64_t>(count, 1));
  session.set("L.b", std::vector<double>{-800, 0, -900});  // beyond what exp holds
  EXPECT_EQ(act(session, worlds, {.seed = 4}).actions, std::vector<std::int64_t>(count, 1));
}

// The net that acts is the net that learns, also in what it draws.
TEST(Act, TakesTheDrawsOfTheBatchThatIsLearned) {
  const TemporaryFolder folder;
  const std::string cell =
      folder.write("noisy.eli",
                   "cell noisy(n, m) {\n  input x[m]\n  state h[n] = 0\n"
                   "  param W[n, n], U[n, m] ~ normal(0, 1)\n"
                   "  noise[t] = normal[n]()\n  h[t] = tanh(W . h[t-1] + U . x[t] + noise[t])\n}\n");
  for (const char* rule : {"bptt", "rtrl"}) {
    Session session = make_session(policy_spec(rule, cell), {.steps = kSteps, .examples = kWays});
    Environments worlds([] { return std::make_unique<Table>(); }, kWays);
    for (std::uint64_t round = 0; round < 3; ++round) {
      Episodes e = act(session, worlds, {.first = kWays * round, .seed = 1, .greedy = true});
      credit(e, {});
      session.run(e.batch);
      const std::vector<double> o = session.shown("L.o").values;
      for (std::size_t row = 0; row < e.actions.size(); ++row)
        EXPECT_EQ(e.actions[row], o[2 * row + 1] > o[2 * row] ? 1 : 0) << rule << " " << row;
      EXPECT_EQ(session.sequence(), round + 1);
    }
  }
}

// A net of layers whose steps they are: it sees the same at each, and acts at the last.
TEST(Act, LetsANetTakeSeveralSteps) {
  ProgramSpec s = policy_spec("bptt", "feedforward_tanh");
  s.sizes["k"] = 3;
  s.show = {"L.o"};
  Session session(compile(s), {.batch = 4, .steps = 3, .seed = 1});
  Environments worlds([] { return std::make_unique<OneStep>(3); }, 4);
  Episodes e = act(session, worlds, {.seed = 2, .greedy = true, .steps_per_action = 3});
  EXPECT_EQ(e.batch.steps, 3);
  EXPECT_EQ(e.batch.lengths, (std::vector<std::int64_t>{3, 3, 3, 3}));
  EXPECT_EQ(e.actions.size(), 12u);
  credit(e, {.normalise = false});
  session.run(e.batch);
  const std::vector<double> o = session.shown("L.o").values;
  for (std::size_t b = 0; b < 4; ++b) {
    EXPECT_EQ(e.batch.x[3 * b], 1);
    EXPECT_EQ(e.batch.x[(2 * 4 + b) * 3], 1);
    const auto last = o.begin() + static_cast<std::ptrdiff_t>((2 * 4 + b) * 3);
    EXPECT_EQ(e.actions[2 * 4 + b], std::max_element(last, last + 3) - last);
    EXPECT_EQ(e.returns[b], static_cast<double>(e.actions[2 * 4 + b]));
  }
}

TEST(Act, RefusesSessionsThatDoNotFit) {
  Environments worlds([] { return std::make_unique<OneStep>(3); }, 4);
  Session two(compile(policy_spec("bptt", "rnn_tanh")), {.batch = 4, .steps = 1});
  EXPECT_EQ(error_of([&] { act(two, worlds, {}); }),
            "the readouts put out 8 numbers for 4 environments with 3 actions; a policy has one output for each action "
            "(ProgramSpec::outputs, readout policy)");
}

TEST(ActAndLearn, IsTheRunWithEachStepsOwnReward) {
  for (const char* rule : {"rtrl", "snap1"}) {
    SCOPED_TRACE(rule);
    ProgramSpec s = policy_spec(rule, "gru");
    s.online = true;
    Session by_step = make_session(s, {.steps = kSteps, .examples = kWays});
    Session whole = make_session(policy_spec(rule, "gru"), {.steps = kSteps, .examples = kWays});
    for (Session* each : {&by_step, &whole}) each->set_hyper("optimiser.α", 0);
    Environments worlds([] { return std::make_unique<Table>(); }, kWays);
    Episodes lived;
    const RunResult learned = act_and_learn(by_step, worlds, {.seed = 2}, false, lived);
    Episodes e = act(whole, worlds, {.seed = 2});
    EXPECT_EQ(e.actions, lived.actions);
    EXPECT_EQ(e.batch.x, lived.batch.x);
    EXPECT_EQ(e.batch.lengths, lived.batch.lengths);
    credit(e, {.discount = 0, .normalise = false});
    const RunResult result = whole.run(e.batch);
    EXPECT_NEAR(learned.loss, result.loss, 1e-12);
    EXPECT_EQ(learned.loss_steps, result.loss_steps);
    for (const std::string& name : parameters(whole))
      EXPECT_LE(difference(by_step.gathered(name), whole.gathered(name)), 1e-12) << name;
  }
}

}  // namespace
}  // namespace eligo::test
