#include "runtime/data/digit_sets.h"

#include <fmt/core.h>

#include <map>

#include "runtime/data/digits.h"
#include "runtime/data/mnist.h"

namespace eligo {

std::shared_ptr<const ImageData> digit_set(const std::string& folder, std::uint64_t train, std::uint64_t test) {
  static std::map<std::string, std::shared_ptr<const ImageData>> known;
  auto& slot = known[folder.empty() ? fmt::format("{} {}", train, test) : folder];
  if (!slot)
    slot = std::make_shared<const ImageData>(folder.empty() ? drawn_digits(0, train, test) : read_mnist(folder));
  return slot;
}

}  // namespace eligo
