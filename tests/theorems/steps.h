// Values of a run by step and example, for sums written out by hand.
#pragma once

#include <span>

#include "tests/oracle/nets.h"

namespace eligo::test {

class Steps {
 public:
  Steps(const Session::Shown& shown, std::int64_t steps, std::int64_t examples)
      : values_(shown.values), first_(steps + 1 - shown.rows), examples_(examples) {
    for (const std::int64_t extent : shown.shape) size_ *= extent;
  }
  bool holds_at_start() const { return first_ == 0; }
  std::int64_t size() const { return size_; }
  // The value at step t of an example, flat.
  std::span<const double> at(std::int64_t t, std::int64_t example) const {
    return std::span(values_).subspan(static_cast<std::size_t>(((t - first_) * examples_ + example) * size_),
                                      static_cast<std::size_t>(size_));
  }

 private:
  std::vector<double> values_;
  std::int64_t first_, examples_, size_ = 1;
};

// u . M for a square matrix.
inline std::vector<double> row_times(std::span<const double> u, std::span<const double> matrix) {
  std::vector<double> out(u.size(), 0.0);
  for (std::size_t i = 0; i < u.size(); ++i)
    for (std::size_t j = 0; j < u.size(); ++j) out[j] += u[i] * matrix[i * u.size() + j];
  return out;
}

// M . N for a square M and any N of as many rows.
inline std::vector<double> product(std::span<const double> m, std::span<const double> n, std::size_t rows) {
  const std::size_t columns = n.size() / rows;
  std::vector<double> out(n.size(), 0.0);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t k = 0; k < rows; ++k)
      for (std::size_t j = 0; j < columns; ++j) out[i * columns + j] += m[i * rows + k] * n[k * columns + j];
  return out;
}

}  // namespace eligo::test
