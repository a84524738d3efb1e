#include "dsl/ast.h"

namespace eligo::dsl {
namespace {

constexpr int max_offset = 1'000'000;

}  // namespace

std::optional<TimeIndex> as_time_index(const Expr& e) {
  if (e.kind == ExprKind::name) {
    if (e.name == "t") return TimeIndex{TimeBase::t, 0};
    if (e.name == "k") return TimeIndex{TimeBase::k, 0};
    if (e.name == "start") return TimeIndex{TimeBase::start, 0};
    if (e.name == "end") return TimeIndex{TimeBase::end, 0};
    if (e.name == "last") return TimeIndex{TimeBase::last, 0};
    return std::nullopt;
  }
  if (e.kind != ExprKind::add && e.kind != ExprKind::subtract) return std::nullopt;
  const Expr& offset = *e.args[1];
  if (offset.kind != ExprKind::number || offset.number > max_offset) return std::nullopt;
  const int steps = static_cast<int>(offset.number);
  if (offset.number != steps) return std::nullopt;
  auto base = as_time_index(*e.args[0]);
  if (!base) return std::nullopt;
  base->offset += e.kind == ExprKind::add ? steps : -steps;
  if (base->offset > max_offset || base->offset < -max_offset) return std::nullopt;
  return base;
}

}  // namespace eligo::dsl
