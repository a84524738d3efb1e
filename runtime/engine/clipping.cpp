#include "runtime/engine/clipping.h"

#include <cmath>
#include <cstring>
#include <type_traits>

#include "runtime/engine/norm.h"
#include "runtime/engine/reals.h"
#include "support/error.h"

namespace eligo {

template <class Real>
double bounding(std::span<const Real> v, double bound) {
  // The square of a float32 is far from either end of float64, so without a unit all is rounded the same.
  if constexpr (std::is_same_v<Real, float>)
    if (const double sum = squares(v, 1); std::isfinite(sum))
      return sum == 0 ? 1 : shortening(std::sqrt(sum), 1, bound);
  const double most = largest(v);
  if (most == 0) return 1;
  if (!std::isfinite(most)) return std::isnan(most) ? most : 0;
  const double unit = norm_unit(most);
  return shortening(std::sqrt(squares(v, 1 / unit)), unit, bound);
}

template double bounding(std::span<const float> v, double bound);
template double bounding(std::span<const double> v, double bound);

double Clipping::bound_of(const compiler::Clip& clip) const {
  return clip.hyper < 0 ? clip.bound : memory_.read(clip.hyper, memory_.whole(clip.hyper), 0);
}

void Clipping::check_bounds() const {
  for (const compiler::Clip& clip : clips_)
    if (!(bound_of(clip) > 0))
      throw Error(memory_.program().tensors[static_cast<std::size_t>(clip.hyper)].name +
                  " bounds what a step may add, so it must be above 0");
}

template <class From, class Real>
void Clipping::add_bounded(std::span<const From> values, std::size_t size, double bound, Real* into) {
  for (std::size_t first = 0; first < values.size(); first += size) {
    const std::span<const From> step = values.subspan(first, size);
    add_scaled(step.data(), bounding(step, bound), into + first, static_cast<std::int64_t>(size));
  }
}

// What a single shard has gathered is its own sum.
template <class Real>
void Clipping::join(const compiler::Clip& clip) {
  const auto size = static_cast<std::size_t>(memory_.program().tensors[static_cast<std::size_t>(clip.gathered)].size());
  auto* into = reinterpret_cast<Real*>(memory_.shard_gradient(clip.gradient, 0));
  if (reduction_.shards() > 1) return add_bounded(reduction_.add_up(clip.gathered), size, bound_of(clip), into);
  const auto bytes = static_cast<std::size_t>(memory_.gradient_bytes(clip.gathered));
  auto* own = reinterpret_cast<Real*>(memory_.shard_gradient(clip.gathered, 0));
  add_bounded(std::span<const Real>(own, bytes / sizeof(Real)), size, bound_of(clip), into);
  std::memset(own, 0, bytes);
}

void Clipping::apply(int number) {
  const compiler::Clip& clip = clips_[static_cast<std::size_t>(number)];
  if (memory_.float64()) join<double>(clip);
  else join<float>(clip);
}

}  // namespace eligo
