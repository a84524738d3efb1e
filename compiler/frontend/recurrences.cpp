// Which phase computes a recurrence, and when a forward one is fixed.
#include <algorithm>

#include <fmt/core.h>

#include "compiler/frontend/elaboration.h"

namespace eligo::compiler {
namespace {

std::vector<int> recurrences(const Elaboration& e, TensorKind kind) {
  std::vector<int> found;
  for (const auto& [name, tensor] : e.parts.rule().tensors)
    if (e.program.tensors[tensor].kind == kind) found.push_back(tensor);
  return found;
}

// Lowers the lags of the forward recurrences that `root` reads, but for `self`; true if one has changed. `reach` is how
// far beyond its own time the phase is run at an arrival (a block's last k).
bool note_reads(const Program& program, Ref root, int self, Lags& lags, int reach = 0) {
  bool changed = false;
  for (Ref node : postorder({root})) {
    if (node->kind != NodeKind::leaf || node->tensor == self) continue;
    if (node->time.base != When::t && node->time.base != When::now) continue;
    if (program.tensors[node->tensor].kind != TensorKind::forward) continue;
    const int lag = -node->time.offset - (node->time.base == When::t ? reach : 0);
    auto [at, fresh] = lags.of.emplace(node->tensor, lag);
    if (!fresh && lag >= at->second) continue;
    at->second = lag;
    changed = true;
  }
  return changed;
}

bool note_blocks(const Program& program, Lags& lags) {
  bool changed = false;
  for (const Block& block : program.blocks)
    for (const Block::Pass& pass : block.passes)
      for (const Root& r : program.phases[pass.phase].roots)
        changed = note_reads(program, r.node, -1, lags, block.top) || changed;
  return changed;
}

const dsl::TypedEquation& equation_of(const Elaboration& e, int tensor) {
  return e.rule().equations.at(e.program.tensors[tensor].name);
}

void drop_forward(const Elaboration& e) {
  std::erase_if(e.phase(PhaseKind::arrive).roots,
                [&](const Root& r) { return e.program.tensors[r.tensor].kind == TensorKind::forward; });
}

}  // namespace

Lags carry_forward(const Elaboration& e, Lags lags) {
  Program& p = e.program;
  bool changed = true;
  for (const Root& r : e.phase(PhaseKind::arrive).roots) note_reads(p, r.node, -1, lags);
  note_blocks(p, lags);
  std::map<int, Ref> defs;
  while (changed) {  // a lag only falls, to no less than what its recurrence looks ahead
    changed = false;
    const std::vector<int> all = recurrences(e, TensorKind::forward);
    for (int tensor : all) {
      const dsl::TypedEquation& equation = equation_of(e, tensor);
      const int ahead = equation.time.ahead;
      lags.of.try_emplace(tensor, ahead);
      if (lags.of[tensor] < ahead)
        e.fail(dsl::Code::E0601, equation.general.span(),
               fmt::format("{} is read before the steps that it looks ahead to have arrived", equation.name));
      const TimeRef now{When::t, -lags.of[tensor]};
      defs[tensor] = e.stored(tensor, e.elaborator.with_boundaries(equation, now));
      changed = note_reads(p, defs[tensor], tensor, lags) || changed;
    }
    if (recurrences(e, TensorKind::forward).size() != all.size()) changed = true;
  }
  for (const auto& [tensor, node] : defs)
    e.phase(PhaseKind::arrive)
        .roots.push_back({RootKind::store, tensor, {When::t, -lags.of[tensor]}, node, p.tensors[tensor].name});
  return lags;
}

Swept sweep_back(const Elaboration& e, Swept swept) {
  Program& p = e.program;
  const TimeRef now{When::t, 0};
  for (bool more = true; more;) {
    more = false;
    for (int tensor : recurrences(e, TensorKind::backward)) {
      if (!swept.tensors.insert(tensor).second) continue;
      more = true;
      p.online = false;
      const dsl::TypedEquation& equation = equation_of(e, tensor);
      Ref node = e.stored(tensor, e.elaborator.with_boundaries(equation, now));
      e.phase(PhaseKind::sweep).roots.push_back({RootKind::store, tensor, now, node, equation.name});
      if (equation.time.holds_at_start)
        e.phase(PhaseKind::sweep_start).roots.push_back({RootKind::store, tensor, now, node, equation.name});
    }
  }
  return swept;
}

Lags carry_found(const Elaboration& e, Lags lags) {
  std::set<int> stored;
  for (const Root& r : e.phase(PhaseKind::arrive).roots) stored.insert(r.tensor);
  const std::vector<int> all = recurrences(e, TensorKind::forward);
  if (std::all_of(all.begin(), all.end(), [&](int tensor) { return stored.contains(tensor); })) return lags;
  drop_forward(e);
  return carry_forward(e, std::move(lags));
}

}  // namespace eligo::compiler
