#include "runtime/data/csv.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "support/error.h"

namespace eligo {
namespace {

std::string trimmed(std::string text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.back())) text.pop_back();
  std::size_t begin = 0;
  while (begin < text.size() && blank(text[begin])) ++begin;
  return text.substr(begin);
}

// What stands most often in the first line.
char separator_of(std::string_view line) {
  char best = ',';
  for (const char c : {',', ';', '\t'})
    if (std::count(line.begin(), line.end(), c) > std::count(line.begin(), line.end(), best)) best = c;
  return best;
}

}  // namespace

CsvFile::CsvFile(const std::string& path) : path_(path), file_(path) {
  const std::string_view text(file_.data() == nullptr ? "" : file_.data(), file_.size());
  if (text.starts_with("\xEF\xBB\xBF")) at_ = 3;  // a byte order mark
  separator_ = separator_of(text.substr(at_, text.find('\n', at_) - at_));
  while (names_.empty() && at_ < file_.size()) {
    read_line(names_);
    if (names_.size() == 1 && names_[0].empty()) names_.clear();
  }
  if (names_.empty()) throw Error(fmt::format("{}: the file is empty, expected a line of column names", path_));
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (std::find(names_.begin(), names_.begin() + static_cast<std::ptrdiff_t>(i), names_[i]) !=
        names_.begin() + static_cast<std::ptrdiff_t>(i))
      throw Error(fmt::format("{}:{}: there are two columns {}; give one another name", path_, line_, names_[i]));
}

bool CsvFile::next(std::vector<std::string>& cells) {
  while (at_ < file_.size()) {
    read_line(cells);
    if (cells.size() == 1 && cells[0].empty() && names_.size() > 1) continue;  // an empty line
    if (cells.size() != names_.size())
      throw Error(fmt::format("{}:{}: {} cells, expected {} as in the first line; quote cells that hold the separator",
                              path_, line_, cells.size(), names_.size()));
    return true;
  }
  return false;
}

void CsvFile::read_line(std::vector<std::string>& cells) {
  cells.clear();
  line_ = next_line_;
  const char* text = file_.data();
  const std::size_t size = file_.size();
  std::string cell;
  bool quoted = false, was_quoted = false;
  for (; at_ < size; ++at_) {
    const char c = text[at_];
    if (c == '\n') ++next_line_;
    if (quoted) {
      if (c != '"') cell += c;
      else if (at_ + 1 < size && text[at_ + 1] == '"') cell += text[++at_];
      else quoted = false;
    } else if (c == '"' && trimmed(cell).empty()) {
      cell.clear();
      quoted = was_quoted = true;
    } else if (c == separator_ || c == '\n') {
      cells.push_back(was_quoted ? cell : trimmed(cell));
      cell.clear();
      was_quoted = false;
      if (c != '\n') continue;
      ++at_;
      return;
    } else if (!was_quoted || (c != '\r' && c != ' ')) {
      cell += c;
    }
  }
  if (quoted) throw Error(fmt::format("{}:{}: a quoted cell does not end; close it with \"", path_, line_));
  cells.push_back(was_quoted ? cell : trimmed(cell));
}

void CsvFile::fail(std::size_t column, const std::string& what) const {
  throw Error(fmt::format("{}:{}: column {}: {}", path_, line_, names_[column], what));
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

}  // namespace eligo
