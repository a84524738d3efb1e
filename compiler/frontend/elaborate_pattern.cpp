// The functions of structure: which entries of a value can be other than zero.
#include <cmath>

#include <fmt/core.h>

#include "compiler/frontend/elaborator.h"
#include "compiler/frontend/sparsity_pattern.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::TypedExpr;
using dsl::TypedKind;

Value Elaborator::pattern(const TypedExpr& e, const Environment& at) {
  Pattern pattern(p_);
  if (e.function == dsl::FunctionId::nonzero) return pattern.nonzero(evaluate(*e.args[0], at));
  const TypedExpr& number = *e.args[2];
  int products = -1;
  const auto header = at.part->numbers.find(number.name);
  const bool all = number.kind == TypedKind::size && header != at.part->numbers.end() && header->second < 0;
  if (!all) {
    const Value n = evaluate(number, at);
    const bool constant =
        n.axes.empty() && n.blocks.size() == 1 && n.blocks.begin()->second->kind == NodeKind::constant;
    const double value = constant ? n.blocks.begin()->second->number : 0;
    if (!constant || value < 1 || value != std::floor(value) || value > 1e6)
      fail(Code::E0601, number.span, at, "the last argument of reach is a whole number from 1 on, or one of the header",
           "1 is where the second argument itself can be other than zero");
    products = static_cast<int>(value) - 1;
  }
  const auto [square, from] = operands(e, at);
  return pattern.reach(v_.form(square), from, products);
}

}  // namespace eligo::compiler
