// Names of `at each` blocks: stored values along k, running copies of parameters, calls with other parameters.
#include <fmt/format.h>

#include "compiler/frontend/elaborate.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Expr;
using dsl::ExprKind;
using dsl::TimeBase;

int Elaborator::block_tensor(const std::string& n, BlockNames& block, const Expr& at) {
  if (auto known = block.tensors.find(n); known != block.tensors.end()) return known->second;
  const std::vector<Axis> axes = recurrence_axes(n, at, &block);
  if (auto known = block.tensors.find(n); known != block.tensors.end()) return known->second;
  Tensor t;
  t.name = n;
  while (p_.find(t.name) >= 0) t.name += "'";
  t.kind = TensorKind::revised;
  t.axes = axes;
  for (const Axis& a : axes) t.dims.push_back(a.extent);
  t.batched = t.masked = t.at_start = true;
  t.origin = {rule->ref.source, block.equations.at(n)->span};
  const int tensor = static_cast<int>(p_.tensors.size());
  p_.tensors.push_back(std::move(t));
  return block.tensors[n] = tensor;
}

std::optional<Value> Elaborator::block_name(const std::string& n, std::optional<TimeRef> at, const Expr& at_expr,
                                            const Scope& scope) {
  BlockNames& block = *scope.block;
  if (at && block.revised.contains(n)) return revised_at(n, *at, at_expr, scope);
  if (!block.equations.contains(n)) return std::nullopt;
  const TimeRef when = at.value_or(scope.now);
  if (!block.recurrent(n)) return block_value(n, when, scope);
  const int tensor = block_tensor(n, block, at_expr);
  return v_.tensor(p_.leaf(tensor, when), p_.tensors[tensor].axes);
}

bool Elaborator::varies_along_k(const Expr& base, const BlockNames& block) {
  if (base.kind == ExprKind::member) {
    const Expr& owner = *base.args[0];
    Part* part = owner.kind == ExprKind::name ? parts_.find(owner.name) : nullptr;
    if (!part) return varies_along_k(owner, block);
    const auto tensor = part->tensors.find(base.name);
    return base.name != "params" && (tensor == part->tensors.end() || p_.tensors[tensor->second].timed());
  }
  if (base.kind != ExprKind::name) return false;
  if (block.revised.contains(base.name) || block.equations.contains(base.name)) return true;
  for (const dsl::Statement& s : rule->ref.item->statements)
    for (const dsl::LetBinding& l : s.lets)
      if (l.name == base.name) return varies_along_k(*l.value, block);
  return rule->equations.contains(base.name) || parts_.find(base.name);
}

// The general equation where the range of k has it, the boundary equations at theirs, zero elsewhere.
Value Elaborator::block_value(const std::string& n, TimeRef at, const Scope& outer) {
  BlockNames& block = *outer.block;
  const dsl::Statement& general = *block.equations.at(n);
  Scope scope;
  scope.part = rule;
  scope.block = &block;
  const std::string key = "in block " + n + "@" + to_string(at);
  if (!in_progress_.insert(key).second)
    parts_.fail(Code::E0601, *rule, general.span, fmt::format("{} reads itself at the same index", n));
  scope.now = at.shifted(-BlockNames::shift(general));
  Value value = right_side(general, scope);
  if (general.time) {
    value = v_.multiply(flag(Flag::within, scope.now), value);
    scope.now = at;
    if (auto found = block.boundaries.find(n); found != block.boundaries.end())
      for (const auto& [base, statement] : found->second) {
        const Value is = flag(base == TimeBase::start ? Flag::begin : Flag::now, at);
        scope.here = base;
        const Value boundary = right_side(*statement, scope);
        value = v_.multiply(elsewhere(is), value);
        value = v_.add(value, v_.multiply(is, boundary));
      }
  }
  in_progress_.erase(key);
  return value;
}

// θ[k] of a parameter under revision: its running copy.
Value Elaborator::revised_at(const std::string& n, TimeRef at, const Expr& at_expr, const Scope& scope) {
  const BlockNames::Revised& r = scope.block->revised.at(n);
  const int shift = r.general ? BlockNames::shift(*r.general) : 0;
  if (scope.line == BlockLine::start || !r.general)
    fail(Code::E0605, at_expr, scope, fmt::format("{} has no value here: its revision begins at this line", n),
         fmt::format("{0} alone is the parameter of the moment, `{0} before sequence` what it was at the beginning", n));
  const bool last = scope.line == BlockLine::assign;
  const TimeRef want = last ? TimeRef{When::now, 0} : TimeRef{When::t, shift - 1};
  if (at != want)
    fail(Code::E0605, at_expr, scope,
         fmt::format("a revision keeps {} of the index that it has reached only: here that is {}[{}]", n, n,
                     last ? "t" : shift == 1 ? "k" : fmt::format("k{:+}", shift - 1)),
         "what earlier or later ones are needed for, an equation of the block can hold");
  std::vector<Ref> leaves;
  for (int running : r.running) leaves.push_back(p_.leaf(running, {}));
  const Value now = name(n, std::nullopt, at_expr, scope);
  if (now.axes.size() == 1 && now.axes[0].bundle) return Values::bundle(now.axes[0], leaves);
  return v_.tensor(leaves.at(0), now.axes);
}

Value Elaborator::before_sequence(const Expr& e, const Scope& scope) {
  const Value now = evaluate(*e.args[0], scope);
  const bool bundle = now.axes.size() == 1 && now.axes[0].bundle;
  std::vector<Ref> leaves;
  for (const auto& [key, block] : now.blocks) {
    if (!bundle || block->kind != NodeKind::leaf || p_.tensors[block->tensor].kind != TensorKind::param)
      fail(Code::E0601, e, scope, "`before sequence` stands behind a bundle of parameters", "let θ = g.params");
    auto [known, fresh] = p_.before.emplace(block->tensor, static_cast<int>(p_.tensors.size()));
    if (fresh) {
      Tensor t = p_.tensors[block->tensor];
      t.name += " before sequence";
      t.kind = TensorKind::running;
      t.bundle.clear();
      p_.tensors.push_back(std::move(t));
    }
    leaves.push_back(p_.leaf(known->second, {}));
  }
  return now.blocks.empty() ? now : Values::bundle(now.axes[0], leaves);
}

// g(…; p): the members of p in place of the part's own parameters.
std::map<std::string, Value> Elaborator::override_parameters(Part& part, const Expr& call, const Scope& scope) {
  if (call.overrides.size() != 1)
    fail(Code::E0601, call, scope, fmt::format("behind the `;` stands one bundle in place of {}.params", part.role));
  const Value given = v_.form(evaluate(*call.overrides[0], scope));
  if (given.axes.size() != 1 || given.axes[0].key != part.role + ".params")
    fail(Code::E0601, *call.overrides[0], scope,
         fmt::format("what replaces {}.params must have its axes, not {}", part.role, describe(given.axes)));
  std::map<std::string, Value> out;
  for (std::size_t i = 0; i < part.params.size(); ++i) {
    const Tensor& t = p_.tensors[part.tensors.at(part.params[i])];
    const auto block = given.blocks.find({static_cast<int>(i)});
    if (block == given.blocks.end()) {
      out[part.params[i]].axes = t.axes;  // zero
    } else if (block->second->rank() == 0 && !t.dims.empty()) {
      out[part.params[i]] = v_.reorder(Values::scalar(block->second), t.axes);
    } else {
      out[part.params[i]] = v_.tensor(block->second, t.axes);
    }
  }
  return out;
}

}  // namespace eligo::compiler
