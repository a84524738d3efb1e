#include "runtime/tasks/digits.h"

#include <fmt/core.h>

#include <algorithm>

#include "runtime/tasks/digit_images.h"
#include "support/error.h"

namespace eligo {
namespace {

class Digits final : public DigitTask {
 public:
  explicit Digits(const TaskSpec& spec)
      : DigitTask(spec), layers_(static_cast<std::uint64_t>(spec.numbers.at("layers"))) {
    const std::string& image = spec.texts.at("image");
    if (image != "first" && image != "all")
      throw Error(
          fmt::format("task digits: image = \"{}\"; it is \"first\" or \"all\", the layers that are given it", image));
    shown_ = image == "all" ? layers_ : 1;
  }

  TaskShape shape() const override { return shape_of(images_.rows() * images_.columns(), layers_); }

  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const override {
    const DigitImages::Chosen chosen = images_.batch(split, epoch, index);
    const ImageSet& set = *chosen.set;
    const std::uint64_t examples = chosen.images.size(), pixels = set.rows * set.columns;
    Batch batch = labelled(chosen, pixels, layers_);
    for (std::uint64_t b = 0; b < examples; ++b) {
      const std::uint8_t* image = set.pixels.data() + chosen.images[b] * pixels;
      for (std::uint64_t t = 0; t < shown_; ++t)
        std::transform(image, image + pixels, batch.x.data() + (t * examples + b) * pixels,
                       [](std::uint8_t grey) { return grey / 255.0; });
      // Synthesisers of all layers may be given the label.
      for (std::uint64_t t = 0; t < layers_; ++t)
        batch.y[(t * examples + b) * kDigits + set.labels[chosen.images[b]]] = 1;
    }
    return batch;
  }

 private:
  std::uint64_t layers_, shown_ = 1;
};

}  // namespace

TaskKind digits_kind() {
  std::vector<TaskOption> options = {
      {.name = "layers", .help = "steps: the net's hidden layers", .value = 2, .low = 1, .high = 1000},
      {.name = "image",
       .help = "the layers that are given the image: \"first\", or \"all\" for rules that predict their inputs",
       .text = true,
       .text_value = "first"}};
  for (TaskOption& option : digit_options()) options.push_back(std::move(option));
  return {"digits", "an image at the first layer, its digit wanted behind the last", options,
          [](const TaskSpec& spec) -> std::unique_ptr<Task> { return std::make_unique<Digits>(spec); }};
}

}  // namespace eligo
