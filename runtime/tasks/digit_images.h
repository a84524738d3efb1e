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

// Where the images come from and how they are dealt: data, validation, subset, drawn_train, drawn_test.
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

}  // namespace eligo
