#include "runtime/gradients/random_case.h"

#include "support/random.h"

namespace eligo {

void draw_values(Session& session, std::uint64_t seed, double scale) {
  for (const TensorInfo& info : session.tensors()) {
    if (!info.parameter && !info.name.ends_with("[start]")) continue;
    std::int64_t size = 1;
    for (const std::int64_t extent : info.shape) size *= extent;
    const Key key = make_key(seed, "check " + info.name);
    std::vector<double> values;
    for (std::int64_t i = 0; i < size; ++i) values.push_back(scale * normal(key, static_cast<std::uint64_t>(i)));
    session.set(info.name, values);
  }
}

Batch draw_batch(std::int64_t steps, std::int64_t examples, std::int64_t inputs, std::int64_t targets,
                 std::uint64_t seed) {
  Batch batch;
  batch.steps = steps;
  batch.examples = examples;
  const Key x = make_key(seed, "check inputs"), y = make_key(seed, "check targets");
  for (std::int64_t i = 0; i < steps * examples * inputs; ++i)
    batch.x.push_back(uniform(x, static_cast<std::uint64_t>(i), -1, 1));
  for (std::int64_t i = 0; i < steps * examples * targets; ++i)
    batch.y.push_back(uniform(y, static_cast<std::uint64_t>(i), 0, 1));
  return batch;
}

}  // namespace eligo
