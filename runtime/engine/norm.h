// Lengths of long arrays, without overflow on the way: the sum of the squares of what has been scaled.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <span>

#include "runtime/engine/wide.h"

namespace eligo {

inline constexpr std::size_t kNormLanes = 8;  // sums side by side, whatever vectors the processor has
template <class Real>
using NormLanes __attribute__((vector_size(kNormLanes * sizeof(Real)))) = Real;

template <class Real>
struct Largest {
  NormLanes<Real> most = {}, odd = {};
  [[gnu::always_inline]] void add(const Real* values, std::size_t vectors) {
    NormLanes<Real> high = most, wrong = odd;
    for (std::size_t i = 0; i < vectors; ++i) {
      NormLanes<Real> x;
      std::memcpy(&x, values + i * kNormLanes, sizeof x);
      x = x < 0 ? -x : x;
      high = high < x ? x : high;
      wrong += x - x;  // NaN of what is not finite
    }
    most = high, odd = wrong;
  }
};

template <class Real>
struct Squares {
  using Half __attribute__((vector_size(kNormLanes / 2 * sizeof(Real)))) = Real;
  using Sums __attribute__((vector_size(kNormLanes / 2 * sizeof(double)))) = double;
  double factor;
  Sums sums[2] = {};
  [[gnu::always_inline]] void add(const Real* values, std::size_t vectors) {
    Sums first = sums[0], second = sums[1];
    for (std::size_t i = 0; i < vectors; ++i) {
      Half x[2];
      std::memcpy(&x, values + i * kNormLanes, sizeof x);
      const Sums a = factor * __builtin_convertvector(x[0], Sums), b = factor * __builtin_convertvector(x[1], Sums);
      first += a * a;
      second += b * b;
    }
    sums[0] = first, sums[1] = second;
  }
};

// The largest absolute value; NaN if there is one, infinite if only that.
template <class Real>
double largest(std::span<const Real> v) {
  Largest<Real> lanes;
  add_wide(lanes, v.data(), v.size() / kNormLanes);
  Real all = 0, wrong = 0;
  for (std::size_t i = v.size() / kNormLanes * kNormLanes; i < v.size(); ++i)
    all = std::max(all, std::abs(v[i])), wrong += v[i] - v[i];
  for (std::size_t k = 0; k < kNormLanes; ++k) all = std::max(all, lanes.most[k]), wrong += lanes.odd[k];
  if (wrong == 0) return static_cast<double>(all);
  return std::any_of(v.begin(), v.end(), [](Real x) { return std::isnan(x); }) ? std::nan("") : HUGE_VAL;
}

// Σ (factor x)²
template <class Real>
double squares(std::span<const Real> v, double factor) {
  Squares<Real> lanes{factor};
  add_wide(lanes, v.data(), v.size() / kNormLanes);
  double sum = 0;
  for (std::size_t i = v.size() / kNormLanes * kNormLanes; i < v.size(); ++i) {
    const double x = factor * static_cast<double>(v[i]);
    sum += x * x;
  }
  for (std::size_t k = 0; k < kNormLanes; ++k) sum += lanes.sums[k / (kNormLanes / 2)][k % (kNormLanes / 2)];
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
