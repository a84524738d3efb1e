// Curricula: when an option rises, what follows from it, and what may not be.
#include "runtime/experiment/curriculum.h"

#include <map>

#include "runs.h"
#include "runtime/data/npz_archive.h"
#include "runtime/experiment/prediction.h"

namespace eligo::test {
namespace {

constexpr const char* kRising = R"toml(
[task]
name = "delayed_target"
T = 2
npoints = 1
[model]
cell = "gru"
readout = "linear_mse"
n = 6
[rule]
name = "bptt"
[optimiser]
name = "adam"
alpha = 2e-2
[curriculum]
option = "T"
by = 3
to = 9
loss_below = 0.02
[train]
epochs = 20
batches_per_epoch = 10
)toml";

std::string without(std::string text, const std::string& words) { return text.erase(text.find(words), words.size()); }

class Curricula : public RunsOf {
 protected:
  Curricula() : RunsOf(kRising) {}
};

TEST_F(Curricula, RiseAfterTheEpochThatWasGoodEnough) {
  const Outcome end = outcome("run");
  double option = 2;
  std::vector<double> seen;
  for (const MetricsRow& row : rows("run")) {
    if (row.split != "validation") continue;
    EXPECT_EQ(row.option, option) << row.epoch;
    if (row.loss < 0.02 && option < 9) option = std::min(option + 3, 9.0);  // 2, 5, 8, 9
    if (seen.empty() || seen.back() != *row.option) seen.push_back(*row.option);
  }
  EXPECT_EQ(seen, (std::vector<double>{2, 5, 8, 9}));
  EXPECT_EQ(end.option, 9);
  EXPECT_EQ(end.level, 3U);
  EXPECT_EQ(summary("run", "option"), "9");
  EXPECT_EQ(summary("run", "solved"), "9");
}

// What is told is the last level that was passed, not the one that is tried.
TEST_F(Curricula, TellWhatWasSolved) {
  const Outcome end = outcome("run", {"train.epochs=2", "curriculum.loss_below=1e-9"});
  EXPECT_EQ(end.option, 2);
  EXPECT_EQ(end.solved, 0);
  EXPECT_EQ(outcome("one", {"train.epochs=2", "curriculum.loss_below=100", "curriculum.to=20"}).solved, 5);
  double solved = 0;
  outcome("batches", {"curriculum.when=batch", "train.log_every=1", "train.epochs=12"});
  for (const MetricsRow& row : rows("batches")) {
    EXPECT_EQ(row.solved, solved) << row.batch << row.split;
    if (row.split == "train" && row.loss < 0.02) solved = *row.option;
  }
  EXPECT_EQ(solved, 9);
  EXPECT_EQ(summary("batches", "solved"), "9");
}

// A task may say what its levels are called and how large they are.
TEST_F(Curricula, AreToldInTheTasksWords) {
  const std::vector<std::string> copying = {"task=copy_repeat", "model.readout=linear_bernoulli", "curriculum.option=level",
                                            "curriculum.loss_below=100", "curriculum.by=1", "curriculum.to=4",
                                            "curriculum.when=batch", "train.epochs=1", "train.batches_per_epoch=3"};
  const std::string path = folder.write("copy.toml", without(kRising, "T = 2\nnpoints = 1\n"));
  const Experiment experiment = load_experiment(path, {copying, {}, {}});
  const RunFolder run = RunFolder::create(folder / "copy");
  write_file_atomically(run.experiment(), experiment.resolved());
  const ExperimentResult result = Trainer(experiment, {false, true}).run(run);
  EXPECT_EQ(result.score.level, "length");
  EXPECT_EQ(result.results.at(0).outcome.solved, 9);   // three batches were good enough
  EXPECT_EQ(result.results.at(0).outcome.option, 12);  // the fourth level is tried
  EXPECT_NE(result_table(experiment, result.results, result.score).find("length solved"), std::string::npos);
  EXPECT_EQ(read_run_facts(run.facts()).level, "length");
}

TEST_F(Curricula, OrWithTheTrainingBatchThatWas) {
  const Outcome end = outcome("run", {"curriculum.when=batch", "train.log_every=1", "train.epochs=12"});
  double option = 2;
  for (const MetricsRow& row : rows("run")) {
    EXPECT_EQ(row.option, option) << row.batch << row.split;
    if (row.split == "train" && row.loss < 0.02) option = std::min(option + 3, 9.0);
  }
  EXPECT_EQ(end.option, 9);
}

// What would rise behind the last epoch is never trained.
TEST_F(Curricula, DoNotRiseBehindTheLastEpoch) {
  const Outcome end = outcome("run", {"train.epochs=2", "curriculum.loss_below=100"});
  EXPECT_EQ(end.option, 5);
  EXPECT_EQ(end.best_epoch, 2U);
}

// A level's best says nothing of the next.
TEST_F(Curricula, TheBestIsOfTheLastLevel) {
  const Outcome end = outcome("run");
  double best = HUGE_VAL;
  std::uint64_t epoch = 0;
  for (const MetricsRow& row : rows("run"))
    if (row.split == "validation" && row.option == 9 && row.loss < best) best = row.loss, epoch = row.epoch;
  EXPECT_EQ(end.best_epoch, epoch);
  EXPECT_EQ(end.best_loss, best);
}

TEST_F(Curricula, GoOnToTheBit) {
  for (const std::string when : {"epoch", "batch"})
    expect_resumed_to_the_bit({7, 40, 60}, {"curriculum.when=" + when, "train.measure=2"});
}

TEST_F(Curricula, APredictionIsOfTheLevelThatWasReached) {
  outcome("run", {"train.epochs=2", "curriculum.loss_below=100"});  // one rise, to 5 steps
  PredictOptions options;
  options.run = folder / "run";
  options.out = folder / "p.npz";
  options.split = Split::validation;
  options.checkpoint = "last";
  predict(options);
  const auto lengths = read_npz(folder / "p.npz").at("lengths").values;
  EXPECT_EQ(lengths, std::vector<double>(lengths.size(), 5));
}

TEST_F(Curricula, MayWatchTheScore) {
  const std::vector<std::string> chain = {"task=memory_chain",    "task.cues=2",         "task.T=2",
                                          "model.readout=policy", "curriculum.to=5",     "curriculum.by=1",
                                          "train.epochs=8",       "optimiser.alpha=1e-2"};
  const std::string text = std::string(kRising);
  const std::string path =
      folder.write("score.toml", std::string(text)
                                     .replace(text.find("loss_below = 0.02"), 17, "score_above = 0.9")
                                     .replace(text.find("npoints = 1"), 11, ""));
  const Experiment experiment = load_experiment(path, {chain, {}, {}});
  const RunFolder run = RunFolder::create(folder / "score");
  write_file_atomically(run.experiment(), experiment.resolved());
  EXPECT_EQ(Trainer(experiment, {false, true}).run(run).results.at(0).outcome.option, 5);
}

TEST_F(Curricula, WhatCannotBeIsRefused) {
  const auto mentions = [&](std::vector<std::string> overrides, const std::string& words) {
    const std::string said = refused(std::move(overrides));
    EXPECT_NE(said.find(words), std::string::npos) << said;
  };
  mentions({"curriculum.option=Tt"}, "task delayed_target has no number Tt");
  mentions({"curriculum.score_above=1"}, "give one of curriculum.loss_below, curriculum.score_above");
  mentions({"curriculum.to=1"}, "curriculum.to = 1, but T begins with 2");
  mentions({"curriculum.to=1e9"}, "curriculum.to = 1000000000 is out of the range of T");
  mentions({"curriculum.by=0.5"}, "curriculum.by = 0.5, but T is a whole number");
  mentions({"curriculum.by=0"}, "curriculum.by = 0 is out of range");
  mentions({"curriculum.option="}, "there is no curriculum");
  mentions({"curriculum.option=npoints", "curriculum.to=60", "curriculum.by=50"}, "validation batches");
  mentions({"task=memory_chain", "task.cues=2", "model.readout=policy", "policy.validation_episodes=0"},
           "has no validation to judge by");
  mentions({"curriculum.when=step"}, "curriculum.when cannot be step");
}

}  // namespace
}  // namespace eligo::test
