// Sobol's points against SciPy's, and the properties for which they are wanted.
#include "runtime/sweep/sobol.h"

#include <cmath>

#include "support/random.h"

namespace eligo::test {
namespace {

using Points = std::vector<std::vector<double>>;

Points first_points(const Sobol& sobol, std::uint64_t count) {
  Points points;
  for (std::uint64_t i = 0; i < count; ++i) points.push_back(sobol.point(i));
  return points;
}

// scipy.stats.qmc.Sobol(16, scramble=False), the numbers of Joe and Kuo in all dimensions.
TEST(Sobol, ItsPointsAreThoseOfJoeAndKuo) {
  const Sobol sobol(Sobol::most_dimensions);
  EXPECT_EQ(sobol.point(0), std::vector<double>(16, 0));
  EXPECT_EQ(sobol.point(1), std::vector<double>(16, 0.5));
  EXPECT_EQ(sobol.point(6), (std::vector<double>{0.625, 0.125, 0.875, 0.625, 0.625, 0.875, 0.125, 0.125, 0.125, 0.375,
                                                 0.125, 0.625, 0.125, 0.875, 0.625, 0.625}));
  EXPECT_EQ(sobol.point(100), (std::vector<double>{0.4140625, 0.2578125, 0.7734375, 0.7265625, 0.8828125, 0.7421875,
                                                   0.0234375, 0.4765625, 0.6328125, 0.6953125, 0.4609375, 0.6796875,
                                                   0.4765625, 0.8515625, 0.3203125, 0.4921875}));
  EXPECT_EQ(sobol.point(1023),
            (std::vector<double>{0.0009765625, 0.7529296875, 0.6123046875, 0.1455078125, 0.1865234375, 0.4384765625,
                                 0.1396484375, 0.6181640625, 0.3447265625, 0.8505859375, 0.6787109375, 0.0361328125,
                                 0.1298828125, 0.6650390625, 0.3623046875, 0.4638671875}));
}

// Of 2^m points each of 2^m equal boxes of any shape holds one, in the first two dimensions: a (0, m, 2)-net.
void expect_net(const Points& points, int m) {
  for (int across = 0; across <= m; ++across) {
    std::set<std::pair<int, int>> boxes;
    for (const auto& p : points)
      boxes.emplace(static_cast<int>(std::ldexp(p[0], across)), static_cast<int>(std::ldexp(p[1], m - across)));
    EXPECT_EQ(boxes.size(), points.size()) << across;
  }
}

TEST(Sobol, EveryBoxHoldsOnePoint) {
  constexpr int m = 7;
  expect_net(first_points(Sobol(2), 1U << m), m);
  for (const std::uint64_t seed : {0U, 1U, 77U}) expect_net(first_points(Sobol(2, seed), 1U << m), m);
}

// In every dimension each of 2^m equal intervals holds one.
TEST(Sobol, EveryDimensionIsEven) {
  constexpr std::uint64_t count = 256;
  const Points points = first_points(Sobol(Sobol::most_dimensions, 3), count);
  for (std::size_t d = 0; d < Sobol::most_dimensions; ++d) {
    std::set<int> intervals;
    for (const auto& p : points) intervals.insert(static_cast<int>(p[d] * count));
    EXPECT_EQ(intervals.size(), count) << d;
  }
}

// The L2 star discrepancy (Warnock 1972): how far the share of points in a box at the origin is from its volume.
double discrepancy(const Points& points) {
  const double n = static_cast<double>(points.size()), d = static_cast<double>(points[0].size());
  double one = 0, two = 0;
  for (const auto& x : points) {
    double product = 1;
    for (const double xi : x) product *= 1 - xi * xi;
    one += product;
    for (const auto& y : points) {
      product = 1;
      for (std::size_t i = 0; i < x.size(); ++i) product *= 1 - std::max(x[i], y[i]);
      two += product;
    }
  }
  return std::sqrt(std::pow(3.0, -d) - std::pow(2.0, 1 - d) / n * one + two / (n * n));
}

TEST(Sobol, FillsTheCubeMoreEvenlyThanRandomPoints) {
  for (const std::size_t dimensions : {2U, 4U}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      Points random;
      const Key key = make_key(seed, "points");
      for (std::uint64_t i = 0; i < 256; ++i) {
        random.emplace_back();
        for (std::size_t d = 0; d < dimensions; ++d) random.back().push_back(uniform(key, i * dimensions + d));
      }
      EXPECT_LT(discrepancy(first_points(Sobol(dimensions, seed), 256)), 0.6 * discrepancy(random))
          << dimensions << " " << seed;
    }
  }
}

TEST(Sobol, TheSeedMovesThePoints) {
  EXPECT_EQ(Sobol(3, 5).point(9), Sobol(3, 5).point(9));
  EXPECT_NE(Sobol(3, 5).point(9), Sobol(3, 6).point(9));
  for (const double x : Sobol(3, 5).point(0)) EXPECT_NE(x, 0);  // not the corner
}

}  // namespace
}  // namespace eligo::test
