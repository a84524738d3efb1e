// A source text and the places in it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dsl/ast.h"

namespace eligo::dsl {

struct Source {
  std::string path;  // as the user named it
  std::string text;  // UTF-8
};
using SourcePtr = std::shared_ptr<const Source>;

struct LineColumn {
  int line = 1;    // from 1
  int column = 1;  // in characters (code points), from 1
};
LineColumn line_column(const Source& source, std::uint32_t offset);
std::string_view line_text(const Source& source, int line);

}  // namespace eligo::dsl
