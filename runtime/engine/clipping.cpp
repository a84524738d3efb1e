#include "runtime/engine/clipping.h"

#include <cmath>

#include "support/error.h"

namespace eligo {

double bounding(std::span<const double> v, double bound) {
  double most = 0, sum = 0;
  for (const double x : v) most = std::isnan(x) ? x : std::max(most, std::abs(x));
  if (most == 0) return 1;
  if (!std::isfinite(most)) return std::isnan(most) ? most : 0;
  for (const double x : v) sum += (x / most) * (x / most);
  const double length = std::sqrt(sum);  // times `most`
  return most > bound / length ? bound / most / length : 1;
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
  for (std::size_t first = 0; first < sum.size(); first += size) {
    const double scale = bounding(sum.subspan(first, size), bound);
    for (std::size_t i = first; i < first + size; ++i) {
      const auto at = static_cast<std::int64_t>(i);
      memory_.write(clip.gradient, into, at, memory_.read(clip.gradient, into, at) + scale * sum[i]);
    }
  }
}

}  // namespace eligo
