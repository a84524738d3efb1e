#include "runtime/engine/batch_check.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "runtime/engine/feed.h"
#include "support/error.h"

namespace eligo {
namespace {

// Σ x * 0 is 0 for finite numbers only.
template <class Real>
bool all_finite_as(std::span<const double> values) {
  Real sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= values.size(); i += 8)
    for (std::size_t k = 0; k < 8; ++k) sums[k] += static_cast<Real>(values[i + k]) * Real{0};
  for (; i < values.size(); ++i) sums[0] += static_cast<Real>(values[i]) * Real{0};
  Real sum = 0;
  for (const Real s : sums) sum += s;
  return sum == 0;
}

}  // namespace

bool all_finite(std::span<const double> values, bool float64) {
  return float64 ? all_finite_as<double>(values) : all_finite_as<float>(values);
}

std::int64_t BatchCheck::width(const std::vector<int>& tensors) const {
  std::int64_t width = 0;
  for (const int i : tensors) width += plan_.tensors[static_cast<std::size_t>(i)].size();
  return width;
}

// As many as the steps and examples need, and all finite.
void BatchCheck::values(const char* what, std::span<const double> values, std::int64_t steps, std::int64_t examples,
                        std::int64_t width) const {
  if (static_cast<std::int64_t>(values.size()) != steps * examples * width)
    throw Error(fmt::format("{} has {} values, {} steps of {} examples need {}", what, values.size(), steps, examples,
                            steps * examples * width));
  if (all_finite(values, float64_)) return;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool finite = std::isfinite(values[i]);
    if (finite && (float64_ || std::isfinite(static_cast<float>(values[i])))) continue;
    const auto point = static_cast<std::int64_t>(i) / width;
    throw Error(fmt::format("{} is {} at step {} of example {} (value {}): inputs must be finite numbers{}", what,
                            values[i], point / examples + 1, point % examples + 1,
                            static_cast<std::int64_t>(i) % width + 1,
                            finite ? ", and this one is too large for float32; use dtype f64" : ""));
  }
}

void BatchCheck::given(const Batch& batch) const {
  if (!batch.valid.empty()) {
    if (plan_.find(compiler::Flag::counts) < 0)
      throw Error("this program takes no mask of the steps that count: compile it with ProgramSpec::valid");
    values("valid", batch.valid, batch.steps, batch.examples, 1);
    for (const double v : batch.valid)
      if (v != 0 && v != 1) throw Error(fmt::format("valid is {} somewhere: a step counts (1) or does not (0)", v));
  }
  for (const auto& [name, numbers] : batch.given) {
    const auto noise = std::find_if(plan_.tensors.begin(), plan_.tensors.end(), [&, n = name](const auto& t) {
      return t.kind == compiler::TensorKind::noise && t.given_as == n;
    });
    if (noise == plan_.tensors.end())
      throw Error(fmt::format("the rule has no draw and no start {} to be given", name));
    values(name.c_str(), numbers, is_of_start(*noise) ? 1 : batch.steps, batch.examples, noise->size());
  }
}

void BatchCheck::operator()(const Batch& batch) const {
  if (batch.steps < 1 || batch.examples < 1) throw Error("a batch needs at least one step and one example");
  if (batch.examples > examples_)
    throw Error(fmt::format("a batch of {} examples, this session was made for {}", batch.examples, examples_));
  if (steps_ > 0 && batch.steps > steps_)
    throw Error(fmt::format("a sequence of {} steps, this session was made for {}", batch.steps, steps_));
  const std::int64_t targets = width(plan_.targets);
  values("x", batch.x, batch.steps, batch.examples, width(plan_.inputs));
  if (targets || !batch.y.empty()) values("y", batch.y, batch.steps, batch.examples, targets);
  if (!batch.loss_mask.empty()) values("loss_mask", batch.loss_mask, batch.steps, batch.examples, 1);
  given(batch);
  if (!batch.lengths.empty() && static_cast<std::int64_t>(batch.lengths.size()) != batch.examples)
    throw Error(fmt::format("{} lengths for {} examples", batch.lengths.size(), batch.examples));
  for (const std::int64_t length : batch.lengths)
    if (length < 1 || length > batch.steps)
      throw Error(fmt::format("a length of {} is outside 1..{}", length, batch.steps));
}

void BatchCheck::input(std::span<const double> x) const { values("x", x, 1, examples_, width(plan_.inputs)); }

void BatchCheck::target(std::span<const double> y) const {
  if (const std::int64_t targets = width(plan_.targets); targets || !y.empty()) values("y", y, 1, examples_, targets);
}

void BatchCheck::mask(std::span<const double> mask) const { values("mask", mask, 1, examples_, 1); }

}  // namespace eligo
