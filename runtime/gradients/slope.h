// Slopes of a function at a point, by central differences, and how far each can be trusted.
#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace eligo {

struct Slopes {
  std::vector<double> values;
  std::vector<double> errors;  // as differences of two widths show them
  std::vector<bool> settled;   // false: no two widths agree, since a kink lies close
};

// The function's values behind a step of this length; nothing where a kink lies between.
using Along = std::function<std::optional<std::vector<double>>(double step)>;

// `here`: the values at step 0, whose rounding a difference divides by its width. Narrower steps are tried until two
// widths agree; then, where rounding is a part of a slope that matters, wider ones, as long as they agree better.
Slopes slopes_of(const Along& f, const std::vector<double>& here, double width = 1e-3);

}  // namespace eligo
