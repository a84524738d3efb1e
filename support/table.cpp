#include "support/table.h"

#include <algorithm>

#include "support/utf8.h"

namespace eligo {

std::string table_text(const Table& table) {
  std::string out;
  const auto characters = [](const std::string& text) { return static_cast<std::size_t>(dsl::width(text)); };
  std::vector<std::size_t> widths(table[0].size());
  std::vector<bool> used(table[0].size());
  for (std::size_t row = 0; row < table.size(); ++row) {
    for (std::size_t column = 0; column < table[row].size(); ++column) {
      widths[column] = std::max(widths[column], characters(table[row][column]));
      if (row > 0 && !table[row][column].empty()) used[column] = true;
    }
  }
  for (const auto& row : table) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      if (!used[column]) continue;
      const std::string gap(widths[column] - characters(row[column]), ' ');
      line += column == 0 ? row[column] + gap : "   " + gap + row[column];
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace eligo
