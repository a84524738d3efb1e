// The functions of structure: which entries of a value can be other than zero.
#include <cmath>

#include <fmt/format.h>

#include "compiler/frontend/elaborate.h"
#include "compiler/frontend/sparsity_pattern.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Expr;
using dsl::ExprKind;

Value Elaborator::pattern(const Expr& e, const Scope& scope) {
  const std::size_t takes = e.name == "nonzero" ? 1 : 3;
  if (e.args.size() != takes)
    fail(Code::E0601, e, scope, fmt::format("{} takes {} arguments, {} given", e.name, takes, e.args.size()));
  Pattern pattern(p_);
  if (e.name == "nonzero") return pattern.nonzero(evaluate(*e.args[0], scope));
  const Expr& number = *e.args[2];
  int products = -1;
  const bool all = number.kind == ExprKind::name && header_numbers.contains(number.name) &&
                   header_numbers.at(number.name) < 0;
  if (!all) {
    const Value n = evaluate(number, scope);
    const bool constant = n.axes.empty() && n.blocks.size() == 1 &&
                          n.blocks.begin()->second->kind == NodeKind::constant;
    const double value = constant ? n.blocks.begin()->second->number : 0;
    if (!constant || value < 1 || value != std::floor(value) || value > 1e6)
      fail(Code::E0601, number, scope, "the last argument of reach is a whole number from 1 on, or one of the header",
           "1 is where the second argument itself can be other than zero");
    products = static_cast<int>(value) - 1;
  }
  return pattern.reach(v_.form(evaluate(*e.args[0], scope)), evaluate(*e.args[1], scope), products);
}

}  // namespace eligo::compiler
