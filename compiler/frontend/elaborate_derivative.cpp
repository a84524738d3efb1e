// Derivatives: what is cut loose, what is held, and through which step's equations the numerator is followed.
#include <algorithm>
#include <functional>

#include <fmt/core.h>

#include "compiler/frontend/elaborator.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::TypedExpr;

namespace {

// What the rule itself carries from step to step.
bool carried(const Program& p, Ref node) {
  if (node->kind != NodeKind::leaf) return false;
  const TensorKind kind = p.tensors[node->tensor].kind;
  return kind == TensorKind::forward || kind == TensorKind::backward || kind == TensorKind::record;
}

}  // namespace

// What a product with flags and blocks is of; null where it is of more than one value, or of a multiple.
Ref Elaborator::single_factor(Ref product) const {
  Ref found = nullptr;
  for (const Use& use : product->uses) {
    const bool flag = use.node->kind == NodeKind::leaf && p_.tensors[use.node->tensor].kind == TensorKind::flag;
    if (flag || use.node->kind == NodeKind::embed) continue;
    if (found != nullptr) return nullptr;
    found = use.node;
  }
  return product->number == 1 ? found : nullptr;
}

// One tensor, read behind its flag or with a bundle among its axes; true if that is so.
bool Elaborator::cut_tensor(std::vector<Ref>& cuts) const {
  bool stored = false;
  while (!cuts.empty() && cuts[0]->kind == NodeKind::contract) {
    Ref inner = single_factor(cuts[0]);
    if (!inner || (inner->kind != NodeKind::contract && inner->kind != NodeKind::leaf)) break;
    cuts = {inner};
    stored = true;
  }
  return stored;
}

void Elaborator::check_cut(Ref cut, const Value& numerator, TimeRef own, const TypedExpr& e, const Environment& at) {
  const TypedExpr& by = *e.args[1];
  const bool ok = cut->kind == NodeKind::leaf && p_.tensors[cut->tensor].kind != TensorKind::flag &&
                  p_.tensors[cut->tensor].kind != TensorKind::hyper;
  if (!ok)
    fail(Code::E0601, by.span, at, "a derivative is taken by a state, an input, parameters or a field of a part",
         "write d(…)/d(s[t]), d(…)/d(s[t-1]) or d(…)/d(θ)");
  const bool function_of_inputs = at.part->kind() == dsl::ItemKind::synth;
  if (cut->time.base == When::always || function_of_inputs || !p_.tensors[cut->tensor].timed()) return;
  if (cut->time != own && carried(p_, cut))
    for (const auto& [key, block] : numerator.blocks)
      for (Ref node : postorder({block}))
        if (carried(p_, node) && node->time == own)
          fail(Code::E0604, e.span, at,
               fmt::format("{} may depend on {}, but only the net's and the readout's equations are followed",
                           p_.tensors[node->tensor].name, p_.tensors[cut->tensor].name),
               "write that derivative out: it is in the equation of the recurrence");
  if (p_.tensors[cut->tensor].kind == TensorKind::field && cut->time != own)
    fail(Code::E0604, by.span, at,
         fmt::format("{} is no state: nothing of {} depends on what it was at {}", p_.tensors[cut->tensor].name,
                     to_string(own), to_string(cut->time)),
         "differentiate by a state of the step before");
  if (cut->time.base != own.base || cut->time.offset > own.offset || cut->time.offset < own.offset - 1)
    fail(Code::E0604, e.span, at,
         fmt::format("d(…)/d(…) reaches from {} to {}: only one step's equations are followed", to_string(own),
                     to_string(cut->time)),
         "multiply the derivatives of the single steps");
}

Value Elaborator::derivative(const TypedExpr& e, const Environment& at) {
  const Value numerator = evaluate(*e.args[0], at);
  TimeRef own = time_of(e, at).value_or(at.now);
  // A synthesiser is a function of its inputs: what they were made from is not followed.
  if (at.part->kind() == dsl::ItemKind::synth) own = {};

  // What is cut loose: a bundle's leaves, or one tensor.
  Value denominator = evaluate(*e.args[1], at);
  std::vector<Ref> cuts;
  std::vector<Axis> axes = denominator.axes;
  for (const auto& [key, block] : denominator.blocks) cuts.push_back(block);
  const bool stored = cut_tensor(cuts);  // a recurrence or a record, kept flat
  for (Ref cut : cuts) check_cut(cut, numerator, own, e, at);
  settle_step(numerator, cuts, axes, own, e.span);
  const std::vector<Ref> held = held_leaves(e, at);
  // A bundle without members, e.g. of a net without parameters; or nothing leads around what is held.
  if (cuts.empty() || (!held.empty() && !leads_around(v_.form(numerator), cuts, held, own))) {
    Value zero;
    zero.axes = numerator.axes;
    zero.axes.insert(zero.axes.end(), axes.begin(), axes.end());
    return zero;
  }
  if (!held.empty())
    for (Ref& cut : cuts)
      if (!leads_around(v_.form(numerator), {cut}, held, own)) cut = nullptr;  // behind what is held: its block is absent
  return v_.derivative({numerator, axes, cuts, held, stored, own, {}});
}

// Whether a value depends on the cuts otherwise than through what is held. Where it does not, d(a)/d(b | c) vanishes
// here and costs nothing: most cells have nothing behind their state.
bool Elaborator::leads_around(const Value& numerator, const std::vector<Ref>& cuts, const std::vector<Ref>& held,
                              TimeRef own) {
  std::set<Ref> seen;
  std::function<bool(Ref)> walk = [&](Ref node) {
    if (!seen.insert(node).second || node->kind == NodeKind::stop) return false;
    if (node->kind != NodeKind::leaf)
      return std::any_of(node->uses.begin(), node->uses.end(), [&](const Use& use) { return walk(use.node); });
    if (std::find(held.begin(), held.end(), node) != held.end()) return false;
    const bool parameter = p_.tensors[node->tensor].kind == TensorKind::param;
    if (std::any_of(cuts.begin(), cuts.end(),
                    [&](Ref cut) { return cut->tensor == node->tensor && (parameter || cut->time == node->time); }))
      return true;
    Ref equation = node->time == own ? p_.definition(node->tensor, node->time) : nullptr;
    return equation != nullptr && walk(equation);
  };
  return std::any_of(numerator.blocks.begin(), numerator.blocks.end(),
                     [&](const auto& block) { return walk(block.second); });
}

// The leaves of what stands behind the bar in d(a)/d(b | c, ...).
std::vector<Ref> Elaborator::held_leaves(const TypedExpr& e, const Environment& at) {
  std::vector<Ref> held;
  for (std::size_t i = 2; i < e.args.size(); ++i)
    for (const auto& [key, block] : evaluate(*e.args[i], at).blocks) {
      std::vector<Ref> leaf = {block};
      cut_tensor(leaf);  // a field is read behind its flag
      const bool timed = leaf[0]->kind == NodeKind::leaf && p_.tensors[leaf[0]->tensor].timed() &&
                         p_.tensors[leaf[0]->tensor].kind != TensorKind::flag;
      if (!timed)
        fail(Code::E0601, e.args[i]->span, at, "what a derivative holds is a state, an input or a field of a part",
             "write d(…)/d(ψ | s[t])");
      held.push_back(leaf[0]);
    }
  return held;
}

}  // namespace eligo::compiler
