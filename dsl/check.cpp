#include "dsl/check.h"

#include <fmt/format.h>

#include <map>

#include "dsl/file.h"
#include "dsl/parser.h"
#include "dsl/time.h"

namespace eligo::dsl {

void check(const ParsedFile& file, Diagnostics& diagnostics) {
  diagnostics.current = file.source;
  std::map<std::pair<ItemKind, std::string>, Span> seen;
  for (const Item& item : file.file.items) {
    const auto [first, fresh] = seen.try_emplace({item.kind, item.name}, item.name_span);
    if (!fresh) {
      diagnostics
          .error(Code::E0302, fmt::format("the {} `{}` is defined twice", word_of(item.kind), item.name), file.source,
                 item.name_span)
          .labels.push_back({file.source, first->second, "first here"});
    }
    check_structure(item, diagnostics);
    const std::size_t before = diagnostics.list().size();
    check_depth(item, diagnostics);
    if (diagnostics.list().size() > before) continue;  // the other checks follow names into their equations
    const Scope scope(item, diagnostics);
    check_declarations(scope, diagnostics);
    check_definitions(scope, diagnostics);
    if (item.kind == ItemKind::rule) analyse_time(item, diagnostics);
    else find_cycles(item, diagnostics);
    infer_axes(scope, diagnostics);
  }
  diagnostics.sort();
}

}  // namespace eligo::dsl
