// Functions of the language, and draws.
#include <algorithm>
#include <functional>
#include <limits>

#include <fmt/core.h>

#include "compiler/frontend/elaborator.h"

namespace eligo::compiler {

using dsl::AxisRef;
using dsl::BundleKind;
using dsl::Code;
using dsl::FunctionId;
using dsl::TypedExpr;
using dsl::TypedKind;

// How the axes of a value are called here: a letter by itself, an axis of the file by what it is bound to.
std::string Elaborator::axis_key(const AxisRef& axis, const Value& a, const TypedExpr& e, const Environment& at) const {
  if (axis.kind == AxisRef::Kind::letter) return axis.name;
  if (axis.kind == AxisRef::Kind::plain) return at.part->axes.at(axis.name).key;
  const std::string key = axis.role + "." + std::string(dsl::word_of(axis.bundle));
  for (const Axis& have : a.axes)  // of a value per step, the step is part of the key
    if (have.key == key || (have.step && have.key.starts_with(key + "@"))) return have.key;
  fail(Code::E0602, e.span, at, fmt::format("{} is not an axis of {}", axis.name, describe(a.axes)));
}

std::vector<std::string> Elaborator::reduced_axes(const TypedExpr& e, const Value& a, const Environment& at) {
  std::vector<std::string> keys;
  for (const AxisRef& axis : e.axes) keys.push_back(axis_key(axis, a, e, at));
  if (keys.empty())
    for (const Axis& axis : a.axes) keys.push_back(axis.key);
  return keys;
}

Value Elaborator::reduction(FunctionId function, const Value& a, const std::vector<std::string>& keys) {
  double count = 1;
  for (const Axis& axis : a.axes)
    if (std::find(keys.begin(), keys.end(), axis.key) != keys.end()) count *= static_cast<double>(axis.extent);
  switch (function) {
    case FunctionId::sum: return v_.reduce_sum(a, keys);
    case FunctionId::mean: return v_.scale(v_.reduce_sum(a, keys), 1 / count);
    case FunctionId::max: return v_.reduce_max(a, keys);
    case FunctionId::min: return v_.scale(v_.reduce_max(v_.scale(a, -1), keys), -1);
    case FunctionId::norm2: return v_.reduce_sum(v_.map(Op::square, {a}), keys);
    default: return exponentials(function, a, keys);
  }
}

// softmax and logsumexp, relative to the largest entry.
Value Elaborator::exponentials(FunctionId function, const Value& a, const std::vector<std::string>& keys) {
  const bool logarithm = function == FunctionId::logsumexp;
  Value top = v_.stop(v_.reduce_max(a, keys));
  if (logarithm) {  // of an infinite maximum it is that
    const Value finite = v_.map(Op::lt, {v_.map(Op::abs, {top}), v_.number(std::numeric_limits<double>::infinity())});
    top = v_.map(Op::select, {finite, top, v_.number(0)});
  }
  const Value shifted = v_.map(Op::exp, {v_.add(a, top, -1)});
  const Value total = v_.reduce_sum(shifted, keys);
  if (logarithm) return v_.add(v_.map(Op::log, {total}), top);
  return v_.multiply(shifted, v_.map(Op::recip, {total}));
}

// A vector over a number that brings its largest entries near 1, so that their squares neither overflow nor vanish. The
// number is 1 where that is not needed; it is held, since what is made of the quotient and it does not depend on it.
Elaborator::Scaled Elaborator::scaled(const Value& a, const std::vector<std::string>& keys) {
  const auto choose = [&](const Value& c, const Value& x, const Value& y) { return v_.map(Op::select, {c, x, y}); };
  const Value one = v_.number(1), sizes = v_.map(Op::abs, {a});
  const Value most = v_.stop(keys.empty() ? sizes : v_.reduce_max(sizes, keys));
  const Value large = v_.multiply(v_.map(Op::gt, {most, v_.number(1e15)}),
                                  v_.map(Op::lt, {most, v_.number(std::numeric_limits<double>::infinity())}));
  const Value small = v_.multiply(v_.map(Op::lt, {most, v_.number(1e-15)}), v_.map(Op::gt, {most, v_.number(0)}));
  // Not `most` itself: its inverse might be a denormal number or overflow.
  const Value raised = v_.map(Op::max, {v_.scale(most, 0x1p20), v_.number(1e-300)});
  const Value scale = v_.stop(choose(large, v_.scale(most, 0x1p-8), choose(small, raised, one)));
  const Value inverse = v_.map(Op::recip, {scale});
  // A choice, so that no product takes the scale out of the quotient again.
  const Value some = v_.map(Op::ne, {most, v_.number(0)});
  return {choose(some, v_.multiply(a, inverse), a), scale, inverse, some};
}

Value Elaborator::length(const Value& a, const std::vector<std::string>& keys) {
  return v_.map(Op::sqrt, {v_.reduce_sum(v_.map(Op::square, {a}), keys)});
}

// sqrt(norm2(a)), whose derivative at 0 is 0.
Value Elaborator::norm(const Value& a, const std::vector<std::string>& keys) {
  const Scaled s = scaled(a, keys);
  return v_.map(Op::select, {s.some, v_.multiply(length(s.quotient, keys), s.scale), v_.number(0)});
}

Value Elaborator::unit(const Value& a, const std::vector<std::string>& keys) {
  const Scaled s = scaled(a, keys);
  const Value least = v_.scale(s.inverse, 1e-12);
  return v_.multiply(s.quotient, v_.map(Op::recip, {v_.map(Op::max, {length(s.quotient, keys), least})}));
}

// A root: of norm2, as it is written, the norm.
Value Elaborator::root(const TypedExpr& e, const Environment& at) {
  const bool squared = e.kind == TypedKind::function && e.function == FunctionId::norm2 && !at.samples;
  if (!squared) return v_.map(Op::sqrt, {evaluate(e, at)});
  Environment inner = at;
  for (const AxisRef& axis : e.axes) inner.keep.insert(axis.name);
  const Value a = v_.form(evaluate(*e.args[0], inner));
  return norm(a, reduced_axes(e, a, at));
}

// A number that is known before anything runs: one of the file or of the header, or made of such.
static std::optional<double> known_number(const Value& value) {
  if (!value.axes.empty() || value.blocks.size() != 1) return std::nullopt;
  const std::function<std::optional<double>(Ref)> of = [&](Ref node) -> std::optional<double> {
    if (node->kind == NodeKind::constant) return node->number;
    if (node->kind != NodeKind::map) return std::nullopt;
    std::vector<double> operands;
    for (const Use& use : node->uses) {
      const auto operand = of(use.node);
      if (!operand) return std::nullopt;
      operands.push_back(*operand);
    }
    return op_evaluate(node->op, operands.data());
  };
  return of(value.blocks.begin()->second);
}

// Where a number of the header decides, the branch not taken is not there at all, and a 0 that is taken is nothing.
Value Elaborator::choice(const Value& condition, const Value& yes, const Value& no) {
  Value both = v_.map(Op::select, {condition, yes, no});
  const auto known = known_number(condition);
  if (!known) return both;
  const Value& taken = *known != 0 ? yes : no;
  if (!both.axes.empty() && known_number(taken) == 0.0) {
    both.blocks.clear();
    return both;
  }
  const bool whole =
      taken.axes.size() == both.axes.size() && std::equal(taken.axes.begin(), taken.axes.end(), both.axes.begin(),
                                                          [](const Axis& a, const Axis& b) { return a.key == b.key; });
  return whole ? taken : both;
}

Value Elaborator::function(const TypedExpr& e, const Environment& at) {
  if (at.samples)
    if (auto value = at.samples->function(e, at)) return *value;
  Environment inner = at;
  for (const AxisRef& axis : e.axes) inner.keep.insert(axis.name);
  const auto arg = [&](std::size_t i) { return evaluate(*e.args[i], inner); };
  switch (e.function) {
    case FunctionId::nonzero:
    case FunctionId::reach: return pattern(e, at);
    case FunctionId::stop: return v_.stop(arg(0));
    case FunctionId::inner: {
      const auto [left, right] = operands(e, inner);
      const Value product = v_.multiply(left, right);
      return v_.reduce_sum(product, reduced_axes(e, product, at));
    }
    case FunctionId::unit: {
      const Value a = v_.form(arg(0));
      return unit(a, reduced_axes(e, a, at));
    }
    case FunctionId::max:
    case FunctionId::min:
      if (e.args.size() == 2) break;
      [[fallthrough]];
    case FunctionId::sum:
    case FunctionId::mean:
    case FunctionId::logsumexp:
    case FunctionId::norm2:
    case FunctionId::softmax: {
      const Value a = v_.form(arg(0));
      return reduction(e.function, a, reduced_axes(e, a, at));
    }
    case FunctionId::var:
    case FunctionId::cov: fail(Code::E0601, e.span, at, fmt::format("{} belongs to a `per neuron` block", e.name));
    case FunctionId::normal:
    case FunctionId::uniform:
    case FunctionId::random_sign: return draw(e, at);
    case FunctionId::operation: break;
  }
  if (e.operation->op == Op::sqrt) return root(*e.args[0], inner);
  if (e.operation->op == Op::select) {
    const Value no = arg(2), yes = arg(1), condition = arg(0);
    return choice(condition, yes, no);
  }
  std::vector<Value> args;
  for (std::size_t i = 0; i < e.args.size(); ++i) args.push_back(arg(i));
  return v_.map(e.operation->op, args);
}

Value Elaborator::draw(const TypedExpr& e, const Environment& at) {
  auto found = draws_.find(&e);
  if (found == draws_.end()) {
    Tensor t;
    t.name = fmt::format("noise.{}", draws_.size() + 1);
    t.kind = TensorKind::noise;
    t.batched = true;
    t.init.kind = e.function == FunctionId::normal    ? Init::Kind::normal
                  : e.function == FunctionId::uniform ? Init::Kind::uniform
                                                      : Init::Kind::sample;
    t.init.b = 1;
    for (const AxisRef& axis : e.axes) {
      t.axes.push_back(axis.kind == AxisRef::Kind::bundle
                           ? bundle(*role(axis.role), axis.bundle, at.now, at.now).axes[0]
                           : at.part->axes.at(axis.name));
      t.dims.push_back(t.axes.back().extent);
    }
    found = draws_.emplace(&e, static_cast<int>(p_.tensors.size())).first;
    p_.tensors.push_back(std::move(t));
  }
  return tensor_at(found->second, at.now);
}

}  // namespace eligo::compiler
