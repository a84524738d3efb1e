// Experiments whose task is an environment: they reach the optimum, go on to the bit, and say what does not fit.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/experiment/prediction.h"
#include "runtime/experiment/run_folder.h"
#include "runtime/experiment/trainer.h"
#include "support/files.h"
#include "support/text_file.h"
#include "tests/runtime/temporary.h"

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

class InEnvironments : public testing::Test {
 protected:
  Experiment load(std::vector<std::string> overrides) {
    return load_experiment(folder.write("chain.toml", kChain), {std::move(overrides), {}, {}});
  }
  std::string refused(std::vector<std::string> overrides) {
    return error_of([&] { load(std::move(overrides)); });
  }
  // Into a folder of the name; interrupted after so many batches (0: never).
  ExperimentResult train(const std::string& name, std::vector<std::string> overrides, int interrupt_after = 0) {
    const Experiment experiment = load(std::move(overrides));
    const bool resume = std::filesystem::exists(folder / name);
    const RunFolder run = resume ? RunFolder::open(folder / name) : RunFolder::create(folder / name);
    if (!resume) write_file_atomically(run.experiment(), experiment.resolved());
    int asked = 0;
    return Trainer(experiment, {resume, true, [&] { return interrupt_after > 0 && ++asked > interrupt_after; }})
        .run(run);
  }
  std::vector<MetricsRow> rows(const std::string& name) {
    auto all = read_metrics(folder / (name + "/metrics.csv"));
    for (auto& row : all) row.milliseconds.reset();
    return all;
  }
  TemporaryFolder folder;
};

TEST_F(InEnvironments, BackwardRulesRememberTheCue) {
  const ExperimentResult result = train("run", {"policy.discount=0.9"});
  const Outcome& outcome = result.results.at(0).outcome;
  EXPECT_EQ(outcome.test_score, 1);  // the optimum
  EXPECT_EQ(outcome.test_success, 1);
  EXPECT_NEAR(outcome.cosine.value_or(0), 1, 1e-3);  // bptt is the gradient
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
  EXPECT_EQ(train("rtrl", by_step("rtrl")).results.at(0).outcome.test_score, 1);
  EXPECT_EQ(train("snap", by_step("snap1")).results.at(0).outcome.test_score, 1);
}

// The optimum is 6.0218 (Bandit.PaysTheOptimumToTheBestBelief); who explores without remembering has 5.
TEST_F(InEnvironments, ANetLearnsToExplore) {
  const Outcome outcome =
      train("run", {"task=bandit", "train.batch=64", "train.batches_per_epoch=200", "train.epochs=10",
                    "policy.validation_episodes=1000", "policy.test_episodes=4000"})
          .results.at(0)
          .outcome;
  EXPECT_GT(outcome.test_score, 5.8);
  EXPECT_LT(outcome.test_score, 6.2);
}

TEST_F(InEnvironments, ARunGoesOnToTheBit) {
  for (const std::string learn : {"episodes", "steps"}) {
    const std::vector<std::string> how = {"rule=rtrl", "policy.learn=" + learn, "train.epochs=2", "train.measure=2"};
    ASSERT_TRUE(train("whole " + learn, how).complete);
    EXPECT_FALSE(train("parts " + learn, how, 37).complete);
    EXPECT_FALSE(train("parts " + learn, how, 29).complete);
    ASSERT_TRUE(train("parts " + learn, how).complete);
    const auto whole = rows("whole " + learn), parts = rows("parts " + learn);
    ASSERT_EQ(whole.size(), parts.size());
    for (std::size_t i = 0; i < whole.size(); ++i) {
      EXPECT_EQ(whole[i].loss, parts[i].loss) << learn << i;
      EXPECT_EQ(whole[i].score, parts[i].score) << i;
      EXPECT_EQ(whole[i].success, parts[i].success) << i;
      EXPECT_EQ(whole[i].length, parts[i].length) << i;
      EXPECT_EQ(whole[i].cosine, parts[i].cosine) << i;
    }
  }
}

TEST_F(InEnvironments, TheBestEpochIsThatOfHighestReturn) {
  train("run", {"train.epochs=3", "optimiser.alpha=2e-3"});
  double best = -1;
  std::uint64_t epoch = 0;
  for (const MetricsRow& row : rows("run"))
    if (row.split == "validation" && row.score.value() > best) best = *row.score, epoch = row.epoch;
  const Outcome outcome = train("run", {"train.epochs=3", "optimiser.alpha=2e-3"}).results.at(0).outcome;
  EXPECT_EQ(outcome.best_epoch, epoch);
  EXPECT_EQ(outcome.best_score, best);
}

TEST_F(InEnvironments, PredictionsAreTheTestsEpisodes) {
  train("run", {"train.epochs=1"});
  PredictOptions options;
  options.run = folder / "run";
  options.out = folder / "p.npz";
  const Prediction p = predict(options);
  EXPECT_EQ(p.sequences, 112U);  // 100, in whole batches
  const Outcome outcome = train("run", {"train.epochs=1"}).results.at(0).outcome;
  EXPECT_EQ(p.score, outcome.test_score);
  EXPECT_EQ(p.loss, outcome.test_loss);
  options.data = "more.npz";
  EXPECT_NE(error_of([&] { predict(options); }).find("is an environment: there is no file of it"), std::string::npos);
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
  EXPECT_NE(refused({"task=memory_chian"}).find("did you mean memory_chain?"), std::string::npos);
  EXPECT_NE(refused({"task.cues=1"}).find("task.cues = 1 is out of range"), std::string::npos);
  EXPECT_NE(refused({"policy.learn=whole"}).find("policy.learn cannot be whole"), std::string::npos);
  EXPECT_NE(error_of([&] { train("run", {"policy.learn=steps"}); }).find("rule bptt is not online"), std::string::npos);
}

}  // namespace
}  // namespace eligo::test
