// Letters and the marks behind them: text may hold é as one character or as e and a combining accent, which look the same
// and mean the same. Names are compared in the composed form (Unicode's NFC, for the letters that names are made of).
#pragma once

#include <string>
#include <string_view>

namespace eligo::dsl {

// U+0300 to U+036F: accents that combine with the letter before.
bool is_combining_mark(char32_t code);

// Marks joined with their letters, as far as there is a letter of the language for both; others stay where they are.
std::string composed(std::string_view text);

}  // namespace eligo::dsl
