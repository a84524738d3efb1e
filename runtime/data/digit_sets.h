// Sets of digit images as experiments ask for them: MNIST's files, or digits that the program draws.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/data/images.h"

namespace eligo {

// The MNIST files of `folder`; without one, `train` and `test` digits drawn by the program. Read or drawn once, kept,
// and shared by all of a process that ask for the same. Throws eligo::Error as read_mnist does.
std::shared_ptr<const ImageData> digit_set(const std::string& folder, std::uint64_t train, std::uint64_t test);

}  // namespace eligo
