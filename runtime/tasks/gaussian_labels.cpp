#include "runtime/tasks/gaussian_labels.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "runtime/tasks/epoch_order.h"
#include "support/error.h"
#include "support/random.h"

namespace eligo {
namespace {

constexpr std::size_t kLabels = 2;

struct Points {
  std::size_t count = 0, inputs = 0;
  std::vector<double> x;           // [count][inputs]
  std::vector<std::size_t> label;  // [count], 0 or 1
};

void label_by_hyperplane(Points& points, std::uint64_t seed) {
  const Key normal_of = make_key(seed, "gaussian_labels hyperplane");
  for (std::size_t p = 0; p < points.count; ++p) {
    double side = 0;
    for (std::size_t i = 0; i < points.inputs; ++i) side += points.x[p * points.inputs + i] * normal(normal_of, i);
    points.label[p] = side > 0 ? 1 : 0;
  }
}

// Exactly this part of the points, rounded, gets the other label.
void swap_labels(Points& points, std::uint64_t seed, double part) {
  const auto order = permutation(make_key(seed, "gaussian_labels swapped"), points.count);
  const auto swapped = static_cast<std::size_t>(std::lround(part * static_cast<double>(points.count)));
  for (std::size_t i = 0; i < swapped; ++i) points.label[order[i]] = 1 - points.label[order[i]];
}

void label_at_random(Points& points, std::uint64_t seed) {
  const Key key = make_key(seed, "gaussian_labels labels");
  for (std::size_t p = 0; p < points.count; ++p) points.label[p] = integer(key, p, kLabels);
}

// The points of a regular grid from -1 to 1, the last dimension fastest.
void place_on_grid(Points& points) {
  const auto side = static_cast<std::size_t>(
      std::lround(std::pow(static_cast<double>(points.count), 1 / static_cast<double>(points.inputs))));
  std::size_t all = 1;
  for (std::size_t i = 0; i < points.inputs && all <= points.count; ++i) all *= side;
  if (all != points.count || side < 2)
    throw Error(fmt::format("task gaussian_labels: {} points are no grid of {} dimensions; take a power, such as {}",
                            points.count, points.inputs, std::pow(2.0, static_cast<double>(points.inputs))));
  for (std::size_t p = 0; p < points.count; ++p)
    for (std::size_t i = points.inputs, rest = p; i-- > 0; rest /= side)
      points.x[p * points.inputs + i] = 2.0 * static_cast<double>(rest % side) / static_cast<double>(side - 1) - 1;
}

Points draw_points(const TaskSpec& spec) {
  Points points;
  points.count = static_cast<std::size_t>(spec.numbers.at("points"));
  points.inputs = static_cast<std::size_t>(spec.numbers.at("inputs"));
  points.x.resize(points.count * points.inputs);
  points.label.resize(points.count);
  if (spec.numbers.at("grid") != 0) place_on_grid(points);
  else normal(make_key(spec.seed, "gaussian_labels points"), 0, points.x);
  const std::string& labels = spec.texts.at("labels");
  if (labels == "random") {
    label_at_random(points, spec.seed);
  } else if (labels == "linear" || labels == "noisy") {
    label_by_hyperplane(points, spec.seed);
    if (labels == "noisy") swap_labels(points, spec.seed, spec.numbers.at("swapped"));
  } else {
    throw Error(fmt::format("task gaussian_labels: labels = \"{}\"; they are \"linear\", \"noisy\" or \"random\"",
                            labels));
  }
  return points;
}

class GaussianLabels final : public Task {
 public:
  explicit GaussianLabels(const TaskSpec& spec)
      : points_(draw_points(spec)),
        labels_(spec.texts.at("labels")),
        grid_(spec.numbers.at("grid") != 0),
        layers_(static_cast<std::size_t>(spec.numbers.at("layers"))),
        batch_(spec.batch),
        pass_((points_.count + batch_ - 1) / batch_),
        batches_(spec.batches_per_epoch == 0 ? pass_ : spec.batches_per_epoch),
        order_(spec.seed, "gaussian_labels order", points_.count) {}

  TaskShape shape() const override {
    const auto layers = static_cast<std::int64_t>(layers_);
    return {static_cast<std::int64_t>(points_.inputs), kLabels, layers, layers, batches_, pass_, 0};
  }

  // All points in one batch stay in their order; smaller batches are dealt from a new order at each pass.
  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const override {
    const std::uint64_t piece = index % pass_;
    const std::uint64_t begin = piece * batch_, end = std::min<std::uint64_t>(begin + batch_, points_.count);
    std::vector<std::uint64_t> chosen;
    for (std::uint64_t i = begin; i < end; ++i) chosen.push_back(i);
    if (split == Split::train && pass_ > 1) {
      const std::uint64_t passes = (batches_ + pass_ - 1) / pass_;
      const auto& order = order_.of(epoch * passes + index / pass_);
      for (std::uint64_t& point : chosen) point = order[point];
    }
    return make_batch(chosen);
  }

  std::uint64_t bytes() const override {
    return points_.x.size() * sizeof(double) + points_.label.size() * 2 * sizeof(std::size_t);
  }

  std::string score_name() const override { return "accuracy"; }
  Score score(const Batch& batch, const std::vector<double>& outputs) const override {
    return count_correct(batch, outputs, kLabels);
  }

  std::string description() const override {
    return fmt::format("{} points {} in {} dimensions, {} labels", points_.count, grid_ ? "of a grid" : "of a Gaussian",
                       points_.inputs, labels_);
  }

 private:
  Batch make_batch(const std::vector<std::uint64_t>& chosen) const {
    const std::size_t examples = chosen.size();
    Batch batch;
    batch.steps = static_cast<std::int64_t>(layers_);
    batch.examples = static_cast<std::int64_t>(examples);
    batch.x.assign(layers_ * examples * points_.inputs, 0);
    batch.y.assign(layers_ * examples * kLabels, 0);
    batch.loss_mask.assign(layers_ * examples, 0);
    for (std::size_t b = 0; b < examples; ++b) {
      const double* x = points_.x.data() + chosen[b] * points_.inputs;
      std::copy(x, x + points_.inputs, batch.x.data() + b * points_.inputs);
      for (std::size_t t = 0; t < layers_; ++t) batch.y[(t * examples + b) * kLabels + points_.label[chosen[b]]] = 1;
      batch.loss_mask[(layers_ - 1) * examples + b] = 1;
    }
    return batch;
  }

  Points points_;
  std::string labels_;
  bool grid_ = false;
  std::size_t layers_ = 1;
  std::uint64_t batch_ = 1, pass_ = 1, batches_ = 1;
  mutable EpochOrder order_;
};

}  // namespace

TaskKind gaussian_labels_kind() {
  return {"gaussian_labels",
          "points of a Gaussian, labelled by a hyperplane or at random",
          {{.name = "inputs", .help = "dimensions of a point", .value = 2, .low = 1, .high = 1e6},
           {.name = "points", .help = "of the data set", .value = 100, .low = 1, .high = 1e7},
           {.name = "labels",
            .help = "\"linear\": by a random hyperplane through the origin; \"noisy\": some of them swapped; \"random\"",
            .text = true,
            .text_value = "linear"},
           {.name = "swapped",
            .help = "part of the labels that is swapped where they are noisy",
            .whole = false,
            .value = 0.1,
            .low = 0,
            .high = 1},
           {.name = "grid", .help = "1: the points of a grid from -1 to 1 instead", .value = 0, .low = 0, .high = 1},
           {.name = "layers", .help = "steps: the net's hidden layers", .value = 1, .low = 1, .high = 1000}},
          [](const TaskSpec& spec) -> std::unique_ptr<Task> { return std::make_unique<GaussianLabels>(spec); }};
}

}  // namespace eligo
