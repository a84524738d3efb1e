// A quantity that was measured several times, once a seed: its mean, and how sure that is.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace eligo {

struct Estimate {
  std::size_t count = 0;
  double mean = 0;
  std::optional<double> standard_error;  // of the mean: the standard deviation of `count` values by the root of count
};
// Of no values: all zero; a single one has no standard error.
Estimate estimate(const std::vector<double>& values);

}  // namespace eligo
