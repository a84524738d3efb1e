// Lengths of long arrays, without overflow on the way: the sum of the squares of what has been scaled.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace eligo {

inline constexpr std::size_t kNormLanes = 8;  // sums side by side, as vectors take them

// The largest absolute value; NaN if there is one, infinite if only that.
template <class Real>
double largest(std::span<const Real> v) {
  Real most[kNormLanes] = {}, odd[kNormLanes] = {};
  std::size_t i = 0;
  for (; i + kNormLanes <= v.size(); i += kNormLanes)
    for (std::size_t k = 0; k < kNormLanes; ++k) {
      const Real x = std::abs(v[i + k]);
      most[k] = most[k] < x ? x : most[k];
      odd[k] += x - x;  // NaN of what is not finite
    }
  Real all = 0, wrong = 0;
  for (; i < v.size(); ++i) all = std::max(all, std::abs(v[i])), wrong += v[i] - v[i];
  for (std::size_t k = 0; k < kNormLanes; ++k) all = std::max(all, most[k]), wrong += odd[k];
  if (wrong == 0) return static_cast<double>(all);
  return std::any_of(v.begin(), v.end(), [](Real x) { return std::isnan(x); }) ? std::nan("") : HUGE_VAL;
}

// Σ (factor x)²
template <class Real>
double squares(std::span<const Real> v, double factor) {
  double sums[kNormLanes] = {};
  const auto square = [&](Real x) { return (factor * static_cast<double>(x)) * (factor * static_cast<double>(x)); };
  std::size_t i = 0;
  for (; i + kNormLanes <= v.size(); i += kNormLanes)
    for (std::size_t k = 0; k < kNormLanes; ++k) sums[k] += square(v[i + k]);
  double sum = 0;
  for (; i < v.size(); ++i) sum += square(v[i]);
  for (const double one : sums) sum += one;
  return sum;
}

// A power of two near the largest value, above 0 and finite: it scales without rounding, so that no square overflows or
// vanishes.
inline double norm_unit(double largest) { return std::ldexp(1.0, std::ilogb(largest)); }

// What brings a length of `length` units down to a bound; 1 if it is not longer.
inline double shortening(double length, double unit, double bound) {
  return unit > bound / length ? bound / unit / length : 1;
}

}  // namespace eligo
