// Calls, functions, derivatives and draws, and the axes of recurrences.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "compiler/frontend/elaborate.h"
#include "dsl/names.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Expr;
using dsl::ExprKind;
using dsl::ItemKind;
using dsl::TimeBase;

Value Elaborator::call(const Expr& e, const Scope& scope) {
  Part* part = scope.part == rule && !e.name.empty() ? parts_.find(e.name) : nullptr;
  if (!part && scope.part == rule && bind_role) {
    bind_role(e.name);
    part = parts_.find(e.name);
  }
  if (!part) return function(e, scope);
  std::vector<Value> args;
  for (const auto& a : e.args) args.push_back(v_.form(evaluate(*a, scope)));
  switch (part->ref.item->kind) {
    case ItemKind::synth: return call_part(*part, e, args, scope);
    case ItemKind::cell: return call_cell(*part, e, args, scope);
    case ItemKind::readout: return call_readout(*part, e, args, scope);
    default: fail(Code::E0602, e, scope, fmt::format("{} cannot be called", e.name));
  }
}

void Elaborator::bind_axes(Part& part, const Expr& at, std::vector<Value>& args) {
  auto wrong = [&](const std::string& message) {
    parts_.fail(Code::E0601, *rule, at.span, message,
                fmt::format("{} is called with its inputs in declared order", part.ref.item->name));
  };
  std::size_t next = 0;
  for (const dsl::Statement& s : part.ref.item->statements) {
    if (s.kind != dsl::StatementKind::input) continue;
    for (const dsl::Declaration& d : s.decls) {
      if (next >= args.size()) wrong(fmt::format("{} needs its input {}", part.ref.item->name, d.name));
      Value& arg = args[next++];
      if (d.axes.size() == 1 && arg.axes.size() > 1) arg = one_axis(arg, part.role + "." + d.axes[0], d.axes[0]);
      const std::vector<Axis>& axes = arg.axes;
      if (d.axes.size() != axes.size())
        wrong(fmt::format("the input {} has {} axes, what is given has {}", d.name, d.axes.size(), describe(arg.axes)));
      for (std::size_t i = 0; i < axes.size(); ++i) {
        auto [known, fresh] = part.axes.emplace(d.axes[i], axes[i]);
        if (!fresh && known->second.key != axes[i].key)
          wrong(fmt::format("the axis {} of {} is bound to {} and to {}", d.axes[i], part.ref.item->name,
                            known->second.shown, axes[i].shown));
      }
    }
  }
  if (next != args.size())
    wrong(fmt::format("{} takes {} inputs, {} are given", part.ref.item->name, next, args.size()));
}

// What varies in the arguments says in which stretch of time the result exists: the flags of the latest step that they
// read. What they read of steps before that one is zero where it did not exist, as in every equation.
Value Elaborator::masked_by(const std::vector<Value>& args, Value value) {
  std::set<std::pair<TimeRef, Flag>> masks;
  for (const Value& arg : args)
    for (const auto& [key, block] : arg.blocks)
      for (Ref node : postorder({block})) {
        if (node->kind != NodeKind::leaf || node->time.base == When::always) continue;
        const TensorKind kind = p_.tensors[node->tensor].kind;
        if (kind == TensorKind::flag || !p_.tensors[node->tensor].timed()) continue;
        masks.insert({node->time, kind == TensorKind::state ? Flag::exists : Flag::valid});
      }
  for (const auto& [step, mask] : masks) {
    const TimeRef at = step;  // C++20's structured bindings are not captured by all compilers
    const bool covered = mask == Flag::exists && masks.contains({at, Flag::valid});
    const bool earlier = std::any_of(masks.begin(), masks.end(), [at](const auto& other) {
      return other.first.base == at.base && other.first.offset > at.offset;
    });
    if (!covered && !earlier) value = v_.multiply(flag(mask, at), value);
  }
  return value;
}

// Several plain axes taken as one, row-major.
Value Elaborator::one_axis(const Value& value, const std::string& key, const std::string& shown) {
  const Value formed = v_.form(value);
  auto bundle = std::make_shared<Bundle>();
  Bundle::Member member;
  member.name = key;
  for (const Axis& axis : formed.axes) {
    if (axis.bundle) throw ShapeError("a bundle and other axes cannot be taken as one axis");
    member.dims.push_back(axis.extent);
    member.size *= axis.extent;
  }
  member.axes = formed.axes;
  bundle->members.push_back(member);
  Value v;
  v.axes = {Axis{key, shown, member.size, bundle}};
  for (const auto& [k, block] : formed.blocks) v.blocks[{0}] = block;
  return v;
}

// The latest step that an expression names: the one through whose equations it is followed back.
static std::optional<dsl::TimeIndex> named_time(const Expr& e) {
  std::optional<dsl::TimeIndex> latest;
  if (e.kind == ExprKind::index && e.args.size() == 2) latest = dsl::as_time_index(*e.args[1]);
  if (latest) return latest;
  for (const auto& a : e.args)
    if (const auto inner = named_time(*a); inner && (!latest || inner->offset > latest->offset)) latest = inner;
  return latest;
}

// The step of a call: the latest that its arguments name, where any step is later than the start and before the end.
static std::optional<dsl::TimeIndex> latest_time(const Expr& e) {
  const auto order = [](dsl::TimeIndex t) {
    const int base = t.base == TimeBase::start ? 0 : t.base == TimeBase::end ? 2 : t.base == TimeBase::last ? 3 : 1;
    return std::pair(base, t.offset);
  };
  std::optional<dsl::TimeIndex> latest;
  if (e.kind == ExprKind::index && e.args.size() == 2) latest = dsl::as_time_index(*e.args[1]);
  if (latest) return latest;
  for (const auto& a : e.args)
    if (const auto inner = latest_time(*a); inner && (!latest || order(*inner) > order(*latest))) latest = inner;
  return latest;
}

TimeRef Elaborator::step_of_call(const Expr& e, const Scope& scope) const {
  const auto at = latest_time(e);
  return (at ? resolve(*at, scope) : std::nullopt).value_or(scope.now);
}

Value Elaborator::call_part(Part& part, const Expr& e, std::vector<Value> args, const Scope& outer) {
  bind_axes(part, e, args);
  Scope scope;
  scope.part = &part;
  scope.now = outer.now;
  scope.step = step_of_call(e, outer);
  std::size_t next = 0;
  for (const std::string& input : part.inputs) scope.bound[input] = args[next++];
  if (!e.overrides.empty()) scope.overrides = override_parameters(part, e, outer);
  const dsl::Statement* output = part.output;
  if (!output) fail(Code::E0602, e, outer, fmt::format("{} has no output", part.ref.item->name));
  Value value = output->has_equation
                    ? right_side(*output, scope)
                    : right_side(*part.equations.at(output->value ? output->value->name : output->name), scope);
  // Before the first step there are no parameters of a step, so a call has nothing to predict with.
  for (const auto& [name, tensor] : part.tensors)
    if (p_.tensors[tensor].per_step) {
      value = v_.multiply(flag(Flag::valid, *scope.step), value);
      break;
    }
  return masked_by(args, std::move(value));
}

std::string Elaborator::axis_key(const std::string& n, const Value& a, const Expr& at, const Scope& scope) {
  for (const Axis& axis : a.axes)
    if (axis.key == n) return n;  // an index letter
  if (auto axis = scope.part->axes.find(n); axis != scope.part->axes.end()) return axis->second.key;
  for (const Axis& axis : a.axes)
    if (axis.shown == n) return axis.key;
  fail(Code::E0602, at, scope, fmt::format("{} is not an axis of {}", n, describe(a.axes)));
}

Value Elaborator::reduction(const Expr& e, const Value& a, const std::vector<std::string>& keys) {
  double count = 1;
  for (const Axis& axis : a.axes)
    if (std::find(keys.begin(), keys.end(), axis.key) != keys.end()) count *= static_cast<double>(axis.extent);
  if (e.name == "sum") return v_.reduce_sum(a, keys);
  if (e.name == "mean") return v_.scale(v_.reduce_sum(a, keys), 1 / count);
  if (e.name == "max") return v_.reduce_max(a, keys);
  if (e.name == "min") return v_.scale(v_.reduce_max(v_.scale(a, -1), keys), -1);
  if (e.name == "norm2") return v_.reduce_sum(v_.map(Op::square, {a}), keys);
  Value top = v_.stop(v_.reduce_max(a, keys));
  if (e.name == "logsumexp") {  // of an infinite maximum it is that
    const Value finite = v_.map(Op::lt, {v_.map(Op::abs, {top}), v_.number(std::numeric_limits<double>::infinity())});
    top = v_.map(Op::select, {finite, top, v_.number(0)});
  }
  const Value shifted = v_.map(Op::exp, {v_.add(a, top, -1)});
  const Value total = v_.reduce_sum(shifted, keys);
  if (e.name == "logsumexp") return v_.add(v_.map(Op::log, {total}), top);
  return v_.multiply(shifted, v_.map(Op::recip, {total}));  // softmax
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

// What norm2 is taken of, if an expression is that.
const Expr* Elaborator::squared_norm(const Expr& e, const Scope& scope) {
  const bool plain = e.kind == ExprKind::call && e.name == "norm2" && e.args.size() == 1 && !scope.samples;
  return plain && !parts_.find(e.name) ? &e : nullptr;
}

std::vector<std::string> Elaborator::reduced_axes(const Expr& e, const Value& a, const Scope& scope) {
  std::vector<std::string> keys;
  for (const std::string& axis : e.axes) keys.push_back(axis_key(axis, a, e, scope));
  if (keys.empty())
    for (const Axis& axis : a.axes) keys.push_back(axis.key);
  return keys;
}

Value Elaborator::root(const Expr& e, const Scope& scope) {
  const Expr* of = squared_norm(e, scope);
  if (!of) return v_.map(Op::sqrt, {evaluate(e, scope)});
  Scope inner = scope;
  for (const std::string& axis : of->axes) inner.keep.insert(axis);
  const Value a = v_.form(evaluate(*of->args[0], inner));
  return norm(a, reduced_axes(*of, a, scope));
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
  const bool whole = taken.axes.size() == both.axes.size() &&
                     std::equal(taken.axes.begin(), taken.axes.end(), both.axes.begin(),
                                [](const Axis& a, const Axis& b) { return a.key == b.key; });
  return whole ? taken : both;
}

Value Elaborator::function(const Expr& e, const Scope& scope) {
  if (scope.samples)
    if (auto value = scope.samples->function(e, scope)) return *value;
  auto need = [&](std::size_t n) {
    if (e.args.size() != n)
      fail(Code::E0601, e, scope,
           fmt::format("{} takes {} argument{}, {} given", e.name, n, n == 1 ? "" : "s", e.args.size()));
  };
  if (e.name == "normal" || e.name == "uniform" || e.name == "random_sign") return draw(e, scope);
  if (e.name == "nonzero" || e.name == "reach") return pattern(e, scope);
  Scope inner = scope;
  for (const std::string& axis : e.axes) inner.keep.insert(axis);
  auto arg = [&](std::size_t i) { return evaluate(*e.args[i], inner); };
  static const std::set<std::string> reductions = {"sum", "mean", "max", "min", "softmax", "logsumexp", "norm2"};
  const Operation* pointwise = operation_of_function(e.name);
  if (pointwise && !(reductions.contains(e.name) && e.args.size() == 1)) {
    need(static_cast<std::size_t>(pointwise->arity));
    if (pointwise->op == Op::sqrt) return root(*e.args[0], inner);
    if (pointwise->op == Op::select) return choice(arg(0), arg(1), arg(2));
    std::vector<Value> args;
    for (std::size_t i = 0; i < e.args.size(); ++i) args.push_back(arg(i));
    return v_.map(pointwise->op, args);
  }
  if (reductions.contains(e.name)) {
    need(1);
    const Value a = v_.form(arg(0));
    return reduction(e, a, reduced_axes(e, a, scope));
  }
  if (e.name == "stop") {
    need(1);
    return v_.stop(arg(0));
  }
  if (e.name == "inner") {
    need(2);
    const Value product = v_.multiply(arg(0), arg(1));
    return v_.reduce_sum(product, reduced_axes(e, product, scope));
  }
  if (e.name == "unit") {
    need(1);
    const Value a = v_.form(arg(0));
    const std::vector<std::string> keys = reduced_axes(e, a, scope);
    const Scaled s = scaled(a, keys);
    const Value least = v_.scale(s.inverse, 1e-12);
    return v_.multiply(s.quotient, v_.map(Op::recip, {v_.map(Op::max, {length(s.quotient, keys), least})}));
  }
  if (e.name == "var" || e.name == "cov")
    fail(Code::E0601, e, scope, fmt::format("{} belongs to a `per neuron` block", e.name));
  fail(Code::E0602, e, scope, fmt::format("{} is not a function", e.name));
}

Value Elaborator::draw(const Expr& e, const Scope& scope) {
  auto found = noise.find(&e);
  if (found == noise.end()) {
    Tensor t;
    t.name = fmt::format("noise.{}", noise.size() + 1);
    t.kind = TensorKind::noise;
    t.batched = true;
    t.init.kind = e.name == "normal"    ? Init::Kind::normal
                  : e.name == "uniform" ? Init::Kind::uniform
                                        : Init::Kind::sample;
    t.init.b = 1;
    for (const std::string& axis : e.axes) {
      Axis a;
      bool is_bundle = false;
      if (scope.part == rule)
        for (const dsl::Statement& s : rule->ref.item->statements)
          for (const dsl::LetBinding& l : s.lets)
            if (l.name == axis) {
              const Value b = timed(*l.value, scope.now, scope);
              a = b.axes.at(0);
              is_bundle = true;
            }
      if (!is_bundle) {
        auto known = scope.part->axes.find(axis);
        if (known == scope.part->axes.end()) fail(Code::E0602, e, scope, fmt::format("{} is not an axis here", axis));
        a = known->second;
      }
      t.axes.push_back(a);
      t.dims.push_back(a.extent);
    }
    found = noise.emplace(&e, static_cast<int>(p_.tensors.size())).first;
    p_.tensors.push_back(std::move(t));
  }
  return tensor_at(found->second, scope.now);
}

TimeRef Elaborator::moment_of(const Expr& e, const Scope& scope) const {
  const auto at = named_time(e);
  return (at ? resolve(*at, scope) : std::nullopt).value_or(scope.now);
}

// What the rule itself carries from step to step.
static bool carried(const Program& p, Ref node) {
  if (node->kind != NodeKind::leaf) return false;
  const TensorKind kind = p.tensors[node->tensor].kind;
  return kind == TensorKind::forward || kind == TensorKind::backward || kind == TensorKind::record;
}

Value Elaborator::derivative(const Expr& e, const Scope& scope) {
  const Expr& a = *e.args[0];
  const Expr& b = *e.args[1];
  const Value numerator = evaluate(a, scope);
  TimeRef own = moment_of(a, scope);
  // A synthesiser is a function of its inputs: what they were made from is not followed.
  const bool function_of_inputs = scope.part->ref.item->kind == ItemKind::synth;
  if (function_of_inputs) own = {};

  // What is cut loose: a bundle's leaves, or one tensor.
  Value denominator = evaluate(b, scope);
  std::vector<Ref> cuts;
  std::vector<Axis> axes = denominator.axes;
  bool stored = false;  // a recurrence or a record, kept flat
  for (const auto& [key, block] : denominator.blocks) cuts.push_back(block);
  // One tensor, read behind its flag or with a bundle among its axes.
  while (!cuts.empty() && cuts[0]->kind == NodeKind::contract) {
    Ref inner = nullptr;
    for (const Use& use : cuts[0]->uses)
      if (use.node->kind == NodeKind::contract ||
          (use.node->kind == NodeKind::leaf && p_.tensors[use.node->tensor].kind != TensorKind::flag))
        inner = use.node;
    if (!inner) break;
    cuts = {inner};
    stored = true;
  }
  for (Ref cut : cuts) {
    const bool ok = cut->kind == NodeKind::leaf && p_.tensors[cut->tensor].kind != TensorKind::flag &&
                    p_.tensors[cut->tensor].kind != TensorKind::hyper;
    if (!ok)
      fail(Code::E0601, b, scope, "a derivative is taken by a state, an input, parameters or a field of a part",
           "write d(…)/d(s[t]), d(…)/d(s[t-1]) or d(…)/d(θ)");
    if (cut->time.base == When::always || function_of_inputs || !p_.tensors[cut->tensor].timed()) continue;
    if (cut->time != own && carried(p_, cut))
      for (const auto& [key, block] : numerator.blocks)
        for (Ref node : postorder({block}))
          if (carried(p_, node) && node->time == own)
            fail(Code::E0604, e, scope,
                 fmt::format("{} may depend on {}, but only the net's and the readout's equations are followed",
                             p_.tensors[node->tensor].name, p_.tensors[cut->tensor].name),
                 "write that derivative out: it is in the equation of the recurrence");
    if (p_.tensors[cut->tensor].kind == TensorKind::field && cut->time != own)
      fail(Code::E0604, b, scope,
           fmt::format("{} is no state: nothing of {} depends on what it was at {}", p_.tensors[cut->tensor].name,
                       to_string(own), to_string(cut->time)),
           "differentiate by a state of the step before");
    if (cut->time.base != own.base || cut->time.offset > own.offset || cut->time.offset < own.offset - 1)
      fail(Code::E0604, e, scope,
           fmt::format("d(…)/d(…) reaches from {} to {}: only one step's equations are followed", to_string(own),
                       to_string(cut->time)),
           "multiply the derivatives of the single steps");
  }
  settle_step(numerator, cuts, axes, own, e);
  const std::vector<Ref> held = held_leaves(e, scope);
  // A bundle without members, e.g. of a net without parameters; or nothing leads around what is held.
  if (cuts.empty() || (!held.empty() && !leads_around(v_.form(numerator), cuts, held, own))) {
    Value zero;
    zero.axes = numerator.axes;
    zero.axes.insert(zero.axes.end(), axes.begin(), axes.end());
    return zero;
  }
  return v_.derivative({numerator, axes, cuts, held, stored, own, {}});
}

// Whether a value depends on the cuts otherwise than through what is held. Where it does not, d(a)/d(b | c) vanishes here
// and costs nothing: most cells have nothing behind their state.
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
std::vector<Ref> Elaborator::held_leaves(const Expr& e, const Scope& scope) {
  std::vector<Ref> held;
  for (std::size_t i = 2; i < e.args.size(); ++i)
    for (const auto& [key, block] : evaluate(*e.args[i], scope).blocks) {
      const bool timed = block->kind == NodeKind::leaf && p_.tensors[block->tensor].timed() &&
                         p_.tensors[block->tensor].kind != TensorKind::flag;
      if (!timed)
        fail(Code::E0601, *e.args[i], scope, "what a derivative holds is a state, an input or a field of a part",
             "write d(…)/d(ψ | s[t])");
      held.push_back(block);
    }
  return held;
}

bool Elaborator::reads_unknown(const Expr& e, const BlockNames* block, std::set<std::string>& seen) {
  const bool local = block && e.kind == ExprKind::name && block->equations.contains(e.name);
  if (e.kind == ExprKind::name && (local || rule->equations.contains(e.name))) {
    auto info = time->names.find(e.name);
    const bool recurrent =
        local ? block->recurrent(e.name) : info != time->names.end() && info->second.direction != dsl::Direction::none;
    if (recurrent) return !(local ? block->tensors : rule->tensors).contains(e.name);
    if (!seen.insert((local ? "in block " : "") + e.name).second) return false;
    return reads_unknown(*(local ? block->equations : rule->equations).at(e.name)->value, local ? block : nullptr, seen);
  }
  for (const auto& a : e.args)
    if (reads_unknown(*a, block, seen)) return true;
  return false;
}

// Axes of an expression that may read recurrences whose axes are still being found: from the terms that do not.
std::optional<std::vector<Axis>> Elaborator::infer(const Expr& e, const Scope& scope) {
  count(e, scope);
  if (!reads_unknown(e, scope.block)) return evaluate(e, scope).axes;
  switch (e.kind) {
    case ExprKind::name: {
      const bool local = scope.block && scope.block->equations.contains(e.name);
      BlockNames* block = local ? scope.block : nullptr;
      auto info = time->names.find(e.name);
      const bool recurrent = local ? block->recurrent(e.name)
                                   : info != time->names.end() && info->second.direction != dsl::Direction::none;
      if (recurrent) {
        return known_axes(e.name, block);
      }
      const dsl::Statement& macro = *(local ? block->equations : rule->equations).at(e.name);
      Scope inner = scope;
      inner.block = block;
      if (!macro.indices.empty()) return explicit_axes(macro, inner);
      return infer(*macro.value, inner);
    }
    case ExprKind::index: return infer(*e.args[0], scope);
    case ExprKind::negate: return infer(*e.args[0], scope);
    case ExprKind::add:
    case ExprKind::subtract: {
      const auto left = infer(*e.args[0], scope), right = infer(*e.args[1], scope);
      if (left && (!right || left->size() >= right->size())) return left;
      return right;
    }
    case ExprKind::multiply:
    case ExprKind::divide: {
      const auto left = infer(*e.args[0], scope), right = infer(*e.args[1], scope);
      if (!left || !right) return std::nullopt;
      return Values::align({*left, *right});
    }
    case ExprKind::contract: {
      const auto left = infer(*e.args[0], scope), right = infer(*e.args[1], scope);
      if (!left || !right) return std::nullopt;
      for (std::size_t k = 1; k <= std::min(left->size(), right->size()); ++k) {
        bool fits = true;
        for (std::size_t i = 0; i < k; ++i) fits = fits && (*left)[left->size() - k + i].key == (*right)[i].key;
        if (!fits) continue;
        std::vector<Axis> axes(left->begin(), left->end() - static_cast<std::ptrdiff_t>(k));
        axes.insert(axes.end(), right->begin() + static_cast<std::ptrdiff_t>(k), right->end());
        return axes;
      }
      return std::nullopt;
    }
    case ExprKind::derivative: {
      auto axes = infer(*e.args[0], scope);
      if (!axes || reads_unknown(*e.args[1], scope.block)) return std::nullopt;
      const auto by = evaluate(*e.args[1], scope).axes;
      axes->insert(axes->end(), by.begin(), by.end());
      return axes;
    }
    case ExprKind::call: {
      for (const dsl::HeaderEntry& h : rule->ref.item->header)  // its arguments' axes are not its result's
        if (h.kind == dsl::HeaderEntry::Kind::role && h.role == ItemKind::synth && h.name == e.name)
          return std::nullopt;
      static const std::set<std::string> to_number = {"sum", "mean", "norm2", "inner", "logsumexp"};
      if (to_number.contains(e.name) && e.axes.empty()) return std::vector<Axis>{};
      if ((e.name == "max" || e.name == "min") && e.args.size() == 1 && e.axes.empty()) return std::vector<Axis>{};
      if (e.name == "reach") return infer(*e.args[1], scope);
      std::optional<std::vector<Axis>> widest;
      for (const auto& a : e.args)
        if (auto axes = infer(*a, scope); axes && (!widest || axes->size() > widest->size())) widest = axes;
      return widest;
    }
    default: return std::nullopt;
  }
}

// The left side's letters, each with the axis that some place in a known term gives it.
std::optional<std::vector<Axis>> Elaborator::explicit_axes(const dsl::Statement& s, const Scope& outer) {
  Scope scope = outer;
  scope.explicit_form = true;
  std::vector<std::string> left;
  for (const auto& i : s.indices) left.push_back(i->name);
  scope.keep.insert(left.begin(), left.end());
  std::map<std::string, Axis> known;
  std::function<void(const Expr&)> walk = [&](const Expr& e) {
    if (e.kind == ExprKind::index && !reads_unknown(e, scope.block)) {
      for (const Axis& a : evaluate(e, scope).axes) known.emplace(a.key, a);
      return;
    }
    for (const auto& a : e.args) walk(*a);
  };
  walk(*s.value);
  std::vector<Axis> axes;
  for (const std::string& letter : left) {
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
std::optional<std::vector<Axis>> Elaborator::known_axes(const std::string& n, BlockNames* block) {
  const std::string key = (block ? "axes in block " : "axes ") + n;
  if (!in_progress_.insert(key).second) return std::nullopt;
  Scope scope;
  scope.part = rule;
  scope.block = block;
  const dsl::Statement& s = *(block ? block->equations : rule->equations).at(n);
  const auto& boundaries = block ? block->boundaries : rule->boundaries;
  std::optional<std::vector<Axis>> axes;
  axes = s.indices.empty() ? infer(*s.value, scope) : explicit_axes(s, scope);
  if (!axes)
    if (auto b = boundaries.find(n); b != boundaries.end())
      for (const auto& [base, statement] : b->second) {
        Scope inner = scope;
        inner.here = base;
        if (!axes && statement->indices.empty()) axes = infer(*statement->value, inner);
      }
  in_progress_.erase(key);
  return axes;
}

std::vector<Axis> Elaborator::recurrence_axes(const std::string& n, const Expr& at, BlockNames* block) {
  const dsl::Statement& s = *(block ? block->equations : rule->equations).at(n);
  const auto axes = known_axes(n, block);
  if (!axes)
    parts_.fail(Code::E0601, *rule, at.span, fmt::format("the axes of {} cannot be told from its equation", n),
                "some term of the equation must not depend on the recurrence itself");
  for (const Axis& axis : *axes)
    if (axis.step) refuse_trace(n, s.span);
  return *axes;
}

}  // namespace eligo::compiler
