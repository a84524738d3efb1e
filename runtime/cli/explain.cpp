#include <fmt/format.h>

#include "dsl/diagnostic.h"
#include "runtime/cli/verbs.h"
#include "runtime/session.h"

namespace eligo::cli {

int explain(const std::string& code) {
  std::string name;
  for (const char c : code) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  dsl::Code found{};
  if (!dsl::code_from_name(name, found)) {
    throw Error(
        fmt::format("there is no error code {}; codes look like E0304 and stand in brackets in each message", code));
  }
  fmt::print("{}: {}\n\n{}\n", dsl::code_name(found), dsl::code_title(found), dsl::code_help(found));
  return 0;
}

}  // namespace eligo::cli
