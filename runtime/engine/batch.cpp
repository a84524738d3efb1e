#include "runtime/engine/batch.h"

namespace eligo {
namespace {

ValuesView view_of(const std::vector<double>& values, std::int64_t steps, std::int64_t examples) {
  if (values.empty() || steps < 1 || examples < 1) return {};
  return ValuesView::of(values.data(), steps, examples, static_cast<std::int64_t>(values.size()) / (steps * examples));
}

}  // namespace

ValuesView ValuesView::from(std::int64_t t, std::int64_t b) const {
  ValuesView out = *this;
  const std::int64_t place = t * step + b * example;
  if (data != nullptr)
    out.data = float64 ? static_cast<const void*>(static_cast<const double*>(data) + place)
                       : static_cast<const void*>(static_cast<const float*>(data) + place);
  return out;
}

BatchView::BatchView(const Batch& batch)
    : steps(batch.steps),
      examples(batch.examples),
      x(view_of(batch.x, batch.steps, batch.examples)),
      y(view_of(batch.y, batch.steps, batch.examples)),
      loss_mask(view_of(batch.loss_mask, batch.steps, batch.examples)),
      valid(view_of(batch.valid, batch.steps, batch.examples)),
      lengths(batch.lengths),
      given(&batch.given) {}

}  // namespace eligo
