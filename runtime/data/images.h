// Sets of labelled grey images, one byte a pixel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace eligo {

struct ImageSet {
  std::uint64_t count = 0, rows = 0, columns = 0;
  std::vector<std::uint8_t> pixels;  // [count][rows][columns], 0 is background
  std::vector<std::uint8_t> labels;  // [count], 0..9

  std::uint8_t pixel(std::uint64_t image, std::uint64_t row, std::uint64_t column) const {
    return pixels[(image * rows + row) * columns + column];
  }
};

struct ImageData {
  ImageSet train, test;
  std::string origin;  // one line for the user: where the images are from
};

}  // namespace eligo
