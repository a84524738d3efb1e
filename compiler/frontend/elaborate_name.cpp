// What a name is: a declared tensor, an equation, a member of a role.
#include <algorithm>

#include <fmt/core.h>

#include "compiler/frontend/elaborator.h"
#include "compiler/frontend/per_step.h"
#include "dsl/file.h"
#include "dsl/names.h"

namespace eligo::compiler {

using dsl::BundleKind;
using dsl::Code;
using dsl::ItemKind;
using dsl::SymbolKind;
using dsl::TypedExpr;
using dsl::TypedKind;

Value Elaborator::name(const TypedExpr& e, const Environment& at) {
  if (at.samples)
    if (auto value = at.samples->name(e, at)) return *value;
  const auto of_role = [&]() -> Part& { return *role(e.role); };
  switch (e.kind) {
    case TypedKind::step: return flag(Flag::time, at.block ? *resolve({dsl::TimeBase::t, 0}, at) : at.now);
    case TypedKind::steps: return flag(Flag::steps, at.now);
    case TypedKind::size: return size(e, at);
    case TypedKind::read: return read(e, at);
    case TypedKind::local: return block_name(e, at);
    case TypedKind::revised: return revised_at(e, *time_of(e, at), at);
    case TypedKind::bundle:
      if (e.bundle == BundleKind::target) {
        const std::vector<std::string>& targets = of_role().targets;
        return role_member(of_role(), targets.empty() ? e.name : targets.front(), e, at);
      }
      return bundle(of_role(), e.bundle, time_of(e, at), at.now);
    case TypedKind::member: return role_member(of_role(), local_name(of_role(), e.name), e, at);
    case TypedKind::loss: return role_member(of_role(), "loss", e, at);
    case TypedKind::given: return given_start(e.name, at.now, e.span);
    case TypedKind::pick: return pick(e, at);
    default: break;
  }
  fail(Code::E0605, e.span, at, "this cannot be read here");
}

// A name of the item itself.
Value Elaborator::read(const TypedExpr& e, const Environment& at) {
  Part& part = *at.part;
  const std::string& n = e.name;
  if (auto b = at.bound.find(n); b != at.bound.end()) return b->second;
  if (auto o = at.overrides.find(n); o != at.overrides.end()) return o->second;
  const std::optional<TimeRef> time = time_of(e, at);
  const TimeRef when = time.value_or(at.now);
  if (part.equations().contains(n)) {
    if (part.kind() == ItemKind::rule) return rule_name(part.equation(n), when, e.name_span);
    if (auto value = part_equation(e, when, at)) return *value;
    return right_side(part.equation(n).general, at);  // synthesisers and optimisers: functions of one moment
  }
  const int tensor = part.tensors.at(n);
  if (p_.tensors[tensor].per_step) return slot_at(tensor, time.value_or(at.step.value_or(at.now)), e.name_span);
  return tensor_at(tensor, p_.tensors[tensor].timed() ? when : TimeRef{});
}

// An equation of a cell or readout: its field, or in a call its right side.
std::optional<Value> Elaborator::part_equation(const TypedExpr& e, TimeRef when, const Environment& at) {
  Part& part = *at.part;
  const std::string& n = e.name;
  if (at.function) {
    const auto past = at.before.find(n);
    if (past != at.before.end() && when.offset < at.now.offset) return past->second;
    return std::nullopt;
  }
  if (part.kind() != ItemKind::cell && part.kind() != ItemKind::readout) return std::nullopt;
  const int tensor = part.has_state(n) ? part.tensors.at(n) : field(part, n);
  return tensor_at(tensor, when);
}

Value Elaborator::size(const TypedExpr& e, const Environment& at) {
  if (const auto number = at.part->numbers.find(e.name); number != at.part->numbers.end())
    return number->second < 0 ? flag(Flag::steps, at.now) : v_.number(number->second);
  return v_.number(static_cast<double>(at.part->axes.at(e.name).extent));
}

// One member of an enumerated axis: of the item's own, or of the part that the value belongs to.
Value Elaborator::pick(const TypedExpr& e, const Environment& at) {
  const TypedExpr& owner = *e.args[0];
  const Value v = is_name(owner) ? name(owner, at) : evaluate(owner, at);
  for (std::size_t i = 0; i < v.axes.size(); ++i) {
    const Part* part = e.symbol != nullptr ? at.part : parts_.find(v.axes[i].key.substr(0, v.axes[i].key.find('.')));
    const dsl::Symbol* axis = part == nullptr ? nullptr : part->enumerated(v.axes[i]);
    if (axis == nullptr) continue;
    const auto member = std::find(axis->members.begin(), axis->members.end(), e.name);
    if (member != axis->members.end()) return v_.member(v, static_cast<int>(i), member - axis->members.begin());
  }
  fail(Code::E0602, e.name_span, at, fmt::format("no axis of {} has a member {}", describe(v.axes), e.name));
}

Value Elaborator::bundle(Part& part, BundleKind which, std::optional<TimeRef> time, TimeRef now) {
  Axis axis = parts_.bundle_axis(part, which);
  const bool timed = which != BundleKind::params;
  std::vector<Ref> leaves;
  for (const int t : parts_.members(part, which)) {
    if (p_.tensors[t].per_step) set_step(axis, now);
    leaves.push_back(p_.leaf(t, timed ? time.value_or(now) : p_.tensors[t].per_step ? now : TimeRef{}));
  }
  return Values::bundle(axis, leaves);
}

// net.output is what readouts read.
std::string Elaborator::local_name(Part& part, const std::string& member) const {
  const std::string& output = part.item->output_name;
  return member == "output" && !part.tensors.contains("output") && !output.empty() ? output : member;
}

Value Elaborator::role_member(Part& part, const std::string& member, const TypedExpr& e, const Environment& at) {
  const bool fields = part.kind() == ItemKind::cell || part.kind() == ItemKind::readout;
  if (fields && part.equations().contains(member)) field(part, member);
  const auto t = part.tensors.find(member);
  if (t == part.tensors.end()) {
    std::vector<std::string> names = {"state", "input", "params", "output"};
    for (const auto& [n, number] : part.tensors) names.push_back(n);
    const std::string near = dsl::nearest(e.name, names);
    fail(Code::E0602, e.name_span, fmt::format("{} ({}) has no {}", part.role, part.item->name(), e.name),
         near.empty() ? "" : fmt::format("did you mean {}.{}?", part.role, near));
  }
  const std::optional<TimeRef> time = time_of(e, at);
  const Tensor& info = p_.tensors[t->second];
  if (at.block && e.time && e.time->base == dsl::TimeBase::k && !info.timed())
    fail(Code::E0605, e.span, at, "this does not vary along k; as the letter of an axis, k is taken by the block",
         "take another letter");
  if (info.per_step) return slot_at(t->second, time.value_or(at.now), e.name_span);
  if (!info.timed()) return tensor_at(t->second, {});
  if (!time)
    fail(Code::E0601, e.name_span, fmt::format("{}.{} varies in time: say at which step", part.role, e.name),
         "write [t] behind it");
  const Value value = tensor_at(t->second, *time);
  return info.masked ? value : v_.multiply(flag(Flag::valid, *time), value);
}

int Elaborator::field(Part& part, const std::string& n) {
  const bool is_state = part.has_state(n);
  if (auto t = part.tensors.find(n); t != part.tensors.end() && (!is_state || p_.definitions.contains(t->second)))
    return t->second;
  const std::string key = part.role + "." + n;
  if (is_state && in_progress_.contains(key)) return part.tensors.at(n);
  const dsl::TypedLine& line = part.equation(n).general;
  if (!in_progress_.insert(key).second)
    parts_.fail(Code::E0601, part, line.span(), fmt::format("{} reads itself within one step", n));
  Environment at;
  at.part = &part;
  at.bound = part.given;
  Value v = v_.form(right_side(line, at));
  int tensor;
  if (is_state) {
    tensor = part.tensors.at(n);
    try {
      v = v_.reorder(v, p_.tensors[tensor].axes);
    } catch (const ShapeError&) {}
    bool fits = v.axes.size() == p_.tensors[tensor].axes.size();
    for (std::size_t i = 0; fits && i < v.axes.size(); ++i) fits = v.axes[i].key == p_.tensors[tensor].axes[i].key;
    if (!fits)
      parts_.fail(Code::E0601, part, line.span(),
                  fmt::format("the state {} is declared with axes {}, its equation has {}", n,
                              describe(p_.tensors[tensor].axes), describe(v.axes)));
  } else {
    tensor = parts_.declare_equation(part, n, TensorKind::field, v.axes);
  }
  // A state is zero beyond an example's length; other values are whatever they come to and are read behind a flag.
  p_.definitions[tensor] = v_.flatten(is_state ? v_.multiply(flag(Flag::valid, {When::t, 0}), v) : v);
  in_progress_.erase(key);
  return tensor;
}

}  // namespace eligo::compiler
