// Comparing a wiring with a letter: parent[j, r] == i is 1 where it leads to i, so that a product with it gathers over
// the children as h[parent[w, r]] gathers over the parents.
#include <fmt/format.h>

#include "compiler/frontend/elaborate.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Expr;
using dsl::ExprKind;

std::optional<std::pair<const Expr*, const Expr*>> Elaborator::compared_places(const Expr& e, const Scope& scope) {
  if (!scope.explicit_form || e.kind != ExprKind::compare || (e.name != "==" && e.name != "!=")) return std::nullopt;
  const bool first = e.args[0]->kind == ExprKind::index;
  const Expr *wiring = e.args[first ? 0 : 1].get(), *letter = e.args[first ? 1 : 0].get();
  if (wiring->kind != ExprKind::index || letter->kind != ExprKind::name) return std::nullopt;
  const Expr& base = *wiring->args[0];
  Part* part = scope.part;
  if (base.kind == ExprKind::member && base.args[0]->kind == ExprKind::name && part == rule)
    part = parts_.find(base.args[0]->name);
  else if (base.kind != ExprKind::name) return std::nullopt;
  if (!part) return std::nullopt;
  const auto tensor = part->tensors.find(base.name);
  if (tensor == part->tensors.end() || p_.tensors[tensor->second].kind != TensorKind::wiring) return std::nullopt;
  return std::pair{wiring, letter};
}

Value Elaborator::leads_to(const Expr& wiring, const Expr& letter, bool equal, const Scope& scope) {
  Scope free = scope;
  for (const std::string& l : letters(wiring, scope)) free.keep.insert(l);
  const Value table = index(wiring, free);
  Ref leaf = table.blocks.begin()->second;
  if (leaf->kind != NodeKind::leaf)
    fail(Code::E0601, wiring, scope, "a wiring that is compared needs a letter of its own for each of its axes");
  const Axis& targets = p_.tensors[leaf->tensor].targets;
  Value v;
  v.axes = table.axes;
  std::vector<std::string> names;
  for (const Axis& axis : table.axes) names.push_back(axis.key);
  names.push_back(letter.name);
  v.axes.push_back(targets);
  v.axes.back().key = "compared " + letter.name;
  v.axes.back().from_key = targets.key;
  v.axes.back().from_shown = targets.shown;
  v.blocks[std::vector<int>(v.axes.size(), 0)] = p_.graph.wire(leaf, targets.extent);
  v = v_.rename(v, names);
  if (!equal) v = v_.add(v_.number(1), v, -1);
  std::vector<std::string> gone;
  for (const Axis& axis : v.axes)
    if (!scope.keep.contains(axis.key)) gone.push_back(axis.key);
  return gone.empty() ? v : v_.reduce_sum(v, gone);
}

}  // namespace eligo::compiler
