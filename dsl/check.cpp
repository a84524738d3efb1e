#include "dsl/check.h"

#include <fmt/core.h>

#include <map>

#include "dsl/assembly.h"
#include "dsl/file.h"
#include "dsl/parser.h"
#include "dsl/time.h"

namespace eligo::dsl {
namespace {

TypedItemPtr check_item(const SourcePtr& source, const std::shared_ptr<const File>& file, const Item& item,
                        Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.list().size();
  const auto sound = [&] { return diagnostics.list().size() == before; };
  check_structure(item, diagnostics);
  const std::size_t structured = diagnostics.list().size();
  check_depth(item, diagnostics);
  if (diagnostics.list().size() > structured) return nullptr;  // the other checks follow names into their equations
  const auto typed = std::make_shared<TypedItem>(source, file, item, diagnostics);
  check_declarations(typed->scope, diagnostics);
  check_definitions(typed->scope, diagnostics);
  check_blocks(typed->scope, diagnostics);
  if (item.kind == ItemKind::rule) typed->time = analyse_time(item, diagnostics);
  else find_cycles(item, diagnostics);
  Assembly assembly(*typed);
  const Inference inference =
      infer_axes(typed->scope, diagnostics,
                 [&](const Inference& at, const Statement& s, const Statement* block, const Shape& shape) {
                   if (sound()) assembly.line(at, s, block, shape);
                 });
  if (!sound()) return nullptr;
  assembly.finish(inference);
  check_meaning(*typed, diagnostics);
  return typed;
}

}  // namespace

std::vector<TypedItemPtr> check(const ParsedFile& parsed, Diagnostics& diagnostics) {
  diagnostics.current = parsed.source;
  const auto file = std::make_shared<const File>(parsed.file);
  std::vector<TypedItemPtr> items;
  std::map<std::pair<ItemKind, std::string>, Span> seen;
  for (const Item& item : file->items) {
    const auto [first, fresh] = seen.try_emplace({item.kind, item.name}, item.name_span);
    if (!fresh) {
      diagnostics
          .error(Code::E0302, fmt::format("the {} `{}` is defined twice", word_of(item.kind), item.name), parsed.source,
                 item.name_span)
          .labels.push_back({parsed.source, first->second, "first here"});
    }
    items.push_back(check_item(parsed.source, file, item, diagnostics));
  }
  diagnostics.sort();
  if (!diagnostics.empty()) items.clear();
  return items;
}

}  // namespace eligo::dsl
