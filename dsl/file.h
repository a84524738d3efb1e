// From a text to checked items: lexer, parser, names, axes, time. The one entry into the language.
#pragma once

#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "dsl/typed_item.h"

namespace eligo::dsl {

struct ParsedFile {
  SourcePtr source;
  File file;
};

// Reads and parses; adds what is wrong to `diagnostics` (a file that cannot be read is one of them) and returns what
// could be understood.
ParsedFile parse_file(const std::string& path, Diagnostics& diagnostics);
ParsedFile parse_text(std::string path, std::string text, Diagnostics& diagnostics);

// The same in two halves.
SourcePtr read_source(const std::string& path, Diagnostics& diagnostics);
ParsedFile parse_source(SourcePtr source, Diagnostics& diagnostics);

// Names, axes and time of every item, in the order of the file; nothing if there is a fault. `eligo check` is this.
std::vector<TypedItemPtr> check(const ParsedFile& file, Diagnostics& diagnostics);

// The canonical text (`eligo fmt`): parse(print(x)) = x, comments kept.
std::string print(const File& file);
std::string print(const Expr& expr);
std::string print(const TimeIndex& time);  // t-1

}  // namespace eligo::dsl
