#include "runtime/engine/batch_check.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "runtime/engine/feed.h"
#include "runtime/engine/reals.h"
#include "support/error.h"

namespace eligo {
namespace {

// As many as lie one behind the other at a time.
template <class Real, class From>
bool all_finite_of(const ValuesView& values, std::int64_t steps, std::int64_t examples, std::int64_t width) {
  const auto* from = static_cast<const From*>(values.data);
  if (values.channel == 1 && values.example == width && values.step == examples * width) {
    width *= steps * examples;
    steps = examples = 1;
  }
  bool finite = true;
  for (std::int64_t t = 0; t < steps; ++t)
    for (std::int64_t b = 0; b < examples && finite; ++b) {
      const From* row = from + t * values.step + b * values.example;
      if (values.channel == 1) finite = all_finite_as<Real>(row, width);
      else
        for (std::int64_t c = 0; c < width; ++c)
          finite = finite && std::isfinite(static_cast<Real>(row[c * values.channel]));
    }
  return finite;
}

}  // namespace

BatchCheck::BatchCheck(const compiler::Plan& plan, bool float64, std::int64_t examples, std::int64_t steps)
    : plan_(plan),
      float64_(float64),
      examples_(examples),
      steps_(steps),
      inputs_(compiler::width(plan, plan.inputs)),
      targets_(compiler::width(plan, plan.targets)) {}

bool all_finite(std::span<const double> values, bool float64) {
  const auto count = static_cast<std::int64_t>(values.size());
  return float64 ? all_finite_as<double>(values.data(), count) : all_finite_as<float>(values.data(), count);
}

void BatchCheck::size(const char* what, std::size_t count, std::int64_t steps, std::int64_t examples,
                      std::int64_t width) const {
  if (static_cast<std::int64_t>(count) != steps * examples * width)
    throw Error(fmt::format("{} has {} values, {} steps of {} examples need {}", what, count, steps, examples,
                            steps * examples * width));
}

// As many as the steps and examples need, and all finite.
void BatchCheck::values(const char* what, std::span<const double> values, std::int64_t steps, std::int64_t examples,
                        std::int64_t width) const {
  size(what, values.size(), steps, examples, width);
  finite(what, ValuesView::of(values.data(), steps, examples, width), steps, examples, width);
}

bool BatchCheck::all_finite(const ValuesView& values, std::int64_t steps, std::int64_t examples,
                            std::int64_t width) const {
  if (!values.float64) return all_finite_of<float, float>(values, steps, examples, width);
  return float64_ ? all_finite_of<double, double>(values, steps, examples, width)
                  : all_finite_of<float, double>(values, steps, examples, width);
}

void BatchCheck::finite(const char* what, const ValuesView& values, std::int64_t steps, std::int64_t examples,
                        std::int64_t width) const {
  if (width == 0 || all_finite(values, steps, examples, width)) return;
  for (std::int64_t i = 0; i < steps * examples * width; ++i) {
    const std::int64_t point = i / width;
    const double value = values.at(point / examples, point % examples, i % width);
    const bool is_finite = std::isfinite(value);
    if (is_finite && (float64_ || std::isfinite(static_cast<float>(value)))) continue;
    throw Error(fmt::format("{} is {} at step {} of example {} (value {}): inputs must be finite numbers{}", what, value,
                            point / examples + 1, point % examples + 1, i % width + 1,
                            is_finite ? ", and this one is too large for float32; use dtype f64" : ""));
  }
}

void BatchCheck::given(const BatchView& batch) const {
  if (batch.valid) {
    if (plan_.find(compiler::Flag::counts) < 0)
      throw Error("this program takes no mask of the steps that count: compile it with ProgramSpec::valid");
    finite("valid", batch.valid, batch.steps, batch.examples, 1);
    for (std::int64_t t = 0; t < batch.steps; ++t)
      for (std::int64_t b = 0; b < batch.examples; ++b)
        if (const double v = batch.valid.at(t, b, 0); v != 0 && v != 1)
          throw Error(fmt::format("valid is {} somewhere: a step counts (1) or does not (0)", v));
  }
  if (batch.given == nullptr) return;
  for (const auto& [name, numbers] : *batch.given) {
    const auto noise = std::find_if(plan_.tensors.begin(), plan_.tensors.end(), [&, n = name](const auto& t) {
      return t.kind == compiler::TensorKind::noise && t.given_as == n;
    });
    if (noise == plan_.tensors.end())
      throw Error(fmt::format("the rule has no draw and no start {} to be given", name));
    values(name.c_str(), numbers, is_of_start(*noise) ? 1 : batch.steps, batch.examples, noise->size());
  }
}

void BatchCheck::sizes(const Batch& batch) const {
  const std::int64_t steps = batch.steps, examples = batch.examples, targets = targets_;
  if (steps < 1 || examples < 1) throw Error("a batch needs at least one step and one example");
  size("x", batch.x.size(), steps, examples, inputs_);
  if (targets || !batch.y.empty()) size("y", batch.y.size(), steps, examples, targets);
  if (!batch.loss_mask.empty()) size("loss_mask", batch.loss_mask.size(), steps, examples, 1);
  if (!batch.valid.empty()) size("valid", batch.valid.size(), steps, examples, 1);
}

void BatchCheck::operator()(const BatchView& batch) const {
  if (batch.steps < 1 || batch.examples < 1) throw Error("a batch needs at least one step and one example");
  if (batch.examples > examples_)
    throw Error(fmt::format("a batch of {} examples, this session was made for {}", batch.examples, examples_));
  if (steps_ > 0 && batch.steps > steps_)
    throw Error(fmt::format("a sequence of {} steps, this session was made for {}", batch.steps, steps_));
  const std::int64_t inputs = inputs_, targets = targets_;
  if (inputs && !batch.x) throw Error(fmt::format("x is missing: the rule has {} inputs", inputs));
  if (targets && !batch.y) throw Error(fmt::format("y is missing: the rule has {} targets", targets));
  finite("x", batch.x, batch.steps, batch.examples, inputs);
  finite("y", batch.y, batch.steps, batch.examples, targets);
  if (batch.loss_mask) finite("loss_mask", batch.loss_mask, batch.steps, batch.examples, 1);
  given(batch);
  if (!batch.lengths.empty() && static_cast<std::int64_t>(batch.lengths.size()) != batch.examples)
    throw Error(fmt::format("{} lengths for {} examples", batch.lengths.size(), batch.examples));
  for (const std::int64_t length : batch.lengths)
    if (length < 1 || length > batch.steps)
      throw Error(fmt::format("a length of {} is outside 1..{}", length, batch.steps));
}

void BatchCheck::input(std::span<const double> x) const { values("x", x, 1, examples_, inputs_); }

void BatchCheck::target(std::span<const double> y) const {
  if (const std::int64_t targets = targets_; targets || !y.empty()) values("y", y, 1, examples_, targets);
}

void BatchCheck::mask(std::span<const double> mask) const { values("mask", mask, 1, examples_, 1); }

}  // namespace eligo
