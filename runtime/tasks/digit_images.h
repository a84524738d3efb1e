// Images of digits for the tasks that show them: read from MNIST's files or drawn by the program, and dealt to
// training, validation and test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/data/images.h"
#include "runtime/tasks/epoch_order.h"
#include "runtime/tasks/task.h"

namespace eligo {

constexpr std::size_t kDigits = 10;

// Where the images come from: data, drawn_train, drawn_test.
std::vector<TaskOption> digit_set_options();
std::shared_ptr<const ImageData> digit_set_of(const TaskSpec& spec);
// And how they are dealt: also validation, subset.
std::vector<TaskOption> digit_options();

class DigitImages {
 public:
  // The draws are functions of the seed and the task's name. Throws eligo::Error where nothing is left to train on.
  explicit DigitImages(const TaskSpec& spec);

  struct Chosen {
    const ImageSet* set = nullptr;
    std::vector<std::uint64_t> images;  // of the set
  };
  Chosen batch(Split split, std::uint64_t epoch, std::uint64_t index) const;
  std::uint64_t batches(Split split) const;

  std::uint64_t rows() const { return data_->train.rows; }
  std::uint64_t columns() const { return data_->train.columns; }
  std::uint64_t bytes() const;
  std::string description() const;

 private:
  const std::vector<std::uint64_t>& images(Split split) const;

  std::shared_ptr<const ImageData> data_;
  std::uint64_t batch_ = 1, batches_per_epoch_ = 0;
  std::vector<std::uint64_t> train_, validation_, test_;
  mutable EpochOrder order_{0, "", 0};
};

// A task that shows one image a sequence and wants its digit: its classes, score and data.
class DigitTask : public Task {
 public:
  explicit DigitTask(const TaskSpec& spec) : images_(spec) {}

  std::uint64_t bytes() const override { return images_.bytes(); }
  std::string score_name() const override { return "accuracy"; }
  Score score(const Batch& batch, const std::vector<double>& outputs) const override;
  std::string description() const override { return images_.description(); }

 protected:
  // With so many inputs a step and so many steps.
  TaskShape shape_of(std::uint64_t inputs, std::uint64_t steps) const;
  // Zeros of this shape, with the targets and the loss at the last step.
  Batch labelled(const DigitImages::Chosen& chosen, std::uint64_t inputs, std::uint64_t steps) const;

  DigitImages images_;
};

}  // namespace eligo
