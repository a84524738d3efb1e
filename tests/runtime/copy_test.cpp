// The copying tasks: their sequences against a sample of the published code, what is asked for, and what is counted.
#include "runtime/tasks/copy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "temporary.h"

namespace eligo::test {
namespace {

std::unique_ptr<Task> copy_repeat(double level, std::uint64_t seed = 0, const char* loss = "mean") {
  return make_task({.name = "copy_repeat",
                    .numbers = {{"level", level}},
                    .texts = {{"loss", loss}},
                    .batch = 10,
                    .batches_per_epoch = 20,
                    .seed = seed});
}

std::vector<double> bits_of(const std::string& text) {
  std::vector<double> bits;
  for (const char c : text)
    if (c != ' ') bits.push_back(c - '0');
  return bits;
}

// A batch of two with N = 3 and R = 2 that the code of Pemberton & Costa made: channels of each step, the first example.
TEST(Copy, HasTheFormOfThePublishedCode) {
  const std::vector<double> patterns = bits_of("10011011 01001110 11011110 00001111 11100000 01111110");
  const Batch batch = copy_batch({3, 2, 8}, patterns, 0.5);
  ASSERT_EQ(batch.steps, 12);
  ASSERT_EQ(batch.examples, 2);
  const std::vector<double> x = bits_of(
      "0000000010 1001101100 0100111000 1101111000 0000000002 0000000000 0000000000 0000000000 0000000000 0000000000"
      "0000000000 0000000000");  // 2: R/10 = 0.2
  const std::vector<double> y = bits_of(
      "000000000 000000000 000000000 000000000 000000000 100110110 010011100 110111100 100110110 010011100 110111100"
      "000000001");
  for (std::size_t t = 0; t < 12; ++t) {
    for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(batch.x[t * 20 + i], t == 4 ? x[40 + i] / 10 : x[t * 10 + i]) << t;
    for (std::size_t k = 0; k < 9; ++k) EXPECT_EQ(batch.y[t * 18 + k], y[t * 9 + k]) << t;
    for (std::size_t b = 0; b < 2; ++b) EXPECT_EQ(batch.loss_mask[t * 2 + b], t >= 5 ? 0.5 : 0) << t;
  }
  // The second example: its first pattern, and where it is wanted.
  for (const std::size_t t : {5U, 8U})
    for (std::size_t k = 0; k < 8; ++k) EXPECT_EQ(batch.y[t * 18 + 9 + k], patterns[24 + k]);
}

// [N, R, T] as the published code goes through them.
TEST(Copy, LevelsAreThoseOfTheCurriculum) {
  const std::int64_t course[][3] = {{1, 1, 5},  {2, 1, 7},  {2, 2, 9},  {3, 2, 12}, {3, 3, 15}, {4, 3, 19}, {4, 4, 23},
                                    {5, 4, 28}, {5, 5, 33}, {6, 5, 39}, {6, 6, 45}, {7, 6, 52}, {7, 7, 59}, {8, 7, 67}};
  double level = 1;
  for (const auto& [patterns, times, steps] : course) {
    const auto task = copy_repeat(level++);
    const Batch batch = task->batch(Split::train, 0, 0);
    EXPECT_EQ(batch.steps, steps);
    EXPECT_EQ(task->shape().max_steps, steps);
    EXPECT_EQ(task->level()->name, "length");
    EXPECT_EQ(task->level()->value, steps);
    EXPECT_EQ(batch.x[static_cast<std::size_t>((patterns + 1) * 10 * 10 + 9)], static_cast<double>(times) / 10);
  }
}

TEST(Copy, OnceIsTwiceAsLong) {
  for (const double patterns : {1.0, 4.0}) {
    const auto task = make_task({.name = "copy", .numbers = {{"N", patterns}, {"bits", 3}}});
    EXPECT_EQ(task->shape().inputs, 5);
    EXPECT_EQ(task->shape().targets, 4);
    EXPECT_EQ(task->shape().max_steps, 2 * patterns + 3);
    EXPECT_EQ(task->level()->value, 2 * patterns + 3);
  }
}

TEST(Copy, TheLossIsTheMeanOverWhatIsAskedFor) {
  for (const double level : {1.0, 5.0}) {
    const Batch mean = copy_repeat(level)->batch(Split::train, 0, 0), sum = copy_repeat(level, 0, "sum")->batch(Split::train, 0, 0);
    double weight = 0, steps = 0;
    for (std::size_t row = 0; row < mean.loss_mask.size(); row += 10) weight += mean.loss_mask[row], steps += sum.loss_mask[row];
    EXPECT_NEAR(weight, 1, 1e-12);
    EXPECT_EQ(steps, level == 1 ? 2 : 10);  // N R + 1
    EXPECT_EQ(mean.x, sum.x);
  }
  EXPECT_MENTIONS(error_of([] { copy_repeat(1, 0, "max"); }), "expected \"mean\" or \"sum\"");
}

// Nothing known is a bit; log-odds of 2 for what is right cost log2(1 + exp(-2)).
TEST(Copy, ScoreIsInBits) {
  const auto task = copy_repeat(3);
  const Batch batch = task->batch(Split::train, 0, 0);
  std::vector<double> outputs(batch.y.size(), 0);
  Score score = task->score(batch, outputs);
  EXPECT_EQ(score.count, 10 * 5);
  EXPECT_NEAR(score.sum / score.count, 1, 1e-12);
  for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = batch.y[i] == 1 ? 2 : -2;
  for (std::size_t i = 0; i < 4 * 10 * 9; ++i) outputs[i] = 50;  // not asked for
  score = task->score(batch, outputs);
  EXPECT_NEAR(score.sum / score.count, std::log2(1 + std::exp(-2)), 1e-12);
}

TEST(Copy, BatchesArePureFunctionsOfSeedEpochAndIndex) {
  const auto task = copy_repeat(4, 5);
  const Batch a = task->batch(Split::train, 1, 2);
  EXPECT_EQ(copy_repeat(4, 5)->batch(Split::train, 1, 2).x, a.x);
  EXPECT_NE(copy_repeat(4, 6)->batch(Split::train, 1, 2).x, a.x);
  EXPECT_NE(task->batch(Split::train, 1, 3).x, a.x);
  EXPECT_NE(task->batch(Split::train, 2, 2).x, a.x);
  double ones = 0;
  for (std::size_t t = 1; t <= 3; ++t)
    for (std::size_t i = 0; i < 100; ++i) ones += a.x[t * 100 + i];
  EXPECT_NEAR(ones, 120, 40);  // of 240
}

}  // namespace
}  // namespace eligo::test
