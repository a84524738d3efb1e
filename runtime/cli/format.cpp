#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "dsl/file.h"
#include "runtime/checkpoint.h"
#include "runtime/cli/verbs.h"
#include "runtime/session.h"

namespace eligo::cli {

int format(const FormatOptions& options) {
  int status = 0;
  for (const auto& path : options.files) {
    const bool standard = path == "-";
    const std::string text = standard ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : read_file(path);
    dsl::Diagnostics diagnostics;
    const dsl::ParsedFile file = dsl::parse_text(standard ? "standard input" : path, text, diagnostics);
    if (!diagnostics.empty()) throw dsl::SourceError(diagnostics);
    const std::string printed = dsl::print(file.file);
    if (options.check) {
      if (printed == text) continue;
      fmt::print(stderr, "error: {} is not in the canonical form; write it with eligo fmt --in-place {}\n", path, path);
      status = 1;
    } else if (options.in_place && !standard) {
      if (printed != text) write_file_atomically(path, printed);
    } else {
      fmt::print("{}", printed);
    }
  }
  return status;
}

}  // namespace eligo::cli
