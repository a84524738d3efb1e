// Damages texts and bytes.
#pragma once

#include <string>
#include <vector>

#include "tests/fuzz/target.h"

namespace eligo::fuzz {

// Takes one of some texts and changes a few places of it: characters and pieces erased, put in, replaced, doubled,
// taken from another of the texts.
class TextMutator {
 public:
  TextMutator(std::vector<std::string> texts, std::vector<std::string> pieces)
      : texts_(std::move(texts)), pieces_(std::move(pieces)) {}
  std::string next(Random& random, std::size_t most_changes = 4) const;
  void damage(std::string& text, Random& random) const;

 private:
  std::vector<std::string> texts_, pieces_;
};

// Bits flipped, bytes set to ends of ranges, runs erased, doubled or filled, the end cut off.
void damage_bytes(std::string& bytes, Random& random);

}  // namespace eligo::fuzz
