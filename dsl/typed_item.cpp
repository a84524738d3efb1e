#include "dsl/typed_item.h"

namespace eligo::dsl {

TypedItem::TypedItem(SourcePtr from, std::shared_ptr<const File> in, const Item& item, Diagnostics& diagnostics)
    : source(std::move(from)), file(std::move(in)), syntax(item), scope(item, diagnostics) {}

std::string_view word_of(BundleKind bundle) {
  switch (bundle) {
    case BundleKind::state: return "state";
    case BundleKind::params: return "params";
    case BundleKind::input: return "input";
    case BundleKind::target: return "target";
    case BundleKind::member: return "";
  }
  return "";
}

std::string TypedItem::shown(const std::string& role, BundleKind bundle) const {
  const std::string path = role + "." + std::string(word_of(bundle));
  std::string shown = path;
  for (const Statement& s : syntax.statements) {
    for (const LetBinding& b : s.lets) {
      const Symbol* symbol = scope.find(b.name);
      if (symbol != nullptr && symbol->key == path) shown = b.name;
    }
  }
  return shown;
}

void for_each_part(const TypedExpr& e, const std::function<void(const TypedExpr&)>& visit) {
  visit(e);
  for (const TypedPtr& a : e.args) for_each_part(*a, visit);
}

}  // namespace eligo::dsl
