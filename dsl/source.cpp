#include "dsl/source.h"

#include <algorithm>

namespace eligo::dsl {

LineColumn line_column(const Source& source, std::uint32_t offset) {
  LineColumn place;
  const std::size_t end = std::min<std::size_t>(offset, source.text.size());
  for (std::size_t i = 0; i < end; ++i) {
    const auto c = static_cast<unsigned char>(source.text[i]);
    if (c == '\n') {
      ++place.line;
      place.column = 1;
    } else if ((c & 0xC0) != 0x80) {  // continuation bytes belong to the character before
      ++place.column;
    }
  }
  return place;
}

std::string_view line_text(const Source& source, int line) {
  std::string_view rest = source.text;
  for (int i = 1; i < line; ++i) {
    const std::size_t newline = rest.find('\n');
    if (newline == std::string_view::npos) return {};
    rest.remove_prefix(newline + 1);
  }
  std::string_view text = rest.substr(0, rest.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace eligo::dsl
