// Errors of a source text: what was found, what was expected and where that was declared, and the likely fix.
//
// Codes live in one table, dsl/codes.def; `eligo explain CODE` prints its long help. Every stage that can find a fault
// in a rule reports it here, so that all errors of a file come in one run.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/source.h"

namespace eligo::dsl {

enum class Code {
#define CODE(name, title, help) name,
#include "dsl/codes.def"
#undef CODE
};
std::string_view code_name(Code code);   // "E0304"
std::string_view code_title(Code code);  // one line
std::string_view code_help(Code code);   // a few paragraphs, with a wrong and a right example
bool code_from_name(std::string_view name, Code& code);

// A marked place: carets below the span and a text beside them. The first label of a diagnostic is its primary place.
struct Label {
  SourcePtr source;
  Span span;
  std::string text;
};

struct Diagnostic {
  Code code;
  std::string message;
  std::vector<Label> labels;
  std::vector<std::string> help;  // lines behind "help:"
};

class Diagnostics {
 public:
  // Adds an error; returns it for more labels and help lines. The reference holds until the next call.
  Diagnostic& error(Code code, std::string message, SourcePtr source, Span span, std::string label = "");
  bool empty() const { return list_.empty(); }
  const std::vector<Diagnostic>& list() const { return list_; }
  // By place, so that a reader goes through the file once.
  void sort();

  SourcePtr current;  // the source that passes report into, set by whoever starts a pass over a file

 private:
  std::vector<Diagnostic> list_;
};

// As in a terminal (`colour`: with ANSI colours), and as a JSON array for editors.
// `columns` of a terminal: of longer lines the part around the fault is shown; 0: as on a wide one.
std::string render(const Diagnostics& diagnostics, bool colour = false, int columns = 0);
std::string render_json(const Diagnostics& diagnostics);

// Thrown where a stage cannot go on; carries everything that was found.
class SourceError : public std::runtime_error {
 public:
  explicit SourceError(Diagnostics diagnostics);
  const Diagnostics& diagnostics() const { return diagnostics_; }

 private:
  Diagnostics diagnostics_;
};

}  // namespace eligo::dsl
