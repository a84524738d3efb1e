// Tables of text, as the verbs show them.
#pragma once

#include <string>
#include <vector>

namespace eligo {

// Rows of cells, the first of headings; all rows have as many. Columns without any entry below their heading are left
// out; the first is set left, the others right.
using Table = std::vector<std::vector<std::string>>;
std::string table_text(const Table& table);

}  // namespace eligo
