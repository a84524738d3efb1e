// ListOps: what lists come to, what may be drawn, and the form of a batch.
#include "runtime/tasks/listops.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "temporary.h"

namespace eligo::test {
namespace {

std::vector<std::uint8_t> tokens_of(const std::string& text) {
  const std::map<std::string, std::uint8_t> words = {
      {"[MAX", kMax}, {"[MIN", kMin}, {"[MED", kMedian}, {"[SM", kSumModulo}, {"]", kClose}};
  std::vector<std::uint8_t> tokens;
  std::istringstream stream(text);
  for (std::string word; stream >> word;)
    tokens.push_back(words.contains(word) ? words.at(word) : static_cast<std::uint8_t>(std::stoi(word)));
  return tokens;
}

TEST(ListOps, ValuesOfLists) {
  const std::pair<const char*, int> lists[] = {{"[MAX 2 9 0 ]", 9},
                                               {"[MIN 4 7 ]", 4},
                                               {"[MED 5 1 9 ]", 5},
                                               {"[MED 8 3 ]", 5},
                                               {"[MED 1 8 2 7 ]", 4},
                                               {"[SM 7 8 9 ]", 4},
                                               {"[MAX 2 [MIN 4 7 ] 0 ]", 4},
                                               {"[SM [MAX 9 1 ] [MED 3 [SM 6 6 ] 2 ] ]", 1}};
  for (const auto& [text, value] : lists) EXPECT_EQ(list_value(tokens_of(text)), value) << text;
}

// Within its bounds, closed where it ends, and in all forms that there may be.
TEST(ListOps, DrawnListsKeepTheirBounds) {
  for (const ListOpsSize size : {ListOpsSize{4, 3, 5}, {7, 1, 5}, {10, 2, 2}, {30, 3, 4}, {200, 10, 10}}) {
    std::set<std::int64_t> lengths, depths, counts, values;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      const auto tokens = draw_list(1, "test", i, size);
      ASSERT_LE(tokens.size(), static_cast<std::size_t>(size.steps));
      std::vector<std::int64_t> open;
      for (std::size_t t = 0; t < tokens.size(); ++t) {
        if (tokens[t] != kClose && !open.empty()) ++open.back();
        if (tokens[t] >= kMax && tokens[t] < kClose) open.push_back(0);
        depths.insert(static_cast<std::int64_t>(open.size()));
        if (tokens[t] != kClose) continue;
        counts.insert(open.back());
        open.pop_back();
        ASSERT_EQ(open.empty(), t + 1 == tokens.size());
      }
      ASSERT_TRUE(open.empty());
      lengths.insert(static_cast<std::int64_t>(tokens.size()));
      values.insert(list_value(tokens));
    }
    EXPECT_EQ(*lengths.begin(), 4);
    EXPECT_EQ(*lengths.rbegin(), size.steps);
    EXPECT_EQ(values.size(), 10U);
    EXPECT_EQ(*counts.begin(), 2);
    EXPECT_EQ(*counts.rbegin(), std::min(size.arguments, size.steps - 2));
    EXPECT_EQ(*depths.rbegin(), std::min(size.depth, (size.steps - 1) / 3));
  }
}

TEST(ListOps, TheValueIsWantedWhereTheListEnds) {
  const auto task = make_task(
      {.name = "listops", .numbers = {{"steps", 20}, {"validation", 25}, {"test", 8}}, .batch = 10, .seed = 3});
  const TaskShape shape = task->shape();
  EXPECT_EQ(shape.inputs, 15);
  EXPECT_EQ(shape.targets, 10);
  EXPECT_EQ(shape.max_steps, 20);
  EXPECT_EQ(shape.validation_batches, 3U);
  EXPECT_EQ(shape.test_batches, 1U);
  EXPECT_EQ(task->batch(Split::validation, 0, 2).examples, 5);
  const Batch batch = task->batch(Split::train, 1, 4);
  for (std::size_t b = 0; b < 10; ++b) {
    std::vector<std::uint8_t> tokens;
    const auto length = static_cast<std::size_t>(batch.lengths[b]);
    for (std::size_t t = 0; t < static_cast<std::size_t>(batch.steps); ++t) {
      double ones = 0;
      for (std::uint8_t i = 0; i < 15; ++i)
        if (batch.x[(t * 10 + b) * 15 + i] == 1) ++ones, tokens.push_back(i);
      EXPECT_EQ(ones, t < length ? 1 : 0);
      EXPECT_EQ(batch.loss_mask[t * 10 + b], t + 1 == length ? 1 : 0);
    }
    EXPECT_EQ(batch.y[((length - 1) * 10 + b) * 10 + static_cast<std::size_t>(list_value(tokens))], 1);
  }
  EXPECT_EQ(task->score(batch, batch.y).sum, 10);
  EXPECT_EQ(task->score(batch, batch.y).count, 10);
}

// Training differs by seed, epoch and batch; what is held out is the same for all.
TEST(ListOps, WhatIsHeldOutIsTheSameForAllSeeds) {
  const auto task = [](std::uint64_t seed) { return make_task({.name = "listops", .seed = seed}); };
  EXPECT_EQ(task(1)->batch(Split::test, 0, 1).x, task(2)->batch(Split::test, 0, 1).x);
  EXPECT_NE(task(1)->batch(Split::test, 0, 1).x, task(1)->batch(Split::validation, 0, 1).x);
  EXPECT_NE(task(1)->batch(Split::train, 0, 1).x, task(2)->batch(Split::train, 0, 1).x);
  EXPECT_NE(task(1)->batch(Split::train, 0, 1).x, task(1)->batch(Split::train, 1, 1).x);
  EXPECT_EQ(task(1)->batch(Split::train, 2, 1).x, task(1)->batch(Split::train, 2, 1).x);
}

}  // namespace
}  // namespace eligo::test
