// Which recurrences of a rule are about the batch and not about its examples.
#include <algorithm>

#include "compiler/frontend/elaborate.h"

namespace eligo::compiler {

using dsl::Expr;
using dsl::ExprKind;

bool Elaborator::is_batch_wide(const std::string& name) {
  const auto info = time->names.find(name);
  if (info == time->names.end() || info->second.direction != dsl::Direction::backward) return false;
  if (rule->equations.at(name)->record) return false;
  std::set<std::string> seen;
  return !reads_examples(*std::make_unique<Expr>(Expr{.kind = ExprKind::name, .name = name}), seen);
}

Value Elaborator::window_end(TimeRef at) {
  if (p_.find(Flag::window_end) < 0) p_.tensors.push_back(flag_tensor(Flag::window_end));
  return flag(Flag::window_end, at);
}

// Conservative: whatever is not known to be the same for all examples is not.
bool Elaborator::reads_examples(const Expr& e, std::set<std::string>& seen) {
  auto any = [&](const std::vector<dsl::ExprPtr>& parts) {
    return std::any_of(parts.begin(), parts.end(), [&](const auto& p) { return reads_examples(*p, seen); });
  };
  switch (e.kind) {
    case ExprKind::number: return false;
    case ExprKind::index: {  // what is in brackets is a time or letters, unless it is a wiring
      if (reads_examples(*e.args[0], seen)) return true;
      return std::any_of(e.args.begin() + 1, e.args.end(), [&](const auto& p) {
        return p->kind != ExprKind::name && !dsl::as_time_index(*p) && reads_examples(*p, seen);
      });
    }
    case ExprKind::member: {
      Part* part = e.args[0]->kind == ExprKind::name ? parts_.find(e.args[0]->name) : nullptr;
      if (!part) return true;
      const auto tensor = part->tensors.find(e.name);
      if (tensor == part->tensors.end()) return e.name != "params";
      const TensorKind kind = p_.tensors[tensor->second].kind;
      return kind != TensorKind::wiring && kind != TensorKind::param && kind != TensorKind::hyper;
    }
    case ExprKind::call: {
      static const std::set<std::string> draws = {"normal", "uniform", "random_sign"};
      return parts_.find(e.name) || draws.contains(e.name) || any(e.args);
    }
    case ExprKind::compare:  // the letter beside a wiring
      for (const auto& p : e.args)
        if (p->kind != ExprKind::name && reads_examples(*p, seen)) return true;
      return false;
    case ExprKind::name: break;
    case ExprKind::derivative:
    case ExprKind::before: return true;
    default: return any(e.args);
  }
  if (e.name == "t" || header_numbers.contains(e.name) || rule->axes.contains(e.name)) return false;
  if (const auto equation = rule->equations.find(e.name); equation != rule->equations.end()) {
    if (!seen.insert(e.name).second) return false;
    if (reads_examples(*equation->second->value, seen)) return true;
    if (const auto b = rule->boundaries.find(e.name); b != rule->boundaries.end())
      for (const auto& [base, s] : b->second)
        if (reads_examples(*s->value, seen)) return true;
    return false;
  }
  const auto tensor = rule->tensors.find(e.name);
  if (tensor == rule->tensors.end()) return true;
  const TensorKind kind = p_.tensors[tensor->second].kind;
  return kind != TensorKind::hyper && kind != TensorKind::keep;
}

}  // namespace eligo::compiler
