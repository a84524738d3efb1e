#include "runtime/cli/explain.h"

#include <algorithm>

#include <fmt/core.h>

#include "dsl/diagnostic.h"
#include "support/error.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

// E0304, in any case.
bool is_code(const std::string& word) {
  return word.size() > 1 && (word[0] == 'E' || word[0] == 'e') &&
         std::all_of(word.begin() + 1, word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int explain_code(const std::string& code) {
  std::string name = code;
  name[0] = 'E';
  dsl::Code found{};
  if (!dsl::code_from_name(name, found)) {
    throw Error(
        fmt::format("there is no error code {}; codes look like E0304 and stand in brackets in each message", code));
  }
  say(fmt::format("{}: {}\n\n{}\n", dsl::code_name(found), dsl::code_title(found), dsl::code_help(found)));
  return 0;
}

}  // namespace

int explain(const ExplainArguments& arguments) {
  if (is_code(arguments.options.spec.rule)) return explain_code(arguments.options.spec.rule);
  const Explanation explanation = eligo::explain(arguments.options);
  if (arguments.json) fmt::print("{}", explain_json(explanation));
  else say(explain_text(explanation));
  return 0;
}

}  // namespace eligo::cli
