#include "runtime/cli/compare.h"

#include <fmt/core.h>


#include "support/error.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

void read(const std::vector<std::string>& texts, Settings& into) {
  for (const auto& text : texts) {
    auto [path, value] = parse_override(text);
    into.insert_or_assign(std::move(path), std::move(value));
  }
}

}  // namespace

int compare(CompareArguments arguments) {
  CompareOptions& o = arguments.options;
  read(arguments.settings, o.shared);
  if (!arguments.data.empty()) o.shared.insert_or_assign("task.data", Setting{arguments.data, kCommandLine});
  read(arguments.a, o.a);
  read(arguments.b, o.b);
  const Comparison comparison = eligo::compare(o);
  say(comparison_text(o, comparison));
  if (!arguments.json.empty()) write_result(arguments.json, comparison_json(o, comparison));
  return 0;
}

}  // namespace eligo::cli
