#include "runtime/engine/norm_bounds.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "support/error.h"

namespace eligo {
namespace {

template <class Real>
double largest(const Real* v, std::int64_t count) {
  double most = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto x = std::abs(static_cast<double>(v[i]));
    most = std::isnan(x) ? HUGE_VAL : std::max(most, x);
  }
  return most;
}

// Σ (v / most)², which does not overflow.
template <class Real>
double squares(const Real* v, std::int64_t count, double most) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i)
    sum += (static_cast<double>(v[i]) / most) * (static_cast<double>(v[i]) / most);
  return sum;
}

template <class Real>
void multiply(Real* v, std::int64_t count, double scale) {
  for (std::int64_t i = 0; i < count; ++i) v[i] = static_cast<Real>(scale * static_cast<double>(v[i]));
}

struct Gradient {
  void* values = nullptr;
  std::int64_t count = 0;
};

template <class Real>
void bound(const std::vector<Gradient>& gradients, double length) {
  double most = 0, sum = 0;
  for (const Gradient& g : gradients) most = std::max(most, largest(static_cast<const Real*>(g.values), g.count));
  if (most == 0 || !std::isfinite(most)) return;
  for (const Gradient& g : gradients) sum += squares(static_cast<const Real*>(g.values), g.count, most);
  const double scale = length / most / std::sqrt(sum);
  if (!(scale < 1)) return;
  for (const Gradient& g : gradients) multiply(static_cast<Real*>(g.values), g.count, scale);
}

}  // namespace

bool NormBounds::has_own(const std::string& bundle) const {
  return std::any_of(bounds_.begin(), bounds_.end(),
                     [&](const Bound& b) { return b.bundle == bundle && b.length > 0; });
}

void NormBounds::set(const std::string& bundle, double length) {
  const auto known = [&](const compiler::Learned& l) { return l.bundle == bundle; };
  if (!bundle.empty() && std::none_of(learned_.begin(), learned_.end(), known))
    throw Error(fmt::format("nothing is learned as {}, so its gradient has no length to be bounded", bundle));
  if (!(length >= 0) || !std::isfinite(length))
    throw Error(fmt::format("a bound on a gradient's length is {}, expected a number above 0, or 0 for none", length));
  std::erase_if(bounds_, [&](const Bound& b) { return b.bundle == bundle; });
  bounds_.push_back({bundle, length});
}

void NormBounds::apply(compiler::UpdateEvery every) const {
  for (const Bound& bound : bounds_)
    if (bound.length > 0) apply(bound, every);
}

void NormBounds::apply(const Bound& wanted, compiler::UpdateEvery every) const {
  std::vector<Gradient> gradients;
  for (const compiler::Learned& l : learned_) {
    const bool fits = wanted.bundle.empty() ? !has_own(l.bundle) : l.bundle == wanted.bundle;
    if (!fits || l.every != every || l.update_phase < 0) continue;
    const compiler::Tensor& gradient = memory_.program().tensors[static_cast<std::size_t>(l.gradient)];
    gradients.push_back({memory_.whole(l.gradient), gradient.size() * memory_.copies(l.gradient)});
  }
  if (memory_.float64()) bound<double>(gradients, wanted.length);
  else bound<float>(gradients, wanted.length);
}

}  // namespace eligo
