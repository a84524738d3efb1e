#include "support/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace eligo {
namespace {

using Words4 = std::array<std::uint32_t, 4>;

// The vectors of the generator's authors (Random123, kat_vectors, philox4x32 10).
TEST(Random, PhiloxKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}), (Words4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, EveryPartOfTheKeyMatters) {
  const std::uint64_t big = std::uint64_t{1} << 32;
  std::set<std::uint64_t> seen;
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, big}) {
    for (const char* purpose : {"net.W", "net.U"}) {
      for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{1}, big, big + 1}) {
        for (const std::uint64_t example : {std::uint64_t{0}, std::uint64_t{1}, big}) {
          for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{1}, big}) {
            seen.insert(bits(make_key(seed, purpose, step, example), index));
          }
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), 3U * 2 * 4 * 3 * 3);
}

// Vectors of the processor or one by one, at whatever place they begin.
TEST(Random, ManyAreTheSameAsOneByOne) {
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{3}, (std::uint64_t{1} << 32) - 5})
    for (const std::size_t count : {0, 1, 3, 4, 7, 8, 12, 63, 64, 65, 200}) {
      const Key key = make_key(12345678901234, "many", (std::uint64_t{7} << 32) + 9, 4000000000);
      std::vector<double> signs(count), normals(count), uniforms(count);
      random_sign(key, first, signs);
      normal(key, first, normals);
      uniform(key, first, -2, 3, uniforms);
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(signs[i], random_sign(key, first + i)) << first << " " << count << " " << i;
        ASSERT_EQ(normals[i], normal(key, first + i)) << first << " " << count << " " << i;
        ASSERT_EQ(uniforms[i], uniform(key, first + i, -2, 3)) << first << " " << count << " " << i;
      }
    }
}

TEST(Random, MomentsAndRanges) {
  const Key key = make_key(7, "moments");
  constexpr int n = 200000;
  double sum = 0, squares = 0, mean = 0;
  for (int i = 0; i < n; ++i) {
    const double z = normal(key, static_cast<std::uint64_t>(i)), u = uniform(key, static_cast<std::uint64_t>(i));
    sum += z;
    squares += z * z;
    mean += u;
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ASSERT_TRUE(std::isfinite(z));
    ASSERT_LT(integer(key, static_cast<std::uint64_t>(i), 7), 7U);
  }
  EXPECT_NEAR(sum / n, 0, 0.01);
  EXPECT_NEAR(squares / n, 1, 0.02);
  EXPECT_NEAR(mean / n, 0.5, 0.005);
  EXPECT_NEAR(uniform(key, 3, -2, 2), 4 * uniform(key, 3) - 2, 1e-15);
  EXPECT_EQ(std::abs(random_sign(key, 5)), 1);
}

TEST(Random, IntegersCoverLargeBoundsEvenly) {
  const Key key = make_key(1, "bound");
  const std::uint64_t bound = std::uint64_t{3} << 61;  // a modulo would prefer the lower half
  int low = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) low += integer(key, i, bound) < bound / 2 ? 1 : 0;
  EXPECT_NEAR(low / 20000.0, 0.5, 0.015);
}

TEST(Random, PermutationsHoldEachOnceAndDiffer) {
  auto order = permutation(make_key(0, "order", 1), 1000);
  EXPECT_NE(order, permutation(make_key(0, "order", 2), 1000));
  EXPECT_EQ(order, permutation(make_key(0, "order", 1), 1000));
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) ASSERT_EQ(order[i], i);
  EXPECT_TRUE(permutation(make_key(0, "order"), 0).empty());
}

}  // namespace
}  // namespace eligo
