#include "tests/fuzz/mutate.h"

#include <algorithm>

namespace eligo::fuzz {

std::string TextMutator::next(Random& random, std::size_t most_changes) const {
  std::string text = random.one_of(texts_);
  for (std::size_t i = 1 + random.below(most_changes); i > 0; --i) damage(text, random);
  return text;
}

void TextMutator::damage(std::string& text, Random& random) const {
  const std::size_t at = random.below(text.size() + 1);
  const std::size_t length = std::min<std::size_t>(1 + random.below(12), text.size() - at);
  switch (random.below(6)) {
    case 0: text.erase(at, length); break;
    case 1: text.insert(at, random.one_of(pieces_)); break;
    case 2: text.replace(at, length, random.one_of(pieces_)); break;
    case 3: text.insert(random.below(text.size() + 1), text.substr(at, 4 * length)); break;
    case 4: {
      const std::string& other = random.one_of(texts_);
      text.insert(at, other.substr(random.below(other.size()), random.below(60)));
      break;
    }
    default:
      if (at < text.size()) text[at] = static_cast<char>(random.below(256));
      break;
  }
}

void damage_bytes(std::string& bytes, Random& random) {
  if (bytes.empty()) {
    bytes.assign(random.below(40), static_cast<char>(random.below(256)));
    return;
  }
  static const std::string ends("\x00\x01\x7f\x80\xff", 5);
  const std::size_t at = random.below(bytes.size());
  const std::size_t length = std::min<std::size_t>(1 + random.below(16), bytes.size() - at);
  switch (random.below(8)) {
    case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8))); break;
    case 1: bytes[at] = random.one_of(ends); break;
    case 2: bytes.replace(at, length, std::string(length, random.one_of(ends))); break;
    case 3: bytes.erase(at, length); break;
    case 4: bytes.insert(at, bytes.substr(random.below(bytes.size()), 4 * length)); break;
    case 5: bytes.resize(at); break;
    case 6: bytes.append(bytes.substr(at)); break;
    default: bytes[at] = static_cast<char>(random.below(256)); break;
  }
}

}  // namespace eligo::fuzz
