#include "runtime/gradients/slope.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace eligo {
namespace {

using Vector = std::vector<double>;

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double resolution = 1e-7;  // far above rounding, far below what a wrong term adds
constexpr int narrower_widths = 5, wider_widths = 3;
constexpr double ratio = 8;  // of a width to the next

// Two central differences, extrapolated: the error falls with the fourth power of the width.
std::optional<Vector> extrapolated(const Along& f, double h) {
  const auto a = f(h), b = f(-h), c = f(h / 2), d = f(-h / 2);
  if (!a || !b || !c || !d) return std::nullopt;
  Vector out(a->size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double wide = ((*a)[i] - (*b)[i]) / (2 * h), narrow = ((*c)[i] - (*d)[i]) / h;
    out[i] = (4 * narrow - wide) / 3;
  }
  return out;
}

// What the rounding of a value is at least, as a part of a slope.
double rounding(double value, double width) { return 8 * epsilon * std::abs(value) / width; }

// True where all entries are settled. `width`: the narrower one.
bool settle(Slopes& out, const Vector& wider, const Vector& narrower, const Vector& here, double width) {
  bool all = true;
  for (std::size_t i = 0; i < wider.size(); ++i) {
    if (out.settled[i]) continue;
    const double gap = std::abs(wider[i] - narrower[i]);
    out.settled[i] = gap <= resolution * std::max(std::abs(wider[i]), std::abs(narrower[i])) + 8 * rounding(here[i], width);
    out.values[i] = wider[i];
    out.errors[i] = std::max(gap, rounding(here[i], ratio * width));
    all = all && out.settled[i];
  }
  return all;
}

// A wider difference rounds less. It is taken where it differs from the narrower by no more than that one's error; by how
// much, bounds its own.
bool improve(Slopes& out, const Vector& wider, const Vector& here, double width) {
  bool any = false;
  for (std::size_t i = 0; i < wider.size(); ++i) {
    const double gap = std::abs(wider[i] - out.values[i]);
    if (!out.settled[i] || gap > 4 * out.errors[i]) continue;
    out.values[i] = wider[i];
    out.errors[i] = std::max(gap, rounding(here[i], width));
    any = true;
  }
  return any;
}

bool rounding_matters(const Slopes& slopes) {
  for (std::size_t i = 0; i < slopes.values.size(); ++i)
    if (slopes.settled[i] && slopes.errors[i] > resolution * std::abs(slopes.values[i])) return true;
  return false;
}

}  // namespace

Slopes slopes_of(const Along& f, const Vector& here, double width) {
  Slopes out{Vector(here.size(), 0), Vector(here.size(), std::numeric_limits<double>::infinity()),
             std::vector<bool>(here.size(), false)};
  std::optional<Vector> wider = extrapolated(f, width);
  double h = width;
  for (int k = 0; k < narrower_widths; ++k) {
    h /= ratio;
    const std::optional<Vector> narrower = extrapolated(f, h);
    if (wider && narrower && settle(out, *wider, *narrower, here, h)) break;
    wider = narrower;
  }
  h = width;
  for (int k = 0; k < wider_widths && rounding_matters(out); ++k) {
    h *= ratio;
    const std::optional<Vector> broader = extrapolated(f, h);
    if (!broader || !improve(out, *broader, here, h)) break;
  }
  return out;
}

}  // namespace eligo
