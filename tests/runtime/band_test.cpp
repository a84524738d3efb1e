#include "runtime/plot/band.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace eligo::test {
namespace {

TEST(Band, ReachesAsFarAsAllLines) {
  const double nan = std::nan("");
  const Band band = band_of({{{1, 1}, {2, 2}, {3, 9}}, {{1, 3}, {2, 6}}, {}, {{7, nan}}});
  ASSERT_EQ(band.size(), 2U);
  EXPECT_EQ(band[1].x, 2);
  EXPECT_EQ(band[1].mean, 4);
  EXPECT_EQ(band[1].error, 2);
  EXPECT_EQ(band[1].count, 2U);
  EXPECT_TRUE(band_of({}).empty());
  const Band twice = band_of({{{1, 5}, {1, 7}}, {{1, 3}}});
  ASSERT_EQ(twice.size(), 1U);
  EXPECT_EQ(twice[0].mean, 5);
  EXPECT_EQ(band_of({{{1, std::numeric_limits<double>::infinity()}, {2, 5}}}).size(), 1U);
}

TEST(Band, ThinnedPointsAreMeansOfNeighbours) {
  std::vector<Point> line;
  for (int i = 0; i < 1000; ++i) line.push_back({static_cast<double>(i), 2.0 * i});
  const auto fewer = thinned(line, 100);
  ASSERT_EQ(fewer.size(), 100U);
  EXPECT_EQ(fewer[0].x, 4.5);
  EXPECT_EQ(fewer[99].y, 2 * 994.5);
  EXPECT_EQ(thinned(line, 1000).size(), 1000U);
  const Band band = thinned(band_of({line, line}), 10);
  ASSERT_EQ(band.size(), 10U);
  EXPECT_EQ(band[0].count, 2U);
  EXPECT_EQ(band[0].mean, 99);
}

}  // namespace
}  // namespace eligo::test
