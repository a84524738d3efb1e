// Names of `at each` blocks: stored values along k, running copies of parameters, calls with other parameters.
#include <fmt/core.h>

#include "compiler/frontend/elaborator.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::TimeBase;
using dsl::TypedExpr;

int Elaborator::block_tensor(const std::string& n, BlockTensors& block, dsl::Span at) {
  if (auto known = block.stored.find(n); known != block.stored.end()) return known->second;
  const std::vector<Axis> axes = recurrence_axes(block.equation(n), at, &block);
  if (auto known = block.stored.find(n); known != block.stored.end()) return known->second;
  Tensor t;
  t.name = n;
  while (p_.find(t.name) >= 0) t.name += "'";
  t.kind = TensorKind::revised;
  t.axes = axes;
  for (const Axis& a : axes) t.dims.push_back(a.extent);
  t.batched = t.masked = t.at_start = true;
  t.origin = {parts_.rule().item->source, block.equation(n).general.span()};
  const int tensor = static_cast<int>(p_.tensors.size());
  p_.tensors.push_back(std::move(t));
  return block.stored[n] = tensor;
}

int Elaborator::block_tensor(const std::string& n, std::size_t block, dsl::Span at) {
  return block_tensor(n, blocks_.at(block), at);
}

Environment Elaborator::block_environment(std::size_t block) {
  Environment at = environment();
  at.block = &blocks_.at(block);
  return at;
}

void Elaborator::revise(std::size_t block, const std::string& name, BlockTensors::Revised tensors) {
  blocks_.at(block).revised[name] = std::move(tensors);
}

Value Elaborator::block_name(const TypedExpr& e, const Environment& at) {
  BlockTensors& block = *at.block;
  const TimeRef when = time_of(e, at).value_or(at.now);
  if (!block.equation(e.name).recurrent()) return block_value(e.name, when, at);
  const int tensor = block_tensor(e.name, block, e.name_span);
  return v_.tensor(p_.leaf(tensor, when), p_.tensors[tensor].axes);
}

// The general equation where the range of k has it, the boundary equations at theirs, zero elsewhere.
Value Elaborator::block_value(const std::string& n, TimeRef time, const Environment& outer) {
  const dsl::TypedEquation& equation = outer.block->equation(n);
  const dsl::TypedLine& general = equation.general;
  Environment at = environment(time.shifted(-BlockTensors::shift(general)));
  at.block = outer.block;
  const std::string key = "in block " + n + "@" + to_string(time);
  if (!in_progress_.insert(key).second)
    fail(Code::E0601, general.span(), fmt::format("{} reads itself at the same index", n));
  Value value = right_side(general, at);
  if (general.source->time) {
    value = v_.multiply(flag(Flag::within, at.now), value);
    at.now = time;
    for (const auto& [base, line] : equation.boundaries) {
      const Value is = flag(base == TimeBase::start ? Flag::begin : Flag::now, time);
      at.here = base;
      const Value boundary = right_side(line, at);
      value = v_.multiply(elsewhere(is), value);
      value = v_.add(value, v_.multiply(is, boundary));
    }
  }
  in_progress_.erase(key);
  return value;
}

// θ[k] of a parameter under revision: its running copy.
Value Elaborator::revised_at(const TypedExpr& e, TimeRef time, const Environment& at) {
  const dsl::TypedRevision& lines = at.block->lines->revised.at(e.name);
  const int shift = lines.general ? BlockTensors::shift(*lines.general) : 0;
  if (at.line == BlockLine::start || !lines.general)
    fail(Code::E0605, e.name_span, at, fmt::format("{} has no value here: its revision begins at this line", e.name),
         fmt::format("{0} alone is the parameter of the moment, `{0} before sequence` what it was at the beginning",
                     e.name));
  const bool last = at.line == BlockLine::assign;
  const TimeRef want = last ? TimeRef{When::now, 0} : TimeRef{When::t, shift - 1};
  if (time != want)
    fail(Code::E0605, e.name_span, at,
         fmt::format("a revision keeps {} of the index that it has reached only: here that is {}[{}]", e.name, e.name,
                     last         ? "t"
                     : shift == 1 ? "k"
                                  : fmt::format("k{:+}", shift - 1)),
         "what earlier or later ones are needed for, an equation of the block can hold");
  return running(*lines.target, at.block->revised.at(e.name).running, at);
}

Value Elaborator::running(const TypedExpr& target, const std::vector<int>& tensors, const Environment& at) {
  std::vector<Ref> leaves;
  for (const int tensor : tensors) leaves.push_back(p_.leaf(tensor, {}));
  const Value now = name(target, at);
  if (now.axes.size() == 1 && now.axes[0].bundle) return Values::bundle(now.axes[0], leaves);
  return v_.tensor(leaves.at(0), now.axes);
}

Value Elaborator::before_sequence(const TypedExpr& e, const Environment& at) {
  const Value now = evaluate(*e.args[0], at);
  std::vector<Ref> leaves;
  for (const auto& [key, block] : now.blocks) {
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
std::map<std::string, Value> Elaborator::override_parameters(Part& part, const TypedExpr& call, const Environment& at) {
  if (call.overrides.size() != 1)
    fail(Code::E0601, call.span, at, fmt::format("behind the `;` stands one bundle in place of {}.params", part.role));
  const Value given = v_.form(evaluate(*call.overrides[0], at));
  if (given.axes.size() != 1 || given.axes[0].key != part.role + ".params")
    fail(Code::E0601, call.overrides[0]->span, at,
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
