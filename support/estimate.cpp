#include "support/estimate.h"

#include <cmath>

namespace eligo {

Estimate estimate(const std::vector<double>& values) {
  Estimate e{values.size()};
  if (values.empty()) return e;
  const auto n = static_cast<double>(values.size());
  for (const double x : values) e.mean += x / n;
  if (values.size() == 1) return e;
  double squares = 0;
  for (const double x : values) squares += (x - e.mean) * (x - e.mean);
  e.standard_error = std::sqrt(squares / (n - 1) / n);
  return e;
}

}  // namespace eligo
