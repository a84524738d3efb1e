// Digits that the program draws itself, for machines without the MNIST files: strokes of a pen, deformed at random.
#pragma once

#include <cstdint>

#include "runtime/data/images.h"

namespace eligo {

// `count` images of 28 x 28, each a pure function of (seed, purpose, index); the labels are drawn too.
ImageSet draw_digits(std::uint64_t seed, const char* purpose, std::uint64_t count);

// Training and test digits, and the line that tells the user what they are.
ImageData drawn_digits(std::uint64_t seed, std::uint64_t train, std::uint64_t test);

}  // namespace eligo
