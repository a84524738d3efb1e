// Tables of text: a header line of names, then lines of cells. Cells are separated by what separates the names (comma,
// semicolon or tab) and may be quoted ("a, ""b""" is a, "b").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/data/mapped_file.h"

namespace eligo {

class CsvFile {
 public:
  // Throws eligo::Error: cannot be read, empty, two columns of one name.
  explicit CsvFile(const std::string& path);

  const std::string& path() const { return path_; }
  const std::vector<std::string>& names() const { return names_; }
  // The next line that is not empty, as many cells as there are names; false at the end. Throws eligo::Error naming the
  // line: another number of cells, a quote that does not end.
  bool next(std::vector<std::string>& cells);
  std::uint64_t line() const { return line_; }  // of the last one, from 1 on
  // Throws eligo::Error naming the file, the last line and the column.
  [[noreturn]] void fail(std::size_t column, const std::string& what) const;

 private:
  void read_line(std::vector<std::string>& cells);

  std::string path_;
  MappedFile file_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 0, next_line_ = 1;
  char separator_ = ',';
  std::vector<std::string> names_;
};

// A text as a cell: quoted where it has to be.
std::string csv_cell(const std::string& text);

}  // namespace eligo
