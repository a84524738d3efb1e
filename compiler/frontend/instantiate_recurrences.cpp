#include <algorithm>

#include <fmt/format.h>

#include "compiler/frontend/instantiator.h"
#include "compiler/frontend/per_step.h"
#include "dsl/names.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Direction;
using dsl::Expr;
using dsl::ExprKind;

Ref Instantiator::store_value(int tensor, const Value& value) {
  Value v = elab_.values().form(value);
  try {
    v = elab_.values().reorder(v, p_.tensors[tensor].axes);
  } catch (const ShapeError& error) {
    parts_.fail(Code::E0601, *elab_.rule, rule().name_span, error.what());
  }
  Ref node = elab_.values().flatten(v);
  if (node->rank() > 0 && derives_per_step(p_, node))
    elab_.refuse_trace(p_.tensors[tensor].name, elab_.rule->equations.at(p_.tensors[tensor].name)->span);
  return node;
}

std::vector<int> Instantiator::recurrences(TensorKind kind) {
  std::vector<int> found;
  for (const auto& [name, tensor] : elab_.rule->tensors)
    if (p_.tensors[tensor].kind == kind) found.push_back(tensor);
  return found;
}

void Instantiator::note_reads(Ref root, int self, bool& changed, int reach) {
  for (Ref node : postorder({root})) {
    if (node->kind != NodeKind::leaf || node->tensor == self) continue;
    if (node->time.base != When::t && node->time.base != When::now) continue;
    if (p_.tensors[node->tensor].kind != TensorKind::forward) continue;
    const int lag = -node->time.offset - (node->time.base == When::t ? reach : 0);
    auto [at, fresh] = lag_.emplace(node->tensor, lag);
    if (fresh || lag < at->second) {
      at->second = lag;
      changed = true;
    }
  }
}

void Instantiator::forward_recurrences() {
  bool changed = true;
  for (const Root& r : phase(PhaseKind::arrive).roots) note_reads(r.node, -1, changed);
  note_blocks(changed);
  std::map<int, Ref> defs;
  while (changed) {  // a lag only falls, to no less than what its recurrence looks ahead
    changed = false;
    const std::vector<int> all = recurrences(TensorKind::forward);
    for (int tensor : all) {
      const std::string name = p_.tensors[tensor].name;  // a copy: the table grows below
      const int ahead = time_.names.at(name).ahead;
      if (!lag_.contains(tensor)) lag_[tensor] = ahead;
      if (lag_[tensor] < ahead)
        parts_.fail(Code::E0601, *elab_.rule, elab_.rule->equations.at(name)->span,
                    fmt::format("{} is read before the steps that it looks ahead to have arrived", name));
      const TimeRef now{When::t, -lag_[tensor]};
      defs[tensor] = store_value(tensor, elab_.with_boundaries(name, now));
      note_reads(defs[tensor], tensor, changed);
    }
    if (recurrences(TensorKind::forward).size() != all.size()) changed = true;
  }
  for (const auto& [tensor, node] : defs)
    phase(PhaseKind::arrive).roots.push_back(
        {RootKind::store, tensor, {When::t, -lag_[tensor]}, node, p_.tensors[tensor].name});
}

void Instantiator::backward_recurrences() {
  for (bool more = true; more;) {
    more = false;
    for (int tensor : recurrences(TensorKind::backward)) {
      if (!swept_.insert(tensor).second) continue;
      more = true;
      p_.online = false;
      const std::string name = p_.tensors[tensor].name;  // a copy: the table grows below
      const TimeRef now{When::t, 0};
      Ref node = store_value(tensor, elab_.with_boundaries(name, now));
      phase(PhaseKind::sweep).roots.push_back({RootKind::store, tensor, now, node, name});
      if (time_.names.at(name).holds_at_start)
        phase(PhaseKind::sweep_start).roots.push_back({RootKind::store, tensor, now, node, name});
    }
  }
  // Forward recurrences that only the sweep reads have been found by now.
  bool changed = false;
  for (int tensor : recurrences(TensorKind::forward))
    if (!lag_.contains(tensor)) changed = true;
  if (changed) {
    std::erase_if(phase(PhaseKind::arrive).roots,
                  [&](const Root& r) { return p_.tensors[r.tensor].kind == TensorKind::forward; });
    forward_recurrences();
  }
}

void Instantiator::forward_again() {
  bool missing = false;
  std::set<int> stored;
  for (const Root& r : phase(PhaseKind::arrive).roots) stored.insert(r.tensor);
  for (int tensor : recurrences(TensorKind::forward)) missing = missing || !stored.contains(tensor);
  if (!missing) return;
  std::erase_if(phase(PhaseKind::arrive).roots,
                [&](const Root& r) { return p_.tensors[r.tensor].kind == TensorKind::forward; });
  forward_recurrences();
}

int Instantiator::reach(const std::string& name, std::set<std::string>& active) {
  if (!active.insert(name).second) return 0;
  const auto& part = *elab_.rule;
  int far = reach(*part.equations.at(name)->value, active);
  if (auto b = part.boundaries.find(name); b != part.boundaries.end() && b->second.contains(dsl::TimeBase::end))
    far = std::max(far - 1, reach(*b->second.at(dsl::TimeBase::end)->value, active));
  active.erase(name);
  return far;
}

int Instantiator::reach(const Expr& e, std::set<std::string>& active) {
  int far = 0;
  if (e.kind == ExprKind::index && e.args.size() == 2) {
    const auto word = dsl::as_time_index(*e.args[1]);
    const Expr& base = *e.args[0];
    if (word) {
      const bool named = base.kind == ExprKind::name && elab_.rule->equations.contains(base.name);
      const auto info = named ? time_.names.find(base.name) : time_.names.end();
      const bool backward = info != time_.names.end() && info->second.direction == Direction::backward;
      if (backward && word->offset > 0) return 0;
      return word->offset + (named ? reach(base.name, active) : 0);
    }
  }
  for (const auto& a : e.args) far = std::max(far, reach(*a, active));
  return far;
}

}  // namespace eligo::compiler
