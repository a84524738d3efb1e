#include "runtime/engine/initialise.h"

#include <algorithm>
#include <array>

#include <Eigen/Dense>

#include <fmt/core.h>

#include "support/error.h"
#include "support/random.h"

namespace eligo {
namespace {

// Draws of a tensor with a value per step differ from step to step.
Key key_of(const compiler::Tensor& t, std::uint64_t seed, std::int64_t step) {
  return t.per_step ? make_key(seed, t.name + " per step", static_cast<std::uint64_t>(step)) : make_key(seed, t.name);
}

// Columns (or rows) orthonormal up to the gain: Q of a Gaussian matrix, with the signs of R's diagonal.
std::vector<double> orthogonal(const compiler::Tensor& t, const Key& key, double gain) {
  const std::int64_t rows = t.dims.empty() ? 1 : t.dims[0], columns = t.size() / rows;
  const std::int64_t tall = std::max(rows, columns), wide = std::min(rows, columns);
  Eigen::MatrixXd gaussian(tall, wide);
  for (std::int64_t i = 0; i < tall; ++i)
    for (std::int64_t j = 0; j < wide; ++j) gaussian(i, j) = normal(key, static_cast<std::uint64_t>(i * wide + j));
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(gaussian);
  Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(tall, wide);
  for (std::int64_t j = 0; j < wide; ++j)
    if (qr.matrixQR()(j, j) < 0) q.col(j) *= -1;
  std::vector<double> values(static_cast<std::size_t>(t.size()));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      values[static_cast<std::size_t>(i * columns + j)] = gain * (rows >= columns ? q(i, j) : q(j, i));
  return values;
}

// What one place of the first axis is wired to does not repeat: parent[w, r] draws r of 0..n-1 for each w.
std::vector<double> sample(const compiler::Tensor& t, std::uint64_t seed, double from, std::int64_t step) {
  const std::int64_t columns = t.dims.size() > 1 ? t.size() / t.dims.front() : t.size();
  const auto n = static_cast<std::uint64_t>(from);
  if (static_cast<std::uint64_t>(columns) > n)
    throw Error(fmt::format("{} draws {} of {} without repeating: that is too many", t.name, columns, n));
  std::vector<double> values;
  const std::int64_t rows = t.size() / columns;
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto order = permutation(make_key(seed, t.name, static_cast<std::uint64_t>(step * rows + row)), n);
    for (std::int64_t i = 0; i < columns; ++i)
      values.push_back(static_cast<double>(order[static_cast<std::size_t>(i)]));
  }
  return values;
}

}  // namespace

void initial_values(const compiler::Tensor& t, std::uint64_t seed, std::int64_t step, const TakeValues& take) {
  using Kind = compiler::Init::Kind;
  const Key key = key_of(t, seed, step);
  if (t.init.kind == Kind::orthogonal) return take(0, orthogonal(t, key, t.init.a));
  if (t.init.kind == Kind::sample) return take(0, sample(t, seed, t.init.a, step));
  constexpr std::int64_t most = 1024;  // stays in the nearest cache
  std::array<double, most> some;
  some.fill(t.init.a);
  for (std::int64_t first = 0; first < t.size(); first += most) {
    const std::span<double> values(some.data(), static_cast<std::size_t>(std::min(most, t.size() - first)));
    if (t.init.kind == Kind::uniform) uniform(key, static_cast<std::uint64_t>(first), t.init.a, t.init.b, values);
    if (t.init.kind == Kind::normal) {
      normal(key, static_cast<std::uint64_t>(first), values);
      for (double& value : values) value = t.init.a + t.init.b * value;
    }
    take(first, values);
  }
}

std::vector<double> initial_values(const compiler::Tensor& t, std::uint64_t seed, std::int64_t step) {
  std::vector<double> all(static_cast<std::size_t>(t.size()));
  initial_values(t, seed, step, [&](std::int64_t first, std::span<const double> values) {
    std::copy(values.begin(), values.end(), all.begin() + first);
  });
  return all;
}

}  // namespace eligo
