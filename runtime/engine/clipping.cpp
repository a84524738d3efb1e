#include "runtime/engine/clipping.h"

#include <algorithm>
#include <cmath>

#include "support/error.h"

namespace eligo {
namespace {

constexpr std::size_t kLanes = 8;  // sums side by side, as vectors take them

// Of absolute values; NaN if there is one.
double largest(std::span<const double> v) {
  double most[kLanes] = {}, odd[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= v.size(); i += kLanes)
    for (std::size_t k = 0; k < kLanes; ++k) {
      const double x = std::abs(v[i + k]);
      most[k] = most[k] < x ? x : most[k];
      odd[k] += x - x;  // NaN of what is not finite
    }
  double all = 0, wrong = 0;
  for (; i < v.size(); ++i) all = std::max(all, std::abs(v[i])), wrong += v[i] - v[i];
  for (std::size_t k = 0; k < kLanes; ++k) all = std::max(all, most[k]), wrong += odd[k];
  if (wrong == 0) return all;
  return std::any_of(v.begin(), v.end(), [](double x) { return std::isnan(x); }) ? std::nan("") : HUGE_VAL;
}

// Σ (factor x)²
double squares(std::span<const double> v, double factor) {
  double sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= v.size(); i += kLanes)
    for (std::size_t k = 0; k < kLanes; ++k) sums[k] += (factor * v[i + k]) * (factor * v[i + k]);
  double sum = 0;
  for (; i < v.size(); ++i) sum += (factor * v[i]) * (factor * v[i]);
  for (const double one : sums) sum += one;
  return sum;
}

}  // namespace

double bounding(std::span<const double> v, double bound) {
  const double most = largest(v);
  if (most == 0) return 1;
  if (!std::isfinite(most)) return std::isnan(most) ? most : 0;
  // A power of two scales without rounding, so that no square overflows or vanishes.
  const double unit = std::ldexp(1.0, std::ilogb(most));
  const double length = std::sqrt(squares(v, 1 / unit));  // times `unit`
  return unit > bound / length ? bound / unit / length : 1;
}

double Clipping::bound_of(const compiler::Clip& clip) const {
  return clip.hyper < 0 ? clip.bound : memory_.read(clip.hyper, memory_.whole(clip.hyper), 0);
}

void Clipping::check_bounds() const {
  for (const compiler::Clip& clip : clips_)
    if (!(bound_of(clip) > 0))
      throw Error(memory_.program().tensors[static_cast<std::size_t>(clip.hyper)].name +
                  " bounds what a step may add, so it must be above 0");
}

void Clipping::apply(int number) {
  const compiler::Clip& clip = clips_[static_cast<std::size_t>(number)];
  const std::span<const double> sum = reduction_.add_up(clip.gathered);
  const double bound = bound_of(clip);
  const auto size = static_cast<std::size_t>(memory_.program().tensors[static_cast<std::size_t>(clip.gathered)].size());
  void* into = memory_.shard_gradient(clip.gradient, 0);
  const std::size_t bytes = memory_.float64() ? sizeof(double) : sizeof(float);
  for (std::size_t first = 0; first < sum.size(); first += size) {
    const std::span<const double> step = sum.subspan(first, size);
    memory_.add_reals(static_cast<std::byte*>(into) + first * bytes, bounding(step, bound), step);
  }
}

}  // namespace eligo
