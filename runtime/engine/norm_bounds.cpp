#include "runtime/engine/norm_bounds.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "runtime/engine/norm.h"
#include "support/error.h"

namespace eligo {
namespace {

template <class Real>
void bound(const std::vector<std::span<std::byte>>& gradients, double length) {
  const auto reals = [](std::span<std::byte> bytes) {
    return std::span(reinterpret_cast<Real*>(bytes.data()), bytes.size() / sizeof(Real));
  };
  double most = 0, sum = 0;
  for (const auto& g : gradients) {
    const double one = largest<Real>(reals(g));
    if (!std::isfinite(one)) return;
    most = std::max(most, one);
  }
  if (most == 0) return;
  const double unit = norm_unit(most);
  for (const auto& g : gradients) sum += squares<Real>(reals(g), 1 / unit);
  const double scale = shortening(std::sqrt(sum), unit, length);
  if (scale == 1) return;
  for (const auto& g : gradients)
    for (Real& x : reals(g)) x = static_cast<Real>(scale * static_cast<double>(x));
}

}  // namespace

bool NormBounds::has_own(const std::string& bundle) const {
  return std::any_of(bounds_.begin(), bounds_.end(),
                     [&](const Bound& b) { return b.bundle == bundle; });
}

void NormBounds::set(const std::string& bundle, double length) {
  const auto known = [&](const compiler::Learned& l) { return l.bundle == bundle; };
  if (!bundle.empty() && std::none_of(learned_.begin(), learned_.end(), known))
    throw Error(fmt::format("nothing is learned as {}, so its gradient has no length to be bounded", bundle));
  if (!(length >= 0) || !std::isfinite(length))
    throw Error(fmt::format("a bound on a gradient's length is {}, expected a number above 0, or 0 for none", length));
  std::erase_if(bounds_, [&](const Bound& b) { return b.bundle == bundle; });
  if (length > 0) bounds_.push_back({bundle, length, {}});
  for (Bound& each : bounds_) each.gradients = gradients_of(each.bundle);
}

std::array<NormBounds::Gradients, NormBounds::kTimes> NormBounds::gradients_of(const std::string& bundle) const {
  std::array<Gradients, kTimes> all;
  for (const compiler::Learned& l : learned_) {
    const bool fits = bundle.empty() ? !has_own(l.bundle) : l.bundle == bundle;
    if (!fits || l.update_phase < 0) continue;
    const compiler::Tensor& gradient = memory_.program().tensors[static_cast<std::size_t>(l.gradient)];
    const std::int64_t count = gradient.size() * memory_.copies(l.gradient);
    const std::size_t bytes = static_cast<std::size_t>(count) * (memory_.float64() ? sizeof(double) : sizeof(float));
    all[static_cast<std::size_t>(l.every)].emplace_back(static_cast<std::byte*>(memory_.whole(l.gradient)), bytes);
  }
  return all;
}

void NormBounds::apply(compiler::UpdateEvery every) const {
  for (const Bound& each : bounds_) {
    const Gradients& gradients = each.gradients[static_cast<std::size_t>(every)];
    if (memory_.float64()) bound<double>(gradients, each.length);
    else bound<float>(gradients, each.length);
  }
}

}  // namespace eligo
