// Scores of own data and of text, against their definitions.
#include <cmath>
#include <map>
#include <numeric>

#include "runtime/tasks/task.h"
#include "temporary.h"

namespace eligo::test {
namespace {

using Texts = std::map<std::string, std::string>;

// Four sequences of two steps; the third column is the target of each step.
std::unique_ptr<Task> table(const TemporaryFolder& folder, const std::vector<double>& targets, Texts texts = {}) {
  std::string text = "sequence,x,y\n";
  for (std::size_t i = 0; i < targets.size(); ++i)
    text += std::to_string(i / 2) + "," + std::to_string(i) + "," + std::to_string(targets[i]) + "\n";
  texts["data"] = folder.write("own.csv", text);
  return make_task(
      {.name = "arrays", .numbers = {{"validation", 0.25}, {"test", 0}, {"shuffle", 0}}, .texts = texts, .batch = 10});
}

double ratio(const Score& score) { return score.sum / score.count; }

// 1 - Σ(y - o)² / Σ(y - ȳ)², ȳ over the training set: 1 for the targets themselves, 0 for ȳ.
TEST(OwnDataScores, RealTargetsAreExplained) {
  const TemporaryFolder folder;
  const auto task = table(folder, {1, 5, 2, -4, 0.5, 3, 7, 8});
  EXPECT_EQ(task->score_name(), "R²");
  const Batch batch = task->batch(Split::train, 0, 0);
  ASSERT_EQ(batch.y.size(), 6U);
  const double mean = std::accumulate(batch.y.begin(), batch.y.end(), 0.0) / 6;
  EXPECT_DOUBLE_EQ(ratio(task->score(batch, batch.y)), 1);
  EXPECT_NEAR(ratio(task->score(batch, std::vector<double>(6, mean))), 0, 1e-12);
  std::vector<double> outputs = batch.y;
  outputs[2] += 2;
  double all = 0;
  for (const double y : batch.y) all += (y - mean) * (y - mean);
  EXPECT_NEAR(ratio(task->score(batch, outputs)), 1 - 4 / all, 1e-12);
}

TEST(OwnDataScores, BitsAreComparedWithTheThreshold) {
  const TemporaryFolder folder;
  const auto task = table(folder, {1, 0, 0, 1, 1, 1, 0, 0}, {{"targets", "binary"}});
  const Batch batch = task->batch(Split::train, 0, 0);
  std::vector<double> outputs;
  for (const double y : batch.y) outputs.push_back(y == 0 ? -3 : 0.2);
  EXPECT_DOUBLE_EQ(ratio(task->score(batch, outputs)), 1);
  outputs[1] = -outputs[1];
  EXPECT_DOUBLE_EQ(ratio(task->score(batch, outputs)), 5.0 / 6);
}

TEST(OwnDataScores, OutputsOfAnotherSizeAreNotJudged) {
  const TemporaryFolder folder;
  const auto task = table(folder, {1, 0, 0, 1, 1, 1, 0, 0});
  EXPECT_EQ(task->score(task->batch(Split::train, 0, 0), {1, 2}).count, 0);
}

// A step that has no target adds nothing, whatever is put out there.
TEST(OwnDataScores, StepsWithoutTargetDoNotCount) {
  const TemporaryFolder folder;
  const std::string path = folder.write("own.csv", "sequence,x,y\na,1,\na,2,a\nb,1,b\nb,1,\nc,1,a\nc,1,b\n");
  const auto task =
      make_task({.name = "arrays", .numbers = {{"validation", 0.3}, {"test", 0}}, .texts = {{"data", path}}});
  const Batch batch = task->batch(Split::train, 0, 0);
  const double counted = std::accumulate(batch.loss_mask.begin(), batch.loss_mask.end(), 0.0);
  EXPECT_EQ(task->score(batch, batch.y).count, counted);
  EXPECT_LT(counted, 4);
}

// Outputs that are equal give every character the same chance: log2 of their number in bits.
TEST(TextScores, BitsOfACharacter) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 100; ++i) text += "abcd"[i % 4];
  const auto task =
      make_task({.name = "text", .numbers = {{"steps", 5}}, .texts = {{"data", folder.write("t", text)}}});
  EXPECT_EQ(task->score_name(), "bits");
  EXPECT_FALSE(task->score_is_share());
  const Batch batch = task->batch(Split::train, 0, 0);
  EXPECT_NEAR(ratio(task->score(batch, std::vector<double>(batch.y.size(), 7))), 2, 1e-12);
  std::vector<double> sure = batch.y;
  for (double& o : sure) o *= 100;
  EXPECT_NEAR(ratio(task->score(batch, sure)), 0, 1e-12);
  const double p = std::exp(1) / (std::exp(1) + 3);
  EXPECT_NEAR(ratio(task->score(batch, batch.y)), -std::log2(p), 1e-12);
}

// Without a file the same sentences are written each time.
TEST(TextScores, TheProgramWritesAText) {
  const auto a = make_task({.name = "text"}), b = make_task({.name = "text"});
  EXPECT_EQ(a->batch(Split::test, 0, 0).x, b->batch(Split::test, 0, 0).x);
  EXPECT_NE(a->description().find("written by the program"), std::string::npos);
}

}  // namespace
}  // namespace eligo::test
