// Comparing a wiring with a letter: parent[j, r] == i is 1 where it leads to i, so that a product with it gathers over
// the children as h[parent[w, r]] gathers over the parents.
#include <fmt/core.h>

#include "compiler/frontend/elaborator.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::TypedExpr;

Value Elaborator::leads_to(const TypedExpr& e, const Environment& at) {
  const TypedExpr& wiring = *e.args[0];
  Environment free = at;
  for (const std::string& l : letters(wiring, at)) free.keep.insert(l);
  const Value table = indexed(wiring, free);
  const Ref leaf = table.blocks.empty() ? nullptr : table.blocks.begin()->second;
  if (leaf == nullptr || leaf->kind != NodeKind::leaf)
    fail(Code::E0601, wiring.span, at, "a wiring that is compared needs a letter of its own for each of its axes");
  if (p_.tensors[leaf->tensor].kind != TensorKind::wiring)
    fail(Code::E0601, wiring.span, at,
         fmt::format("{} is no wiring, so it leads to no {}", p_.tensors[leaf->tensor].name, e.name));
  const Axis& targets = p_.tensors[leaf->tensor].targets;
  Value v;
  v.axes = table.axes;
  std::vector<std::string> names;
  for (const Axis& axis : table.axes) names.push_back(axis.key);
  names.push_back(e.name);
  v.axes.push_back(targets);
  v.axes.back().key = "compared " + e.name;
  v.axes.back().from_key = targets.key;
  v.axes.back().from_shown = targets.shown;
  v.blocks[std::vector<int>(v.axes.size(), 0)] = p_.graph.wire(leaf, targets.extent);
  v = v_.rename(v, names);
  if (e.operation->op == Op::ne) v = v_.add(v_.number(1), v, -1);
  return sum_over_others(v, at);
}

}  // namespace eligo::compiler
