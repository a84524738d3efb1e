#include "runtime/plot/band.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "support/estimate.h"

namespace eligo {

Band band_of(const std::vector<std::vector<Point>>& lines) {
  std::map<double, std::vector<double>> at;
  std::size_t all = 0;
  for (const auto& line : lines) {
    std::map<double, double> own;
    for (const Point p : line)
      if (std::isfinite(p.x) && std::isfinite(p.y)) own[p.x] = p.y;
    for (const auto& [x, y] : own) at[x].push_back(y);
    if (!own.empty()) ++all;
  }
  Band band;
  for (const auto& [x, values] : at)
    if (values.size() == all) {
      const Estimate e = estimate(values);
      band.push_back({x, e.mean, e.standard_error.value_or(0), e.count});
    }
  return band;
}

namespace {

// Groups of neighbours, each as one point; `add` adds a point to a sum, `divide` makes its mean of it.
template <class T, class Add, class Divide>
std::vector<T> in_groups(const std::vector<T>& points, std::size_t most, Add add, Divide divide) {
  if (points.size() <= most || most == 0) return points;
  const std::size_t group = (points.size() + most - 1) / most;
  std::vector<T> out;
  for (std::size_t begin = 0; begin < points.size(); begin += group) {
    const std::size_t end = std::min(begin + group, points.size());
    T sum{};
    for (std::size_t i = begin; i < end; ++i) add(sum, points[i]);
    divide(sum, static_cast<double>(end - begin));
    out.push_back(sum);
  }
  return out;
}

}  // namespace

Band thinned(const Band& band, std::size_t most) {
  return in_groups(
      band, most,
      [](BandPoint& sum, const BandPoint& p) {
        sum.x += p.x;
        sum.mean += p.mean;
        sum.error += p.error;
        sum.count = p.count;
      },
      [](BandPoint& sum, double count) {
        sum.x /= count;
        sum.mean /= count;
        sum.error /= count;
      });
}

std::vector<Point> thinned(const std::vector<Point>& line, std::size_t most) {
  return in_groups(
      line, most,
      [](Point& sum, const Point& p) {
        sum.x += p.x;
        sum.y += p.y;
      },
      [](Point& sum, double count) {
        sum.x /= count;
        sum.y /= count;
      });
}

}  // namespace eligo
