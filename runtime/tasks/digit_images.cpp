#include "runtime/tasks/digit_images.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "runtime/data/digit_sets.h"
#include "support/error.h"
#include "support/random.h"

namespace eligo {
std::vector<TaskOption> digit_set_options() {
  return {{.name = "data",
           .help = "folder of the four MNIST files; empty: digits drawn by the program",
           .text = true,
           .file = true},
          {.name = "drawn_train",
           .help = "digits to draw for training and validation",
           .value = 12000,
           .low = 10,
           .high = 1e6},
          {.name = "drawn_test", .help = "digits to draw for the test", .value = 2000, .low = 1, .high = 1e6}};
}

std::shared_ptr<const ImageData> digit_set_of(const TaskSpec& spec) {
  return digit_set(spec.texts.at("data"), static_cast<std::uint64_t>(spec.numbers.at("drawn_train")),
                   static_cast<std::uint64_t>(spec.numbers.at("drawn_test")));
}

std::vector<TaskOption> digit_options() {
  std::vector<TaskOption> options = digit_set_options();
  options.insert(options.begin() + 1,
                 {{.name = "validation",
                   .help = "part of the training images kept for validation",
                   .whole = false,
                   .value = 0.2,
                   .low = 0,
                   .high = 0.9},
                  {.name = "subset", .help = "most images to train on; 0: all", .value = 0, .low = 0, .high = 1e9}});
  return options;
}

DigitImages::DigitImages(const TaskSpec& spec)
    : data_(digit_set_of(spec)), batch_(spec.batch), batches_per_epoch_(spec.batches_per_epoch) {
  const auto order = permutation(make_key(spec.seed, spec.name + " validation split"), data_->train.count);
  const auto held =
      static_cast<std::uint64_t>(std::floor(spec.numbers.at("validation") * static_cast<double>(order.size())));
  if (held >= order.size())
    throw Error(fmt::format("task {}: validation leaves no image to train on; lower it", spec.name));
  validation_.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(held));
  train_.assign(order.begin() + static_cast<std::ptrdiff_t>(held), order.end());
  const auto most = static_cast<std::size_t>(spec.numbers.at("subset"));
  if (most != 0 && most < train_.size()) train_.resize(most);
  for (std::uint64_t i = 0; i < data_->test.count; ++i) test_.push_back(i);
  order_ = EpochOrder(spec.seed, spec.name + " order", train_.size());
}

const std::vector<std::uint64_t>& DigitImages::images(Split split) const {
  return split == Split::train ? train_ : split == Split::validation ? validation_ : test_;
}

std::uint64_t DigitImages::batches(Split split) const {
  const std::uint64_t all = (images(split).size() + batch_ - 1) / batch_;
  return split == Split::train && batches_per_epoch_ != 0 ? std::min(all, batches_per_epoch_) : all;
}

DigitImages::Chosen DigitImages::batch(Split split, std::uint64_t epoch, std::uint64_t index) const {
  const auto& from = images(split);
  const auto begin = std::min<std::uint64_t>(index * batch_, from.size());
  const auto end = std::min<std::uint64_t>(begin + batch_, from.size());
  Chosen chosen{split == Split::test ? &data_->test : &data_->train, {}};
  for (auto i = begin; i < end; ++i) chosen.images.push_back(from[split == Split::train ? order_.of(epoch)[i] : i]);
  return chosen;
}

std::uint64_t DigitImages::bytes() const {
  const std::size_t lists = 2 * train_.size() + validation_.size() + test_.size();
  return data_->train.pixels.size() + data_->test.pixels.size() + lists * sizeof(std::uint64_t);
}

std::string DigitImages::description() const {
  return fmt::format("{}; {} of the training images are for validation", data_->origin, validation_.size());
}

TaskShape DigitTask::shape_of(std::uint64_t inputs, std::uint64_t steps) const {
  const auto length = static_cast<std::int64_t>(steps);
  return {static_cast<std::int64_t>(inputs),
          kDigits,
          length,
          length,
          images_.batches(Split::train),
          images_.batches(Split::validation),
          images_.batches(Split::test)};
}

Batch DigitTask::labelled(const DigitImages::Chosen& chosen, std::uint64_t inputs, std::uint64_t steps) const {
  const std::uint64_t examples = chosen.images.size(), rows = steps * examples;
  Batch batch;
  batch.steps = static_cast<std::int64_t>(steps);
  batch.examples = static_cast<std::int64_t>(examples);
  batch.x.assign(rows * inputs, 0);
  batch.y.assign(rows * kDigits, 0);
  batch.loss_mask.assign(rows, 0);
  for (std::uint64_t b = 0; b < examples; ++b) {
    const std::uint64_t last = rows - examples + b;
    batch.y[last * kDigits + chosen.set->labels[chosen.images[b]]] = 1;
    batch.loss_mask[last] = 1;
  }
  return batch;
}

Score DigitTask::score(const Batch& batch, const std::vector<double>& outputs) const {
  return count_correct(batch, outputs, kDigits);
}

}  // namespace eligo
