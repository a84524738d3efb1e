#include "runtime/tasks/seq_mnist.h"

#include "runtime/tasks/digit_images.h"

namespace eligo {
namespace {

class SeqMnist final : public DigitTask {
 public:
  using DigitTask::DigitTask;

  TaskShape shape() const override { return shape_of(images_.columns(), images_.rows()); }

  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const override {
    const DigitImages::Chosen chosen = images_.batch(split, epoch, index);
    const ImageSet& set = *chosen.set;
    const std::uint64_t examples = chosen.images.size();
    Batch batch = labelled(chosen, set.columns, set.rows);
    for (std::uint64_t b = 0; b < examples; ++b)
      for (std::uint64_t row = 0; row < set.rows; ++row) {
        double* x = batch.x.data() + (row * examples + b) * set.columns;
        for (std::uint64_t column = 0; column < set.columns; ++column)
          x[column] = set.pixel(chosen.images[b], row, column) / 255.0;
      }
    return batch;
  }
};

}  // namespace

TaskKind seq_mnist_kind() {
  return {"seq_mnist", "an image's rows as steps, its digit wanted at the last", digit_options(),
          [](const TaskSpec& spec) -> std::unique_ptr<Task> { return std::make_unique<SeqMnist>(spec); }};
}

}  // namespace eligo
