#include "runtime/tasks/seq_mnist.h"

#include "runtime/tasks/digit_images.h"

namespace eligo {
namespace {

class SeqMnist final : public Task {
 public:
  explicit SeqMnist(const TaskSpec& spec) : images_(spec) {}

  TaskShape shape() const override {
    const auto rows = static_cast<std::int64_t>(images_.rows());
    return {static_cast<std::int64_t>(images_.columns()),
            kDigits,
            rows,
            rows,
            images_.batches(Split::train),
            images_.batches(Split::validation),
            images_.batches(Split::test)};
  }

  std::uint64_t bytes() const override { return images_.bytes(); }

  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const override {
    const DigitImages::Chosen chosen = images_.batch(split, epoch, index);
    const ImageSet& set = *chosen.set;
    const std::uint64_t examples = chosen.images.size(), positions = set.rows * examples;
    Batch batch;
    batch.steps = static_cast<std::int64_t>(set.rows);
    batch.examples = static_cast<std::int64_t>(examples);
    batch.x.resize(positions * set.columns);
    batch.y.assign(positions * kDigits, 0);
    batch.loss_mask.assign(positions, 0);
    for (std::uint64_t b = 0; b < examples; ++b) {
      for (std::uint64_t row = 0; row < set.rows; ++row) {
        double* x = batch.x.data() + (row * examples + b) * set.columns;
        for (std::uint64_t column = 0; column < set.columns; ++column) {
          x[column] = set.pixel(chosen.images[b], row, column) / 255.0;
        }
      }
      const std::uint64_t last = positions - examples + b;
      batch.y[last * kDigits + set.labels[chosen.images[b]]] = 1;
      batch.loss_mask[last] = 1;
    }
    return batch;
  }

  std::string score_name() const override { return "accuracy"; }
  Score score(const Batch& batch, const std::vector<double>& outputs) const override {
    return count_correct(batch, outputs, kDigits);
  }

  std::string description() const override { return images_.description(); }

 private:
  DigitImages images_;
};

}  // namespace

TaskKind seq_mnist_kind() {
  return {"seq_mnist", "an image's rows as steps, its digit wanted at the last", digit_options(),
          [](const TaskSpec& spec) -> std::unique_ptr<Task> { return std::make_unique<SeqMnist>(spec); }};
}

}  // namespace eligo
