// Bytes to characters.
#pragma once

#include <cstdint>
#include <string_view>

namespace eligo::dsl {

struct Character {
  char32_t code = 0;
  std::uint32_t length = 0;  // in bytes; 0 where no valid character starts
};

// The character at byte `at`; refuses overlong forms and surrogates.
Character decode(std::string_view text, std::size_t at);

// How many characters a text has: continuation bytes belong to the character before.
int width(std::string_view text);

}  // namespace eligo::dsl
