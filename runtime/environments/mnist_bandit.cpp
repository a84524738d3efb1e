#include "runtime/environments/mnist_bandit.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "runtime/tasks/digit_images.h"
#include "support/error.h"

namespace eligo {
namespace {

constexpr double kMean = 0.1307, kDeviation = 0.3081;  // of MNIST's pixels in [0, 1]

// Which images episodes are drawn from, and what their digits are as actions.
struct Contexts {
  std::shared_ptr<const ImageData> data;
  std::vector<std::uint64_t> train, validation, test;  // images of data->train, of either, of data->test
  bool validates_on_test = false;                      // no training images are kept for it
  std::vector<std::int64_t> actions;                   // [10], by digit; -1: none
  std::int64_t count = 0;                              // of actions
  double flip = 0;

  const ImageSet& set(Split split) const {
    return split == Split::test || (split == Split::validation && validates_on_test) ? data->test : data->train;
  }
  const std::vector<std::uint64_t>& images(Split split) const {
    return split == Split::train ? train : split == Split::validation ? validation : test;
  }
};

class MnistBandit final : public Environment {
 public:
  explicit MnistBandit(std::shared_ptr<const Contexts> contexts) : contexts_(std::move(contexts)) {}

  EnvironmentShape shape() const override {
    const ImageSet& set = contexts_->data->train;
    return {static_cast<std::int64_t>(set.rows * set.columns), contexts_->count, 1};
  }

  void reset(const Episode& episode, std::span<double> observation) override {
    const ImageSet& set = contexts_->set(episode.split);
    const auto& images = contexts_->images(episode.split);
    const std::uint64_t image = images[integer(episode.key, 0, images.size())];
    right_ = contexts_->actions[set.labels[image]];
    flipped_ = episode.split == Split::train && uniform(episode.key, 1) < contexts_->flip;
    const std::uint8_t* pixel = set.pixels.data() + image * observation.size();
    for (double& seen : observation) seen = (*pixel++ / 255.0 - kMean) / kDeviation;
  }

  // Success is that the action was right, whatever it brought.
  Transition step(std::int64_t action, std::span<double>) override {
    const bool right = action == right_;
    return {.reward = right != flipped_ ? 1.0 : 0.0, .done = true, .success = right};
  }

 private:
  std::shared_ptr<const Contexts> contexts_;
  std::int64_t right_ = 0;
  bool flipped_ = false;
};

// Images of the digits that have an action.
std::vector<std::uint64_t> usable(const ImageSet& set, const std::vector<std::int64_t>& actions) {
  std::vector<std::uint64_t> images;
  for (std::uint64_t i = 0; i < set.count; ++i)
    if (actions[set.labels[i]] >= 0) images.push_back(i);
  return images;
}

std::shared_ptr<const Contexts> contexts_of(const TaskSpec& spec) {
  Contexts c;
  c.data = digit_set_of(spec);
  c.flip = spec.numbers.at("flip");
  const auto without = static_cast<std::int64_t>(spec.numbers.at("without"));
  for (std::int64_t digit = 0; digit < static_cast<std::int64_t>(kDigits); ++digit) c.actions.push_back(digit == without ? -1 : c.count++);
  c.train = usable(c.data->train, c.actions);
  c.test = usable(c.data->test, c.actions);
  const double kept = spec.numbers.at("validation");
  const auto held = static_cast<std::size_t>(std::floor(kept * static_cast<double>(c.train.size())));
  c.validates_on_test = kept == 0;
  if (c.validates_on_test) {
    c.validation = c.test;
  } else {
    const auto order = permutation(make_key(spec.seed, "mnist_bandit validation split"), c.train.size());
    std::vector<std::uint64_t> rest;
    for (std::size_t i = 0; i < order.size(); ++i) (i < held ? c.validation : rest).push_back(c.train[order[i]]);
    c.train = std::move(rest);
  }
  if (c.train.empty() || c.validation.empty() || c.test.empty())
    throw Error("environment mnist_bandit: there are too few images for training, validation and test; give more "
                "(drawn_train, drawn_test), or another share to validation");
  return std::make_shared<const Contexts>(std::move(c));
}

}  // namespace

EnvironmentKind mnist_bandit_kind() {
  std::vector<TaskOption> options = {{.name = "flip",
                                      .help = "probability that a training reward is flipped",
                                      .whole = false,
                                      .value = 0.4,
                                      .low = 0,
                                      .high = 1},
                                     {.name = "without",
                                      .help = "a digit that is left out, with its action; -1: none",
                                      .value = -1,
                                      .low = -1,
                                      .high = 9},
                                     {.name = "validation",
                                      .help = "part of the training images kept for validation; 0: it draws test images",
                                      .whole = false,
                                      .value = 0.2,
                                      .low = 0,
                                      .high = 0.9}};
  for (TaskOption& option : digit_set_options()) options.push_back(std::move(option));
  return {"mnist_bandit", "an image's digit is the action that pays, though in training its reward may be flipped", options,
          [](const TaskSpec& spec) -> EnvironmentFactory {
            return [contexts = contexts_of(spec)] { return std::make_unique<MnistBandit>(contexts); };
          }};
}

}  // namespace eligo
