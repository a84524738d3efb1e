#include "runtime/gradients/additions.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace eligo {

Additions::Additions(const Session& before) {
  for (const TensorInfo& info : before.tensors()) {
    if (!info.parameter) continue;
    learned_[info.name] = !info.bundle.empty();
    if (info.assigned) assigned_[info.name] = before.get(info.name);
  }
}

std::optional<std::vector<double>> Additions::of(const Session& after, const std::string& parameter) const {
  const auto learned = learned_.find(parameter);
  if (learned != learned_.end() && learned->second) return after.gathered(parameter);
  const auto assigned = assigned_.find(parameter);
  if (assigned == assigned_.end()) return std::nullopt;
  std::vector<double> moved = after.get(parameter);
  for (std::size_t i = 0; i < moved.size(); ++i) moved[i] -= assigned->second[i];
  return moved;
}

void Directions::add(const std::vector<double>& a, const std::vector<double>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += a[i] * a[i];
    bb += b[i] * b[i];
    ab += a[i] * b[i];
    gap += (a[i] - b[i]) * (a[i] - b[i]);
  }
}

double Directions::cosine() const {
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa) / std::sqrt(bb) : std::numeric_limits<double>::quiet_NaN();
}

double Directions::ratio() const {
  return bb > 0 ? std::sqrt(aa) / std::sqrt(bb) : std::numeric_limits<double>::quiet_NaN();
}

double Directions::relative() const {
  const double larger = std::max(aa, bb);
  return larger > 0 ? std::sqrt(gap) / std::sqrt(larger) : std::isnan(gap) ? gap : 0;
}

}  // namespace eligo
