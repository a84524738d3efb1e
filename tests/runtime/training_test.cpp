#include "runtime/training.h"

#include <cmath>

#include "runtime/run_folder.h"
#include "runtime/signal.h"
#include "runtime/trainer.h"
#include "temporary.h"

namespace eligo::test {
namespace {

constexpr const char* kToy = R"toml(
[task]
name = "delayed_target"
T = 4
[model]
cell = "rnn_tanh"
readout = "linear_mse"
synth = "linear"
n = 6
[rule]
name = "bp_lambda"
[optimiser]
name = "adam"
alpha = 1e-2
[train]
epochs = 3
batches_per_epoch = 12
log_every = 5
measure = 2
)toml";

class Runs : public testing::Test {
 protected:
  Experiment load(std::vector<std::string> overrides = {}) {
    return load_experiment(folder.write("toy.toml", kToy), {std::move(overrides), {}, {}});
  }
  // Trains into a fresh or an old folder, interrupted after so many batches (0: never).
  ExperimentResult train(const std::string& name, int interrupt_after, bool resume,
                         std::vector<std::string> overrides = {}) {
    const Experiment experiment = load(std::move(overrides));
    const RunFolder run = resume ? RunFolder::open(folder / name) : RunFolder::create(folder / name);
    if (!resume) write_file_atomically(run.experiment(), experiment.resolved());
    int asked = 0;
    TrainerOptions options{resume, true, [&] { return interrupt_after > 0 && ++asked > interrupt_after; }};
    return Trainer(experiment, options).run(run);
  }
  std::vector<MetricsRow> rows(const std::string& name) {
    auto all = read_metrics(folder / (name + "/metrics.csv"));
    for (auto& row : all) row.milliseconds.reset();
    return all;
  }
  TemporaryFolder folder;
};

void expect_same(const std::vector<MetricsRow>& a, const std::vector<MetricsRow>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].batch, b[i].batch) << i;
    EXPECT_EQ(a[i].split, b[i].split) << i;
    EXPECT_EQ(a[i].epoch, b[i].epoch) << i;
    EXPECT_EQ(a[i].loss, b[i].loss) << i;
    EXPECT_EQ(a[i].cosine, b[i].cosine) << i;
  }
}

TEST_F(Runs, RowsComeWhereTheyShould) {
  const ExperimentResult result = train("run", 0, false);
  EXPECT_TRUE(result.complete);
  const auto all = rows("run");
  std::vector<std::uint64_t> trained;
  std::size_t validated = 0;
  for (const auto& row : all) {
    if (row.split == "train") trained.push_back(row.batch);
    if (row.split == "validation") {
      ++validated;
      EXPECT_TRUE(row.cosine.has_value());
    }
  }
  EXPECT_EQ(trained, (std::vector<std::uint64_t>{5, 10, 12, 17, 22, 24, 29, 34, 36}));
  EXPECT_EQ(validated, 3U);
  EXPECT_LT(all.back().loss, all.front().loss);
  ASSERT_EQ(result.results.size(), 1U);
  EXPECT_TRUE(result.results[0].outcome.cosine.has_value());
  EXPECT_NE(result_table(load(), result.results).find("bp_lambda"), std::string::npos);
}

// A rule that draws numbers is measured with those of its epoch, whenever the run goes on.
TEST_F(Runs, ResumingIsExactForRulesWithNoise) {
  const std::vector<std::string> noise = {"rule=uoro", "train.epochs=4"};
  train("noise", 0, false, noise);
  const auto whole = rows("noise");
  EXPECT_TRUE(whole.back().cosine.has_value());
  for (const int after : {13, 26, 40}) {
    const std::string name = "cut" + std::to_string(after);
    EXPECT_FALSE(train(name, after, false, noise).complete) << after;
    EXPECT_TRUE(train(name, 0, true, noise).complete) << after;
    expect_same(whole, rows(name));
  }
}

// Whatever the batch at which it was interrupted, also twice.
TEST_F(Runs, ResumingIsExact) {
  train("whole", 0, false);
  for (const int after : {1, 5, 12, 13, 30, 38}) {
    const std::string name = "cut" + std::to_string(after);
    EXPECT_FALSE(train(name, after, false).complete) << after;
    train(name, 3, true);
    EXPECT_TRUE(train(name, 0, true).complete) << after;
    expect_same(rows("whole"), rows(name));
  }
}

TEST_F(Runs, SeedsDifferAndRepeat) {
  train("a", 0, false, {"seeds=[1]"});
  train("b", 0, false, {"seeds=[1]"});
  train("c", 0, false, {"seeds=[2]"});
  expect_same(rows("a"), rows("b"));
  EXPECT_NE(rows("a")[0].loss, rows("c")[0].loss);
}

TEST_F(Runs, DivergenceEndsTheTraining) {
  const std::vector<std::string> wild = {"optimiser=sgd", "optimiser.alpha=1e30", "rule=bptt", "train.epochs=50"};
  const ExperimentResult result = train("wild", 0, false, wild);
  ASSERT_EQ(result.results.size(), 1U);
  EXPECT_TRUE(result.results[0].outcome.diverged);
  EXPECT_NE(result_table(load(wild), result.results).find("diverged"), std::string::npos);
}

TEST_F(Runs, BpttPointsWhereItself) {
  const ExperimentResult full = train("full", 0, false, {"rule=bptt"}),
                         one = train("one", 0, false, {"rule=bptt", "rule.n=1"});
  EXPECT_NEAR(full.results[0].outcome.cosine.value_or(0), 1, 1e-5);
  EXPECT_NEAR(one.results[0].outcome.cosine.value_or(0), 0.25, 1e-5);  // right at the last of four steps, silent before
}

TEST(Signal, CosineCountsStepsWithASignal) {
  Batch batch;
  batch.steps = 2;
  batch.examples = 2;
  const Session::Shown bptt{2, {2}, {1, 0, 0, 0, 0, 2, 3, 0}};
  const Session::Shown rule{3, {2}, {9, 9, 9, 9, 1, 1, 5, 5, 0, 0, -1, 0}};  // its first row is that of start
  const Score score = cosine_over_steps(batch, rule, bptt);
  EXPECT_EQ(score.count, 3U);
  EXPECT_NEAR(score.sum, std::sqrt(0.5) + 0 - 1, 1e-12);
}

}  // namespace
}  // namespace eligo::test
