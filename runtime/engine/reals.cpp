#include "runtime/engine/reals.h"

#include "runtime/engine/wide.h"

namespace eligo {
template <class From, class Real>
void convert(const From* __restrict from, Real* __restrict to, std::int64_t count) {
  wide(count, [=](std::int64_t i) { to[i] = static_cast<Real>(from[i]); });
}

template <class Real>
void add(const Real* __restrict from, Real* __restrict to, std::int64_t count) {
  wide(count, [=](std::int64_t i) { to[i] += from[i]; });
}

template <class From, class Real>
void add_scaled(const From* __restrict from, double factor, Real* __restrict to, std::int64_t count) {
  wide(count, [=](std::int64_t i) {
    to[i] = static_cast<Real>(static_cast<double>(to[i]) + factor * static_cast<double>(from[i]));
  });
}

// Σ x * 0 is 0 for finite numbers only.
template <class Real, class From>
bool all_finite_as(const From* values, std::int64_t count) {
  constexpr std::int64_t lanes = 8;
  Real sums[lanes] = {}, sum = 0;
  wide(count / lanes, [&](std::int64_t i) {
    for (std::int64_t k = 0; k < lanes; ++k) sums[k] += static_cast<Real>(values[lanes * i + k]) * Real{0};
  });
  for (std::int64_t i = count / lanes * lanes; i < count; ++i) sum += static_cast<Real>(values[i]) * Real{0};
  if (count >= lanes)
    for (const Real one : sums) sum += one;
  return sum == 0;
}

template bool all_finite_as<float>(const float*, std::int64_t);
template bool all_finite_as<float>(const double*, std::int64_t);
template bool all_finite_as<double>(const double*, std::int64_t);
template void convert(const float*, float*, std::int64_t);
template void convert(const float*, double*, std::int64_t);
template void convert(const double*, float*, std::int64_t);
template void convert(const double*, double*, std::int64_t);
template void add(const float*, float*, std::int64_t);
template void add(const double*, double*, std::int64_t);
template void add_scaled(const float*, double, float*, std::int64_t);
template void add_scaled(const float*, double, double*, std::int64_t);
template void add_scaled(const double*, double, float*, std::int64_t);
template void add_scaled(const double*, double, double*, std::int64_t);

}  // namespace eligo
