#include "runtime/engine/clipping.h"

#include <cmath>

#include "runtime/engine/norm.h"
#include "support/error.h"

namespace eligo {
double bounding(std::span<const double> v, double bound) {
  const double most = largest(v);
  if (most == 0) return 1;
  if (!std::isfinite(most)) return std::isnan(most) ? most : 0;
  const double unit = norm_unit(most);
  return shortening(std::sqrt(squares(v, 1 / unit)), unit, bound);
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
