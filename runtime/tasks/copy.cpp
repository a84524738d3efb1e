#include "runtime/tasks/copy.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "support/error.h"
#include "support/random.h"

namespace eligo {
namespace {

constexpr std::uint64_t kBatches = 100;  // of an epoch, where nothing says how many

class Copy final : public Task {
 public:
  Copy(const TaskSpec& spec, std::int64_t patterns, std::int64_t times)
      : size_{patterns, times, static_cast<std::int64_t>(spec.numbers.at("bits"))},
        batch_(spec.batch),
        batches_(spec.batches_per_epoch == 0 ? kBatches : spec.batches_per_epoch),
        seed_(spec.seed) {
    const std::string& loss = spec.texts.at("loss");
    if (loss != "mean" && loss != "sum")
      throw Error(fmt::format("task {}: loss = \"{}\"; expected \"mean\" or \"sum\"", spec.name, loss));
    weight_ = loss == "mean" ? 1 / static_cast<double>(size_.targets()) : 1;
  }

  TaskShape shape() const override {
    return {size_.bits + 2, size_.bits + 1, size_.steps(), size_.steps(), batches_, 0, 0};
  }

  // No sequence comes twice but by chance, so there is nothing to hold out.
  Batch batch(Split, std::uint64_t epoch, std::uint64_t index) const override {
    const std::uint64_t each = static_cast<std::uint64_t>(size_.patterns * size_.bits);
    std::vector<double> patterns;
    patterns.reserve(batch_ * each);
    for (std::uint64_t b = 0; b < batch_; ++b) {
      const Key key = make_key(seed_, "copy", epoch * batches_ + index, b);
      for (std::uint64_t i = 0; i < each; ++i) patterns.push_back(static_cast<double>(integer(key, i, 2)));
    }
    return copy_batch(size_, patterns, weight_);
  }

  std::string score_name() const override { return "bits"; }
  bool score_is_share() const override { return false; }
  // Cross-entropy of a bit in bits, the outputs being log-odds: mean over channels and over the steps that are asked for.
  Score score(const Batch& batch, const std::vector<double>& outputs) const override {
    Score score;
    if (outputs.size() != batch.y.size()) return score;  // a readout that puts out something else
    const auto targets = static_cast<std::size_t>(size_.bits + 1);
    for (std::size_t row = 0; row < batch.loss_mask.size(); ++row) {
      if (batch.loss_mask[row] == 0) continue;
      double nats = 0;
      for (std::size_t k = row * targets; k < (row + 1) * targets; ++k)
        nats += std::max(outputs[k], 0.0) + std::log1p(std::exp(-std::abs(outputs[k]))) - batch.y[k] * outputs[k];
      score.sum += nats / static_cast<double>(targets) / std::numbers::ln2;
      score.count += 1;
    }
    return score;
  }

  std::optional<LevelValue> level() const override {
    return LevelValue{"length", static_cast<double>(size_.steps())};
  }

  std::string description() const override {
    return fmt::format("{} pattern{} of {} bits, wanted {} time{}: {} steps", size_.patterns,
                       size_.patterns == 1 ? "" : "s", size_.bits, size_.times, size_.times == 1 ? "" : "s",
                       size_.steps());
  }

 private:
  CopySize size_;
  std::uint64_t batch_, batches_, seed_;
  double weight_ = 1;  // of a step in the loss
};

std::vector<TaskOption> options_of(TaskOption first) {
  return {std::move(first),
          {.name = "bits", .help = "of a pattern", .value = 8, .low = 1, .high = 64},
          {.name = "loss",
           .help = "over the steps that are asked for: mean, or sum",
           .text = true,
           .text_value = "mean"}};
}

}  // namespace

Batch copy_batch(const CopySize& size, const std::vector<double>& patterns, double weight) {
  const auto count = static_cast<std::size_t>(size.patterns), bits = static_cast<std::size_t>(size.bits);
  const auto steps = static_cast<std::size_t>(size.steps()), first = steps - static_cast<std::size_t>(size.targets());
  const std::size_t examples = patterns.size() / (count * bits), inputs = bits + 2, targets = bits + 1;
  Batch out;
  out.steps = size.steps();
  out.examples = static_cast<std::int64_t>(examples);
  out.x.assign(steps * examples * inputs, 0);
  out.y.assign(steps * examples * targets, 0);
  out.loss_mask.assign(steps * examples, 0);
  for (std::size_t b = 0; b < examples; ++b) {
    const auto x = [&](std::size_t t) { return out.x.data() + (t * examples + b) * inputs; };
    const auto y = [&](std::size_t t) { return out.y.data() + (t * examples + b) * targets; };
    const auto pattern = [&](std::size_t i) { return patterns.data() + (b * count + i % count) * bits; };
    x(0)[bits] = 1;
    for (std::size_t i = 0; i < count; ++i) std::copy_n(pattern(i), bits, x(1 + i));
    x(count + 1)[bits + 1] = static_cast<double>(size.times) / 10;
    for (std::size_t t = first; t + 1 < steps; ++t) std::copy_n(pattern(t - first), bits, y(t));
    y(steps - 1)[bits] = 1;
    for (std::size_t t = first; t < steps; ++t) out.loss_mask[t * examples + b] = weight;
  }
  return out;
}

TaskKind copy_kind() {
  return {"copy", "patterns of bits, wanted once more when all have come",
          options_of({.name = "N", .help = "patterns of a sequence, which has 2 N + 3 steps", .value = 1, .low = 1, .high = 1e4}),
          [](const TaskSpec& spec) -> std::unique_ptr<Task> {
            return std::make_unique<Copy>(spec, static_cast<std::int64_t>(spec.numbers.at("N")), 1);
          }};
}

TaskKind copy_repeat_kind() {
  return {"copy_repeat", "patterns of bits, wanted several times over",
          options_of({.name = "level",
                      .help = "N patterns, R times: 1, 1 at level 1, then N and R are raised by one in turn, N first",
                      .value = 1,
                      .low = 1,
                      .high = 200}),
          [](const TaskSpec& spec) -> std::unique_ptr<Task> {
            const auto level = static_cast<std::int64_t>(spec.numbers.at("level"));
            return std::make_unique<Copy>(spec, 1 + level / 2, 1 + (level - 1) / 2);
          }};
}

}  // namespace eligo
