// Which recurrences of a rule are about the batch and not about its examples.
#include <algorithm>

#include "compiler/frontend/elaborator.h"

namespace eligo::compiler {

using dsl::TypedEquation;
using dsl::TypedExpr;
using dsl::TypedKind;

bool Elaborator::is_batch_wide(const TypedEquation& equation) {
  if (equation.time.direction != dsl::Direction::backward || equation.record) return false;
  std::set<std::string> seen;
  return !reads_examples(equation, seen);
}

Value Elaborator::window_end(TimeRef at) {
  if (p_.find(Flag::window_end) < 0) p_.tensors.push_back(flag_tensor(Flag::window_end));
  return flag(Flag::window_end, at);
}

bool Elaborator::reads_examples(const TypedEquation& equation, std::set<std::string>& seen) {
  if (!seen.insert(equation.name).second) return false;
  return reads_examples(*equation.general.value, seen) ||
         std::any_of(equation.boundaries.begin(), equation.boundaries.end(),
                     [&](const auto& boundary) { return reads_examples(*boundary.second.value, seen); });
}

// A tensor of the rule or of a part: one for all examples where its kind says so.
bool Elaborator::is_of_examples(const TypedExpr& e) const {
  const bool member = e.kind == TypedKind::member;
  const Part* part = member ? parts_.find(e.role) : &parts_.rule();
  if (part == nullptr) return true;
  const auto tensor = part->tensors.find(e.name);
  if (tensor == part->tensors.end()) return true;
  const TensorKind kind = p_.tensors[tensor->second].kind;
  if (member) return kind != TensorKind::wiring && kind != TensorKind::param && kind != TensorKind::hyper;
  return kind != TensorKind::hyper && kind != TensorKind::keep;
}

// Conservative: whatever is not known to be the same for all examples is not.
bool Elaborator::reads_examples(const TypedExpr& e, std::set<std::string>& seen) {
  switch (e.kind) {
    case TypedKind::number:
    case TypedKind::step:
    case TypedKind::size: return false;
    case TypedKind::read:
      if (const TypedEquation* equation = named_equation(e, nullptr)) return reads_examples(*equation, seen);
      return is_of_examples(e);
    case TypedKind::bundle: return e.bundle != dsl::BundleKind::params;
    case TypedKind::member: return is_of_examples(e);
    case TypedKind::steps:
    case TypedKind::samples:
    case TypedKind::local:
    case TypedKind::revised:
    case TypedKind::loss:
    case TypedKind::given:
    case TypedKind::derivative:
    case TypedKind::before:
    case TypedKind::draw:
    case TypedKind::call: return true;
    case TypedKind::place:
      if (std::any_of(e.places.begin(), e.places.end(),
                      [&](const dsl::PlaceIndex& p) { return p.wiring && reads_examples(*p.wiring, seen); }))
        return true;
      break;
    case TypedKind::leads_to:
    case TypedKind::pick:
    case TypedKind::negate:
    case TypedKind::add:
    case TypedKind::subtract:
    case TypedKind::multiply:
    case TypedKind::divide:
    case TypedKind::power:
    case TypedKind::compare:
    case TypedKind::contract:
    case TypedKind::function: break;
  }
  return std::any_of(e.args.begin(), e.args.end(), [&](const auto& a) { return reads_examples(*a, seen); });
}

}  // namespace eligo::compiler
