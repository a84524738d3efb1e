// Experiments whose task is an environment: they reach the optimum, go on to the bit, and say what does not fit.
#include <gtest/gtest.h>

#include "runtime/data/npz_archive.h"
#include "runtime/experiment/prediction.h"
#include "tests/runtime/runs.h"

namespace eligo::test {
namespace {

constexpr const char* kChain = R"toml(
[task]
name = "memory_chain"
T = 5
[model]
cell = "gru"
readout = "policy"
n = 12
[rule]
name = "bptt"
[optimiser]
name = "adam"
alpha = 1e-2
[train]
batch = 16
epochs = 4
batches_per_epoch = 50
log_every = 20
)toml";

class InEnvironments : public RunsOf {
 protected:
  InEnvironments() : RunsOf(kChain) {}
};

TEST_F(InEnvironments, BackwardRulesRememberTheCue) {
  const Outcome learned = outcome("run", {"policy.discount=0.9"});
  EXPECT_EQ(learned.test_score, 1);  // the optimum
  EXPECT_EQ(learned.test_success, 1);
  EXPECT_NEAR(learned.cosine.value_or(0), 1, 1e-3);  // bptt is the gradient
  for (const MetricsRow& row : rows("run")) {
    EXPECT_EQ(row.length, 5);
    EXPECT_EQ(row.success, row.score);
  }
  EXPECT_NE(read_file(folder / "run/summary.csv").find("diverged,final_success,test_success\n"), std::string::npos);
}

TEST_F(InEnvironments, OnlineRulesDoStepByStep) {
  const auto by_step = [](const std::string& rule) {
    return std::vector<std::string>{"rule=" + rule, "train.update=step", "policy.learn=steps", "train.epochs=8"};
  };
  EXPECT_EQ(outcome("rtrl", by_step("rtrl")).test_score, 1);
  EXPECT_EQ(outcome("snap", by_step("snap1")).test_score, 1);
}

// The optimum is 6.0218 (Bandit.PaysTheOptimumToTheBestBelief); who explores without remembering has 5.
TEST_F(InEnvironments, ANetLearnsToExplore) {
  const Outcome learned =
      outcome("run", {"task=bandit", "train.batch=64", "train.batches_per_epoch=200", "train.epochs=10",
                      "policy.validation_episodes=1000", "policy.test_episodes=4000"});
  EXPECT_GT(learned.test_score, 5.8);
  EXPECT_LT(learned.test_score, 6.2);
}

TEST_F(InEnvironments, ARunGoesOnToTheBit) {
  for (const std::string learn : {"episodes", "steps"}) {
    SCOPED_TRACE(learn);
    expect_resumed_to_the_bit({37, 29}, {"rule=rtrl", "policy.learn=" + learn, "train.epochs=2", "train.measure=2"});
  }
}

TEST_F(InEnvironments, TheBestEpochIsThatOfHighestReturn) {
  const Outcome learned = outcome("run", {"train.epochs=3", "optimiser.alpha=2e-3"});
  double best = -1;
  std::uint64_t epoch = 0;
  for (const MetricsRow& row : rows("run"))
    if (row.split == "validation" && row.score.value() > best) best = *row.score, epoch = row.epoch;
  EXPECT_EQ(learned.best_epoch, epoch);
  EXPECT_EQ(learned.best_score, best);
}

TEST_F(InEnvironments, PredictionsAreTheTestsEpisodes) {
  const Outcome learned = outcome("run", {"train.epochs=1"});
  PredictOptions options;
  options.run = folder / "run";
  options.out = folder / "p.npz";
  const Prediction p = predict(options);
  EXPECT_EQ(p.sequences, 112U);  // 100, in whole batches
  EXPECT_EQ(p.score, learned.test_score);
  EXPECT_EQ(p.loss, learned.test_loss);
  options.data = "more.npz";
  EXPECT_NE(error_of([&] { predict(options); }).find("is an environment: there is no file of it"), std::string::npos);
}

// Its noise is that of the run's own test.
TEST_F(InEnvironments, PredictionsOfANetThatDraws) {
  const std::string cell =
      folder.write("noisy.eli",
                   "cell noisy(n, m) {\n  input x[m]\n  state h[n] = 0\n"
                   "  param W[n, n], U[n, m] ~ normal(0, 1)\n"
                   "  noise[t] = normal[n]()\n  h[t] = tanh(W . h[t-1] + U . x[t] + noise[t])\n}\n");
  const Outcome learned = outcome("run", {"train.epochs=2", "model.cell=" + cell});
  EXPECT_LT(learned.test_score, 1);
  PredictOptions options;
  options.run = folder / "run";
  options.out = folder / "p.npz";
  const Prediction p = predict(options);
  EXPECT_EQ(p.score, learned.test_score);
  EXPECT_EQ(p.loss, learned.test_loss);
}

// Validation and test have the loss that is trained: the advantage of an action is its own reward.
TEST_F(InEnvironments, StepsAreJudgedAsTheyAreLearned) {
  const std::vector<std::string> how = {"rule=rtrl",      "task=bandit", "policy.learn=steps", "policy.normalise=none",
                                        "train.epochs=1", "dtype=f64"};
  const Outcome learned = outcome("run", how);
  PredictOptions options;
  options.run = folder / "run";
  options.out = folder / "p.npz";
  predict(options);
  const Archive played = read_npz(options.out);
  const auto &y = played.at("y").values, &o = played.at("L.o").values, &reward = played.at("reward").values;
  double loss = 0;
  for (std::size_t row = 0; row < reward.size(); ++row) {
    EXPECT_EQ(y[3 * row + 2], reward[row]);
    const double chosen = y[3 * row] == 1 ? o[2 * row] : o[2 * row + 1];
    loss += reward[row] * (std::log(std::exp(o[2 * row]) + std::exp(o[2 * row + 1])) - chosen);
  }
  EXPECT_NEAR(learned.test_loss.value(), loss / 112, 1e-12);
}

TEST_F(InEnvironments, WhatDoesNotFitIsRefused) {
  EXPECT_NE(
      refused({"model.readout=linear_softmax"}).find("linear_softmax has no targets for an action and its advantage"),
      std::string::npos);
  EXPECT_NE(refused({"policy.learn=steps", "policy.discount=0.9"}).find("learns each action from its own reward"),
            std::string::npos);
  EXPECT_NE(refused({"task=delayed_target", "model.readout=linear_mse", "policy.discount=0.9"})
                .find("task delayed_target is no environment to act in"),
            std::string::npos);
  EXPECT_NE(refused({"rule=rtrl", "policy.learn=steps", "train.batch=1"}).find("set policy.normalise = \"none\""),
            std::string::npos);
  EXPECT_NE(refused({"task=memory_chian"}).find("did you mean memory_chain?"), std::string::npos);
  EXPECT_NE(refused({"task.cues=1"}).find("task.cues = 1 is out of range"), std::string::npos);
  EXPECT_NE(refused({"policy.learn=whole"}).find("policy.learn cannot be whole"), std::string::npos);
  EXPECT_NE(error_of([&] { outcome("run", {"policy.learn=steps"}); }).find("rule bptt is not online"),
            std::string::npos);
}

}  // namespace
}  // namespace eligo::test
