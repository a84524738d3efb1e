#include "dsl/recurrences.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace eligo::dsl {
namespace {

std::vector<ReadEdge> edges(std::vector<std::array<int, 3>> list) {
  std::vector<ReadEdge> out;
  for (const auto& [from, to, offset] : list) out.push_back({from, to, offset, {}});
  return out;
}

TEST(Recurrences, OrderIsThatOfReading) {
  const auto found = find_recurrences(3, edges({{0, 1, 0}, {1, 2, 0}}));
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].nodes, std::vector<int>{2});
  EXPECT_EQ(found[2].nodes, std::vector<int>{0});
  for (const auto& c : found) EXPECT_EQ(c.direction, Direction::none);
}

TEST(Recurrences, SignOfTheSumDecides) {
  EXPECT_EQ(find_recurrences(1, edges({{0, 0, -1}}))[0].direction, Direction::forward);
  EXPECT_EQ(find_recurrences(1, edges({{0, 0, 1}}))[0].direction, Direction::backward);
  EXPECT_EQ(find_recurrences(2, edges({{0, 1, 2}, {1, 0, -3}}))[0].direction, Direction::forward);
  EXPECT_EQ(find_recurrences(2, edges({{0, 1, 2}, {1, 0, -1}}))[0].direction, Direction::backward);
}

TEST(Recurrences, Faults) {
  EXPECT_EQ(find_recurrences(1, edges({{0, 0, 0}}))[0].zero_cycle.size(), 1u);
  EXPECT_EQ(find_recurrences(2, edges({{0, 1, 2}, {1, 0, -2}}))[0].zero_cycle.size(), 2u);
  const auto both = find_recurrences(1, edges({{0, 0, 1}, {0, 0, -1}}))[0];
  EXPECT_EQ(both.past_cycle.size(), 1u);
  EXPECT_EQ(both.future_cycle.size(), 1u);
}

// Against all simple cycles of small random graphs.
class Brute {
 public:
  Brute(int nodes, const std::vector<ReadEdge>& list) : nodes_(nodes), edges_(list) {
    for (int start = 0; start < nodes; ++start)
      walk(start, start, 0, std::vector<bool>(static_cast<std::size_t>(nodes)));
  }
  bool past = false, future = false, zero = false;

 private:
  void walk(int start, int at, int sum, std::vector<bool> seen) {
    seen[static_cast<std::size_t>(at)] = true;
    for (const ReadEdge& e : edges_) {
      if (e.from != at) continue;
      const int total = sum + e.offset;
      if (e.to == start) {
        past = past || total < 0;
        future = future || total > 0;
        zero = zero || total == 0;
      } else if (e.to > start && !seen[static_cast<std::size_t>(e.to)]) {
        walk(start, e.to, total, seen);
      }
    }
  }
  int nodes_;
  const std::vector<ReadEdge>& edges_;
};

TEST(Recurrences, AgreeWithAllSimpleCycles) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    const int nodes = 1 + static_cast<int>(random() % 4);
    std::vector<ReadEdge> list;
    const int count = static_cast<int>(random() % 7);
    for (int i = 0; i < count; ++i) {
      list.push_back({static_cast<int>(random() % static_cast<unsigned>(nodes)),
                      static_cast<int>(random() % static_cast<unsigned>(nodes)),
                      static_cast<int>(random() % 5) - 2,
                      {}});
    }
    const Brute brute(nodes, list);
    bool fault = false, past = false, future = false;
    for (const Component& c : find_recurrences(nodes, list)) {
      fault = fault || !c.zero_cycle.empty() || !c.past_cycle.empty();
      past = past || c.direction == Direction::forward;
      future = future || c.direction == Direction::backward;
    }
    // Cycles of both signs are a fault only within one component; then a walk around both sums to anything.
    if (!brute.past && !brute.future && !brute.zero) {
      EXPECT_FALSE(fault || past || future);
    }
    if (brute.zero) {
      EXPECT_TRUE(fault);
    }
    if (fault) {
      EXPECT_TRUE(brute.zero || (brute.past && brute.future));
    }
    if (past && !fault) {
      EXPECT_TRUE(brute.past);
    }
    if (future && !fault) {
      EXPECT_TRUE(brute.future);
    }
  }
}

}  // namespace
}  // namespace eligo::dsl
