#include <fmt/core.h>

#include "dsl/file.h"
#include "dsl/parser.h"
#include "runtime/cli/verbs.h"
#include "support/terminal.h"
#include "support/text_file.h"

namespace eligo::cli {

int format(const FormatOptions& options) {
  int status = 0;
  for (const auto& path : options.files) {
    const bool standard = path == "-";
    const std::string text = standard           ? read_standard_input(dsl::max_file_bytes)
                             : options.in_place ? read_plain_file(path, dsl::max_file_bytes)
                                                : read_text_file(path, dsl::max_file_bytes);
    dsl::Diagnostics diagnostics;
    const dsl::ParsedFile file = dsl::parse_text(standard ? "standard input" : path, text, diagnostics);
    if (!diagnostics.empty()) throw dsl::SourceError(diagnostics);
    const std::string printed = dsl::print(file.file);
    if (options.check) {
      if (printed == text) continue;
      complain(fmt::format("error: {} is not in the canonical form; write it with eligo fmt --in-place {}\n", path, path));
      status = 1;
    } else if (options.in_place && !standard) {
      if (printed != text) rewrite_text_file(path, printed);
    } else {
      fmt::print("{}", printed);
    }
  }
  return status;
}

}  // namespace eligo::cli
