#include "runtime/tasks/seq_mnist.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "runtime/data/digits.h"
#include "runtime/data/mnist.h"
#include "runtime/tasks/epoch_order.h"
#include "support/error.h"
#include "support/random.h"

namespace eligo {
namespace {

constexpr std::size_t kClasses = 10;

// Images are read once, kept, and shared by all tasks of a process that ask for the same.
std::shared_ptr<const ImageData> load(const TaskSpec& spec) {
  static std::map<std::string, std::shared_ptr<const ImageData>> loaded;
  const std::string folder = spec.texts.at("data");
  const double train = spec.numbers.at("drawn_train"), test = spec.numbers.at("drawn_test");
  auto& slot = loaded[folder.empty() ? fmt::format("{} {}", train, test) : folder];
  if (slot) return slot;
  slot = std::make_shared<const ImageData>(
      folder.empty() ? drawn_digits(0, static_cast<std::uint64_t>(train), static_cast<std::uint64_t>(test))
                     : read_mnist(folder));
  return slot;
}

class SeqMnist final : public Task {
 public:
  explicit SeqMnist(const TaskSpec& spec) : data_(load(spec)), batch_(spec.batch), seed_(spec.seed) {
    const auto order = permutation(make_key(seed_, "seq_mnist validation split"), data_->train.count);
    const auto held =
        static_cast<std::uint64_t>(std::floor(spec.numbers.at("validation") * static_cast<double>(order.size())));
    if (held >= order.size()) throw Error("task seq_mnist: validation leaves no image to train on; lower it");
    validation_.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(held));
    train_.assign(order.begin() + static_cast<std::ptrdiff_t>(held), order.end());
    for (std::uint64_t i = 0; i < data_->test.count; ++i) test_.push_back(i);
    order_ = EpochOrder(seed_, "seq_mnist order", train_.size());
    train_batches_ = batches(train_.size());
    if (spec.batches_per_epoch != 0) train_batches_ = std::min(train_batches_, spec.batches_per_epoch);
  }

  TaskShape shape() const override {
    const auto rows = static_cast<std::int64_t>(data_->train.rows);
    return {static_cast<std::int64_t>(data_->train.columns),
            kClasses,
            rows,
            rows,
            train_batches_,
            batches(validation_.size()),
            batches(test_.size())};
  }

  std::uint64_t bytes() const override {
    const std::size_t lists = 2 * train_.size() + validation_.size() + test_.size();
    return data_->train.pixels.size() + data_->test.pixels.size() + lists * sizeof(std::uint64_t);
  }

  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const override {
    const auto& images = split == Split::train ? train_ : split == Split::validation ? validation_ : test_;
    const auto begin = std::min<std::uint64_t>(index * batch_, images.size());
    const auto end = std::min<std::uint64_t>(begin + batch_, images.size());
    std::vector<std::uint64_t> chosen;
    for (auto i = begin; i < end; ++i) chosen.push_back(images[split == Split::train ? order_.of(epoch)[i] : i]);
    return make_batch(split == Split::test ? data_->test : data_->train, chosen.data(), chosen.size());
  }

  std::string score_name() const override { return "accuracy"; }
  Score score(const Batch& batch, const std::vector<double>& outputs) const override {
    return count_correct(batch, outputs, kClasses);
  }

  std::string description() const override {
    return fmt::format("{}; {} of the training images are for validation", data_->origin, validation_.size());
  }

 private:
  std::uint64_t batches(std::uint64_t images) const { return (images + batch_ - 1) / batch_; }

  static Batch make_batch(const ImageSet& set, const std::uint64_t* images, std::uint64_t examples) {
    Batch batch;
    batch.steps = static_cast<std::int64_t>(set.rows);
    batch.examples = static_cast<std::int64_t>(examples);
    const std::uint64_t positions = set.rows * examples;
    batch.x.resize(positions * set.columns);
    batch.y.assign(positions * kClasses, 0);
    batch.loss_mask.assign(positions, 0);
    for (std::uint64_t b = 0; b < examples; ++b) {
      for (std::uint64_t row = 0; row < set.rows; ++row) {
        double* x = batch.x.data() + (row * examples + b) * set.columns;
        for (std::uint64_t column = 0; column < set.columns; ++column) {
          x[column] = set.pixel(images[b], row, column) / 255.0;
        }
      }
      const std::uint64_t last = positions - examples + b;
      batch.y[last * kClasses + set.labels[images[b]]] = 1;
      batch.loss_mask[last] = 1;
    }
    return batch;
  }

  std::shared_ptr<const ImageData> data_;
  std::uint64_t batch_, seed_, train_batches_ = 0;
  std::vector<std::uint64_t> train_, validation_, test_;
  mutable EpochOrder order_{0, "", 0};
};

}  // namespace

TaskKind seq_mnist_kind() {
  return {"seq_mnist",
          "an image's rows as steps, its digit wanted at the last",
          {{.name = "data", .help = "folder of the four MNIST files; empty: digits drawn by the program", .text = true, .file = true},
           {.name = "validation",
            .help = "part of the training images kept for validation",
            .whole = false,
            .value = 0.2,
            .low = 0,
            .high = 0.9},
           {.name = "drawn_train",
            .help = "digits to draw for training and validation",
            .value = 12000,
            .low = 10,
            .high = 1e6},
           {.name = "drawn_test", .help = "digits to draw for the test", .value = 2000, .low = 1, .high = 1e6}},
          [](const TaskSpec& spec) -> std::unique_ptr<Task> { return std::make_unique<SeqMnist>(spec); }};
}

}  // namespace eligo
