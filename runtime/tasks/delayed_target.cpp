#include "runtime/tasks/delayed_target.h"

#include <fmt/core.h>

#include <cmath>
#include <numbers>
#include <random>

#include "support/random.h"

namespace eligo {
namespace {

constexpr std::int64_t kBits = 10;
constexpr std::uint32_t kPatterns = 1U << kBits;

// The first `count` entries of numpy's RandomState(123).permutation(2^10): the published patterns, drawn without
// replacement. (A shuffle from the back; each draw is masked to the next power of two and repeated until in range.)
std::vector<std::uint32_t> published_patterns(std::size_t count) {
  std::mt19937 twister(123);
  std::vector<std::uint32_t> order(kPatterns);
  for (std::uint32_t i = 0; i < kPatterns; ++i) order[i] = i;
  for (std::uint32_t i = kPatterns - 1; i > 0; --i) {
    std::uint32_t mask = i;
    for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    std::uint32_t j = 0;
    do j = static_cast<std::uint32_t>(twister()) & mask;
    while (j > i);
    std::swap(order[i], order[j]);
  }
  order.resize(count);
  return order;
}

class DelayedTarget final : public Task {
 public:
  explicit DelayedTarget(const TaskSpec& spec)
      : steps_(static_cast<std::int64_t>(spec.numbers.at("T"))),
        patterns_(published_patterns(static_cast<std::size_t>(spec.numbers.at("npoints")))),
        batch_(spec.batch),
        batches_(spec.batches_per_epoch == 0 ? 100 : spec.batches_per_epoch),
        seed_(spec.seed) {}

  TaskShape shape() const override {
    return {kBits, 2, steps_, steps_, batches_, (patterns_.size() + batch_ - 1) / batch_, 0};
  }

  // Training draws a pair for each example, validation takes each pair once.
  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const override {
    std::vector<std::size_t> points;
    if (split == Split::train) {
      const Key key = make_key(seed_, "delayed_target", epoch, index);
      for (std::uint64_t b = 0; b < batch_; ++b) points.push_back(integer(key, b, patterns_.size()));
    } else {
      for (std::size_t p = index * batch_; p < std::min<std::size_t>((index + 1) * batch_, patterns_.size()); ++p) {
        points.push_back(p);
      }
    }
    return make_batch(points);
  }

  std::string description() const override {
    return fmt::format("{} {} of a pattern at step 1 and a point on the circle wanted at step {}", patterns_.size(),
                       patterns_.size() == 1 ? "pair" : "pairs", steps_);
  }

 private:
  Batch make_batch(const std::vector<std::size_t>& points) const {
    const auto examples = points.size();
    const auto rows = static_cast<std::size_t>(steps_) * examples;
    Batch batch;
    batch.steps = steps_;
    batch.examples = static_cast<std::int64_t>(examples);
    batch.x.assign(rows * kBits, 0);
    batch.y.assign(rows * 2, 0);
    batch.loss_mask.assign(rows, 0);
    for (std::size_t b = 0; b < examples; ++b) {
      const std::size_t point = points[b], last = rows - examples + b;
      for (std::size_t bit = 0; bit < kBits; ++bit) {
        batch.x[b * kBits + bit] = static_cast<double>(patterns_[point] >> (kBits - 1 - bit) & 1);
      }
      const double angle = 2 * std::numbers::pi * static_cast<double>(point) / static_cast<double>(patterns_.size());
      batch.y[last * 2] = std::sin(angle);
      batch.y[last * 2 + 1] = std::cos(angle);
      batch.loss_mask[last] = 1;
    }
    return batch;
  }

  std::int64_t steps_;
  std::vector<std::uint32_t> patterns_;
  std::uint64_t batch_, batches_, seed_;
};

}  // namespace

TaskKind delayed_target_kind() {
  return {"delayed_target",
          "a pattern at the first step, its point on the circle wanted at the last",
          {{.name = "T", .help = "steps of a sequence", .value = 10, .low = 1, .high = 1e6},
           {.name = "npoints",
            .help = "pairs of pattern and target: 1 for the fixed network, 3 for the plastic one",
            .value = 3,
            .low = 1,
            .high = kPatterns}},
          [](const TaskSpec& spec) -> std::unique_ptr<Task> { return std::make_unique<DelayedTarget>(spec); }};
}

}  // namespace eligo
