#include "dsl/axes.h"

#include <algorithm>

namespace eligo::dsl {
namespace {

using Axes = std::vector<std::string>;

std::ptrdiff_t count(const Axes& axes, const std::string& axis) { return std::count(axes.begin(), axes.end(), axis); }

bool is_bundle(const std::string& key) { return key.find('.') != std::string::npos; }

// The neurons' axis lies within the cell's state, or else within its parameters.
bool holds_neurons(const Axes& axes) {
  const auto ends_with = [&](std::string_view word) {
    return std::count_if(axes.begin(), axes.end(),
                         [&](const std::string& a) { return is_bundle(a) && a.ends_with(word); });
  };
  return ends_with(".state") == 1 || (ends_with(".state") == 0 && ends_with(".params") == 1);
}

bool covers(const Axes& large, const Axes& small, const std::string& neurons) {
  return std::all_of(small.begin(), small.end(), [&](const std::string& a) {
    const bool own = count(large, a) == 1 && count(small, a) == 1;
    return own || (a == neurons && !neurons.empty() && count(large, a) == 0 && holds_neurons(large));
  });
}

}  // namespace

std::optional<Axes> contract(const Axes& left, const Axes& right) {
  for (std::size_t n = 1; n <= std::min(left.size(), right.size()); ++n) {
    const auto tail = left.end() - static_cast<std::ptrdiff_t>(n);
    if (!std::equal(tail, left.end(), right.begin())) continue;
    Axes out(left.begin(), tail);
    out.insert(out.end(), right.begin() + static_cast<std::ptrdiff_t>(n), right.end());
    return out;
  }
  return std::nullopt;
}

std::optional<Axes> align(const Axes& left, const Axes& right, const std::string& neurons) {
  if (left == right || right.empty()) return left;
  if (left.empty()) return right;
  if (covers(left, right, neurons)) return left;
  if (covers(right, left, neurons)) return right;
  return std::nullopt;
}

bool is_ambiguous(const Axes& left, const Axes& right) {
  const auto twice = [](const Axes& in, const Axes& of) {
    return std::any_of(of.begin(), of.end(), [&](const std::string& a) { return count(in, a) > 1; });
  };
  return twice(left, right) || twice(right, left);
}

}  // namespace eligo::dsl
