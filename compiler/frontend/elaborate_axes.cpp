// The axes of recurrences, from the terms of their equations that do not depend on the recurrence itself.
#include <algorithm>

#include <fmt/core.h>

#include "compiler/frontend/elaborator.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::FunctionId;
using dsl::TypedEquation;
using dsl::TypedExpr;
using dsl::TypedKind;

const TypedEquation* Elaborator::named_equation(const TypedExpr& e, const BlockTensors* block) const {
  if (e.kind == TypedKind::local && block) return &block->equation(e.name);
  const bool value = e.kind == TypedKind::read && e.symbol->kind == dsl::SymbolKind::value;
  return value ? &parts_.rule().equation(e.name) : nullptr;
}

bool Elaborator::reads_unknown(const TypedExpr& e, const BlockTensors* block, std::set<std::string>& seen) const {
  if (const TypedEquation* equation = named_equation(e, block)) {
    const bool local = e.kind == TypedKind::local;
    if (equation->recurrent()) return !(local ? block->stored : parts_.rule().tensors).contains(e.name);
    if (!seen.insert((local ? "in block " : "") + e.name).second) return false;
    return reads_unknown(*equation->general.value, local ? block : nullptr, seen);
  }
  return std::any_of(e.args.begin(), e.args.end(), [&](const auto& a) { return reads_unknown(*a, block, seen); });
}

bool Elaborator::reads_unknown(const TypedExpr& e, const BlockTensors* block) const {
  std::set<std::string> seen;
  return reads_unknown(e, block, seen);
}

std::optional<std::vector<Axis>> Elaborator::infer_name(const TypedExpr& e, const Environment& at) {
  BlockTensors* block = e.kind == TypedKind::local ? at.block : nullptr;
  const TypedEquation& equation = *named_equation(e, block);
  if (equation.recurrent()) return known_axes(equation, block);
  Environment inner = at;
  inner.block = block;
  if (!equation.general.letters.empty()) return explicit_axes(equation.general, inner);
  return infer(*equation.general.value, inner);
}

namespace {

std::optional<std::vector<Axis>> contracted(const std::vector<Axis>& left, const std::vector<Axis>& right) {
  for (std::size_t k = 1; k <= std::min(left.size(), right.size()); ++k) {
    bool fits = true;
    for (std::size_t i = 0; i < k; ++i) fits = fits && left[left.size() - k + i].key == right[i].key;
    if (!fits) continue;
    std::vector<Axis> axes(left.begin(), left.end() - static_cast<std::ptrdiff_t>(k));
    axes.insert(axes.end(), right.begin() + static_cast<std::ptrdiff_t>(k), right.end());
    return axes;
  }
  return std::nullopt;
}

bool has_time(const TypedExpr& e) {
  if (e.kind == TypedKind::pick) return has_time(*e.args[0]);
  return e.time && e.args.empty();
}

bool makes_a_number(const TypedExpr& e) {
  if (!e.axes.empty()) return false;
  switch (e.function) {
    case FunctionId::sum:
    case FunctionId::mean:
    case FunctionId::norm2:
    case FunctionId::inner:
    case FunctionId::logsumexp: return true;
    case FunctionId::max:
    case FunctionId::min: return e.args.size() == 1;
    default: return false;
  }
}

}  // namespace

// Axes of an expression that may read recurrences whose axes are still being found: from the terms that do not.
std::optional<std::vector<Axis>> Elaborator::infer(const TypedExpr& e, const Environment& at) {
  count(e, at);
  if (!reads_unknown(e, at.block)) return evaluate(e, at).axes;
  switch (e.kind) {
    case TypedKind::read:
    case TypedKind::local: return infer_name(e, at);
    case TypedKind::place:
    case TypedKind::negate: return infer(*e.args[0], at);
    case TypedKind::add:
    case TypedKind::subtract: {
      const auto left = infer(*e.args[0], at), right = infer(*e.args[1], at);
      if (left && (!right || left->size() >= right->size())) return left;
      return right;
    }
    case TypedKind::multiply:
    case TypedKind::divide: {
      const auto left = infer(*e.args[0], at), right = infer(*e.args[1], at);
      if (!left || !right) return std::nullopt;
      return Values::align({*left, *right});
    }
    case TypedKind::contract: {
      const auto left = infer(*e.args[0], at), right = infer(*e.args[1], at);
      if (!left || !right) return std::nullopt;
      return contracted(*left, *right);
    }
    case TypedKind::derivative: {
      auto axes = infer(*e.args[0], at);
      if (!axes || reads_unknown(*e.args[1], at.block)) return std::nullopt;
      const auto by = evaluate(*e.args[1], at).axes;
      axes->insert(axes->end(), by.begin(), by.end());
      return axes;
    }
    case TypedKind::call:
      if (e.symbol->role == dsl::ItemKind::synth) return std::nullopt;  // its arguments' axes are not its result's
      return widest(e, at);
    case TypedKind::function:
      if (makes_a_number(e)) return std::vector<Axis>{};
      if (e.function == FunctionId::reach) return infer(*e.args[1], at);
      return widest(e, at);
    default: return std::nullopt;
  }
}

std::optional<std::vector<Axis>> Elaborator::widest(const TypedExpr& e, const Environment& at) {
  std::optional<std::vector<Axis>> found;
  for (const auto& a : e.args)
    if (auto axes = infer(*a, at); axes && (!found || axes->size() > found->size())) found = axes;
  return found;
}

// The left side's letters, each with the axis that some place in a known term gives it.
std::optional<std::vector<Axis>> Elaborator::explicit_axes(const dsl::TypedLine& line, const Environment& outer) {
  Environment at = outer;
  at.explicit_form = true;
  at.keep.insert(line.letters.begin(), line.letters.end());
  std::map<std::string, Axis> known;
  const std::function<void(const TypedExpr&)> walk = [&](const TypedExpr& e) {
    if ((e.kind == TypedKind::place || has_time(e)) && !reads_unknown(e, at.block)) {
      for (const Axis& a : evaluate(e, at).axes) known.emplace(a.key, a);
      return;
    }
    for (const auto& a : e.args) walk(*a);
  };
  walk(*line.value);
  std::vector<Axis> axes;
  for (const std::string& letter : line.letters) {
    auto found = known.find(letter);
    if (found == known.end()) return std::nullopt;
    axes.push_back(found->second);
    axes.back().key = axes.back().from_key;
    axes.back().shown = axes.back().from_shown;
    axes.back().from_key.clear();
  }
  return axes;
}

// Nothing while they are being found: some other term will tell.
std::optional<std::vector<Axis>> Elaborator::known_axes(const TypedEquation& equation, BlockTensors* block) {
  const std::string key = (block ? "axes in block " : "axes ") + equation.name;
  if (!in_progress_.insert(key).second) return std::nullopt;
  Environment at = environment();
  at.block = block;
  const dsl::TypedLine& general = equation.general;
  auto axes = general.letters.empty() ? infer(*general.value, at) : explicit_axes(general, at);
  for (const auto& [base, line] : equation.boundaries) {
    Environment inner = at;
    inner.here = base;
    if (!axes && line.letters.empty()) axes = infer(*line.value, inner);
  }
  in_progress_.erase(key);
  return axes;
}

std::vector<Axis> Elaborator::recurrence_axes(const TypedEquation& equation, dsl::Span at, BlockTensors* block) {
  const auto axes = known_axes(equation, block);
  if (!axes)
    fail(Code::E0601, at, fmt::format("the axes of {} cannot be told from its equation", equation.name),
         "some term of the equation must not depend on the recurrence itself");
  for (const Axis& axis : *axes)
    if (axis.step) refuse_trace(equation.name, equation.general.span());
  return *axes;
}

}  // namespace eligo::compiler
