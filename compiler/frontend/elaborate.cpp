#include "compiler/frontend/elaborate.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "compiler/frontend/per_step.h"
#include "dsl/file.h"
#include "dsl/names.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Expr;
using dsl::ExprKind;
using dsl::ItemKind;
using dsl::TimeBase;

void Elaborator::fail(Code code, const Expr& at, const Scope& scope, const std::string& message,
                      const std::string& help) {
  parts_.fail(code, *scope.part, at.span, message, help);
}

// Names are replaced by their equations, whose number may double with each: w[t] = v[t]*v[t], v[t] = u[t]*u[t], ….
void Elaborator::count(const Expr& e, const Scope& scope) {
  constexpr std::int64_t most = 2'000'000;
  if (++evaluated_ <= most) return;
  fail(Code::E0601, e, scope,
       fmt::format("with names replaced by their equations this comes to more than {} expressions", most),
       "have fewer equations read the same others several times");
}

Value Elaborator::evaluate(const Expr& e, const Scope& scope) {
  count(e, scope);
  const Origin before = p_.graph.origin;
  p_.graph.origin = {scope.part->ref.source, e.span};
  try {
    Value v = evaluate_kind(e, scope);
    p_.graph.origin = before;
    return v;
  } catch (const ShapeError& error) {
    fail(Code::E0601, e, scope, error.what(), error.help);
  }
}

Value Elaborator::evaluate_kind(const Expr& e, const Scope& scope) {
  switch (e.kind) {
    case ExprKind::number: return v_.number(e.number);
    case ExprKind::name: return scope.explicit_form ? index(e, scope) : name(e.name, std::nullopt, e, scope);
    case ExprKind::member:
    case ExprKind::index: return index(e, scope);
    case ExprKind::call: return call(e, scope);
    case ExprKind::negate: return v_.scale(evaluate(*e.args[0], scope), -1);
    case ExprKind::add: return v_.add(evaluate(*e.args[0], scope), evaluate(*e.args[1], scope));
    case ExprKind::subtract: return v_.add(evaluate(*e.args[0], scope), evaluate(*e.args[1], scope), -1);
    case ExprKind::multiply:
    case ExprKind::divide: return product(e, scope);
    case ExprKind::power: {
      const Expr* exponent = e.args[1].get();
      if (exponent->kind == ExprKind::number && exponent->number == 0.5) return root(*e.args[0], scope);
      const Value base = evaluate(*e.args[0], scope);
      if (exponent->kind == ExprKind::number) {
        if (exponent->number == 1) return base;
        if (exponent->number == 2) return v_.map(Op::square, {base});
      }
      return v_.map(Op::pow, {base, evaluate(*exponent, scope)});
    }
    case ExprKind::compare: {
      if (const auto places = compared_places(e, scope)) {
        return leads_to(*places->first, *places->second, e.name == "==", scope);
      }
      return v_.map(operation_of_infix(e.name)->op, {evaluate(*e.args[0], scope), evaluate(*e.args[1], scope)});
    }
    case ExprKind::contract: return v_.contract(evaluate(*e.args[0], scope), evaluate(*e.args[1], scope));
    case ExprKind::derivative: return derivative(e, scope);
    case ExprKind::before: return before_sequence(e, scope);
  }
  fail(Code::E0605, e, scope, "this expression cannot be run");
}

// A maximal product: in the explicit form, a letter of two or more factors that is not on the left is summed here.
Value Elaborator::product(const Expr& e, const Scope& scope) {
  std::vector<std::pair<const Expr*, bool>> factors;  // and whether it divides
  std::function<void(const Expr&, bool)> flatten = [&](const Expr& x, bool divides) {
    if (x.kind == ExprKind::multiply || x.kind == ExprKind::divide) {
      flatten(*x.args[0], divides);
      flatten(*x.args[1], divides != (x.kind == ExprKind::divide));
    } else {
      factors.emplace_back(&x, divides);
    }
  };
  flatten(e, false);
  Scope inner = scope;
  std::set<std::string> summed;
  if (scope.explicit_form) {
    std::map<std::string, int> count;
    for (auto& [f, divides] : factors)
      for (const std::string& letter : letters(*f, scope)) ++count[letter];
    for (auto& [letter, n] : count)
      if (n >= 2 && !scope.keep.contains(letter)) {
        summed.insert(letter);
        inner.keep.insert(letter);
      }
  }
  std::optional<Value> result;
  for (auto& [f, divides] : factors) {
    Value x = evaluate(*f, inner);
    if (divides) {
      const bool constant =
          x.axes.empty() && x.blocks.size() == 1 && x.blocks.begin()->second->kind == NodeKind::constant;
      if (scope.samples && !constant) x = scope.samples->divisor(x);
      if (constant) x = v_.number(1 / x.blocks.begin()->second->number);
      else x = v_.map(Op::recip, {x});
    }
    result = result ? v_.multiply(*result, x) : x;
  }
  return summed.empty() ? *result : v_.reduce_sum(*result, {summed.begin(), summed.end()});
}

// Null for `k` outside of a block, where it is a letter like others.
std::optional<TimeRef> Elaborator::resolve(dsl::TimeIndex word, const Scope& scope) {
  if (scope.here && word.base == *scope.here) return scope.now.shifted(word.offset);
  switch (word.base) {
    case TimeBase::t: return scope.block ? TimeRef{When::now, word.offset} : scope.now.shifted(word.offset);
    case TimeBase::start: return TimeRef{When::start, word.offset};
    case TimeBase::end: return TimeRef{When::end, word.offset};
    case TimeBase::last: return TimeRef{When::last, word.offset};
    default: return scope.block ? std::optional(scope.now.shifted(word.offset)) : std::nullopt;
  }
}

std::optional<TimeRef> Elaborator::resolve_time(const Expr& e, const Scope& scope) {
  const auto word = dsl::as_time_index(e);
  return word ? resolve(*word, scope) : std::nullopt;
}

// A chain of brackets: the first may be time, the next the explicit indices.
Value Elaborator::index(const Expr& e, const Scope& scope) {
  std::vector<const Expr*> brackets;
  const Expr* base = &e;
  while (base->kind == ExprKind::index) {
    brackets.insert(brackets.begin(), base);
    base = base->args[0].get();
  }
  std::optional<TimeRef> at;
  std::size_t next = 0;
  if (!brackets.empty() && brackets[0]->args.size() == 2) {
    const Part& part = *scope.part;
    const bool varies = part.ref.item->kind == ItemKind::cell || part.ref.item->kind == ItemKind::rule;
    if (varies && (at = resolve_time(*brackets[0]->args[1], scope))) next = 1;
    const auto word = dsl::as_time_index(*brackets[0]->args[1]);
    if (scope.block && word && word->base == TimeBase::k && !varies_along_k(*base, *scope.block))
      fail(Code::E0605, e, scope, "this does not vary along k; as the letter of an axis, k is taken by the block",
           "take another letter");
  }
  Scope plain = scope;  // what is indexed behind it has all its axes: softmax(z[t])[j]
  if (next < brackets.size() && base->kind != ExprKind::name && base->kind != ExprKind::member) {
    plain.explicit_form = false;
    plain.keep.clear();
  }
  Value value = timed(*base, at, plain);
  if (next < brackets.size()) {
    std::vector<dsl::ExprPtr> indices(brackets[next]->args.begin() + 1, brackets[next]->args.end());
    value = explicit_index(value, indices, e, scope);
    if (next + 1 < brackets.size()) fail(Code::E0601, e, scope, "more brackets than the value has");
  } else if (scope.explicit_form && !value.axes.empty()) {  // an axis name serves as its own index
    std::vector<std::string> names;
    for (const Axis& a : value.axes) names.push_back(a.shown);
    value = v_.rename(value, names);
  } else {
    return value;
  }
  std::vector<std::string> gone;
  for (const Axis& a : value.axes)
    if (!scope.keep.contains(a.key)) gone.push_back(a.key);
  return gone.empty() ? value : v_.reduce_sum(value, gone);
}

Value Elaborator::explicit_index(const Value& value, const std::vector<dsl::ExprPtr>& indices, const Expr& at,
                                 const Scope& scope) {
  if (indices.size() != value.axes.size())
    fail(Code::E0601, at, scope,
         fmt::format("{} indices for {}", indices.size(), value.axes.empty() ? "a number" : fmt::format("the axes {}", describe(value.axes))));
  Value v = v_.form(value);
  std::vector<std::string> names;
  int axis = 0;
  for (const auto& i : indices) {
    if (i->kind == ExprKind::number) {
      if (i->number != std::floor(i->number))
        fail(Code::E0601, *i, scope, fmt::format("the index {} is no whole number", i->number));
      if (i->number < 0 || i->number >= static_cast<double>(v.axes[axis].extent))
        fail(Code::E0601, *i, scope, fmt::format("the index {} is outside 0..{}", i->number, v.axes[axis].extent - 1));
      const auto position = static_cast<Extent>(i->number);
      v = v_.member(v, axis, position);
      continue;
    }
    if (i->kind == ExprKind::index) {  // through a wiring
      Scope free = scope;
      for (const std::string& letter : letters(*i, scope)) free.keep.insert(letter);
      const Value wiring = index(*i, free);
      v = v_.gather(v, axis, wiring);
      for (const Axis& a : wiring.axes) names.push_back(a.key);
      axis += static_cast<int>(wiring.axes.size());
      continue;
    }
    if (i->kind != ExprKind::name) fail(Code::E0601, *i, scope, "an index is a letter, a number or a wiring");
    bool picked = false;
    for (const auto& [enum_name, members] : scope.part->enums) {
      const auto m = std::find(members.begin(), members.end(), i->name);
      if (m == members.end() || v.axes[axis].key != scope.part->role + "." + enum_name) continue;
      v = v_.member(v, axis, m - members.begin());
      picked = true;
    }
    if (picked) continue;
    names.push_back(i->name);
    ++axis;
  }
  return v_.rename(v, names);
}

std::set<std::string> Elaborator::letters(const Expr& e, const Scope& scope) {
  std::set<std::string> found;
  std::function<void(const Expr&)> walk = [&](const Expr& x) {
    if (x.kind == ExprKind::index) {
      const auto word = x.args.size() == 2 ? dsl::as_time_index(*x.args[1]) : std::nullopt;
      const bool is_time = word && (word->base != TimeBase::k || scope.block);  // elsewhere k is a letter like others
      if (is_time) walk(*x.args[0]);  // brackets of indices name the letters themselves
      for (std::size_t i = 1; !is_time && i < x.args.size(); ++i) {
        if (x.args[i]->kind == ExprKind::name) found.insert(x.args[i]->name);
        else walk(*x.args[i]);
      }
      return;
    }
    if (x.kind == ExprKind::name) {  // without brackets, its axes are its letters
      if (auto t = scope.part->tensors.find(x.name); t != scope.part->tensors.end())
        for (const Axis& a : p_.tensors[t->second].axes) found.insert(a.shown);
      return;
    }
    if (const auto places = compared_places(x, scope)) {
      walk(*places->first);
      found.insert(places->second->name);
      return;
    }
    if (x.kind == ExprKind::call) {
      std::set<std::string> inner;
      for (const auto& a : x.args) {
        const auto l = letters(*a, scope);
        inner.insert(l.begin(), l.end());
      }
      const bool reduces = x.name != "softmax";
      for (const std::string& l : inner)
        if (!(reduces && std::find(x.axes.begin(), x.axes.end(), l) != x.axes.end())) found.insert(l);
      return;
    }
    for (const auto& a : x.args) walk(*a);
  };
  walk(e);
  for (const auto& [enum_name, members] : scope.part->enums)
    for (const std::string& m : members) found.erase(m);
  return found;
}

Value Elaborator::tensor_at(int tensor, TimeRef at) {
  const Tensor& t = p_.tensors[tensor];
  return v_.tensor(p_.leaf(tensor, at), t.axes);
}

Value Elaborator::flag(Flag which, TimeRef at) { return tensor_at(p_.find(which), at); }

Value Elaborator::elsewhere(const Value& flag) { return v_.map(Op::mask, {v_.add(v_.number(1), flag, -1)}); }

// The value of a base without brackets: a name, or a member of a role or of an enumerated axis.
Value Elaborator::timed(const Expr& base, std::optional<TimeRef> at, const Scope& scope) {
  if (base.kind == ExprKind::name) return name(base.name, at, base, scope);
  if (base.kind != ExprKind::member) {
    const Value v = evaluate(base, scope);
    if (at) fail(Code::E0601, base, scope, "a time index belongs to a name");
    return v;
  }
  const Expr& owner = *base.args[0];
  if (owner.kind == ExprKind::name && scope.part == rule)
    if (Part* part = parts_.find(owner.name); part && !owner.name.empty())
      return role_member(*part, base.name, at, scope.now, base);
  Value v = timed(owner, at, scope);
  for (std::size_t i = 0; i < v.axes.size(); ++i)
    for (const auto& [enum_name, members] : scope.part->enums) {
      const auto m = std::find(members.begin(), members.end(), base.name);
      if (m != members.end() && v.axes[i].key == scope.part->role + "." + enum_name)
        return v_.member(v, static_cast<int>(i), m - members.begin());
    }
  fail(Code::E0602, base, scope, fmt::format("no axis of {} has a member {}", describe(v.axes), base.name));
}

Value Elaborator::bundle(Part& part, const std::string& which, std::optional<TimeRef> at, TimeRef now,
                         const Expr& at_expr) {
  std::vector<int> tensors;
  const auto& names = which == "state" ? part.states : which == "input" ? part.inputs : part.params;
  for (const std::string& n : names) tensors.push_back(part.tensors.at(n));
  const bool timed_bundle = which != "params";
  if (timed_bundle && !at)
    parts_.fail(Code::E0601, *rule, at_expr.span,
                fmt::format("{}.{} varies in time: say at which step", part.role, which), "write [t] behind it");
  std::string shown = part.role + "." + which;
  for (const dsl::Statement& s : rule->ref.item->statements)
    for (const dsl::LetBinding& l : s.lets)
      if (l.value->kind == ExprKind::member && l.value->name == which && l.value->args[0]->kind == ExprKind::name &&
          l.value->args[0]->name == part.role)
        shown = l.name;
  Axis axis = parts_.bundle_axis(part.role + "." + which, shown, tensors);
  std::vector<Ref> leaves;
  for (int t : tensors) {
    if (p_.tensors[t].per_step) set_step(axis, now);
    leaves.push_back(p_.leaf(t, timed_bundle ? *at : p_.tensors[t].per_step ? now : TimeRef{}));
  }
  return Values::bundle(axis, leaves);
}

Value Elaborator::role_member(Part& part, const std::string& m, std::optional<TimeRef> at, TimeRef now,
                              const Expr& at_expr) {
  if (m == "state" || m == "input" || m == "params") return bundle(part, m, at, now, at_expr);
  const ItemKind kind = part.ref.item->kind;
  std::string local = m;
  if (m == "output" && !part.tensors.contains("output")) {
    if (part.output)
      local = part.output->has_equation ? part.output->name
              : part.output->value      ? part.output->value->name
                                        : part.output->name;
    else if (!part.states.empty()) local = part.states[0];
  }
  if (m == "target" && !part.targets.empty()) local = part.targets[0];
  if (m == "loss" && part.tensors.contains("loss")) local = "loss";
  if ((kind == ItemKind::cell || kind == ItemKind::readout) && part.equations.contains(local)) field(part, local);
  const auto t = part.tensors.find(local);
  if (t == part.tensors.end()) {
    std::vector<std::string> names = {"state", "input", "params", "output"};
    for (const auto& [n, number] : part.tensors) names.push_back(n);
    const std::string near = dsl::nearest(m, names);
    parts_.fail(Code::E0602, *rule, at_expr.span, fmt::format("{} ({}) has no {}", part.role, part.ref.item->name, m),
                near.empty() ? "" : fmt::format("did you mean {}.{}?", part.role, near));
  }
  const Tensor& info = p_.tensors[t->second];
  if (info.per_step) return slot_at(t->second, at.value_or(now), at_expr);
  if (!info.timed()) return tensor_at(t->second, {});
  if (!at)
    parts_.fail(Code::E0601, *rule, at_expr.span, fmt::format("{}.{} varies in time: say at which step", part.role, m),
                "write [t] behind it");
  const Value value = tensor_at(t->second, *at);
  return info.masked ? value : v_.multiply(flag(Flag::valid, *at), value);
}

Value Elaborator::name(const std::string& n, std::optional<TimeRef> at, const Expr& at_expr, const Scope& scope) {
  Part& part = *scope.part;
  if (scope.samples)
    if (auto value = scope.samples->name(n, scope)) return *value;
  if (auto b = scope.bound.find(n); b != scope.bound.end()) return b->second;
  if (auto o = scope.overrides.find(n); o != scope.overrides.end()) return o->second;
  if (scope.block)
    if (auto value = block_name(n, at, at_expr, scope)) return *value;
  if (n == "t" || n == "T") return flag(n == "t" ? Flag::time : Flag::steps, scope.block && n == "t" ? *resolve({TimeBase::t, 0}, scope) : scope.now);
  const ItemKind kind = part.ref.item->kind;
  const TimeRef when = at.value_or(scope.now);

  if (kind == ItemKind::rule) {
    if (n.ends_with("[start]")) return given_start(n, when, at_expr);
    for (const dsl::Statement& s : part.ref.item->statements)
      for (const dsl::LetBinding& l : s.lets)
        if (l.name == n) return timed(*l.value, at, scope);
    if (auto h = header_numbers.find(n); h != header_numbers.end())
      return h->second < 0 ? flag(Flag::steps, when) : v_.number(h->second);
    if (Part* role = parts_.find(n); role && !n.empty()) {
      if (role->ref.item->kind == ItemKind::readout) return role_member(*role, "loss", at, scope.now, at_expr);
      fail(Code::E0602, at_expr, scope, fmt::format("{} is a {}, not a value", n, role->ref.item->name));
    }
    if (part.equations.contains(n)) return rule_name(n, when, at_expr);
  } else if (part.equations.contains(n)) {
    if (scope.function) {
      const auto past = scope.before.find(n);
      if (past != scope.before.end() && when.offset < scope.now.offset) return past->second;
    } else if (kind == ItemKind::cell || kind == ItemKind::readout) {
      const bool is_state = std::find(part.states.begin(), part.states.end(), n) != part.states.end();
      const int f = is_state ? part.tensors.at(n) : field(part, n);
      if (when.offset < scope.now.offset && p_.tensors[f].kind != TensorKind::state)
        fail(Code::E0604, at_expr, scope, fmt::format("{} is no state, so its past is not kept", n),
             fmt::format("declare it: state {}[…] = 0", n));
      return tensor_at(f, when);
    }
    return right_side(*part.equations.at(n), scope);  // synthesisers and optimisers: functions of one moment
  }
  if (auto t = part.tensors.find(n); t != part.tensors.end()) {
    if (p_.tensors[t->second].per_step) return slot_at(t->second, at.value_or(scope.step.value_or(scope.now)), at_expr);
    return tensor_at(t->second, p_.tensors[t->second].timed() ? when : TimeRef{});
  }
  if (auto a = part.axes.find(n); a != part.axes.end()) return v_.number(static_cast<double>(a->second.extent));

  std::vector<std::string> names;
  for (const auto& [x, s] : part.equations) names.push_back(x);
  for (const auto& [x, tensor] : part.tensors) names.push_back(x);
  const std::string near = dsl::nearest(n, names);
  fail(Code::E0602, at_expr, scope, fmt::format("{} is not known here", n),
       near.empty() ? "" : fmt::format("did you mean {}?", near));
}

Value Elaborator::right_side(const dsl::Statement& s, const Scope& outer) {
  Scope scope = outer;
  scope.explicit_form = false;
  scope.keep.clear();
  if (s.indices.empty()) return evaluate(*s.value, scope);
  scope.explicit_form = true;
  std::vector<std::string> left;
  for (const auto& i : s.indices) left.push_back(i->name);
  scope.keep.insert(left.begin(), left.end());
  Value v = v_.form(evaluate(*s.value, scope));
  std::vector<Axis> order;
  for (std::size_t i = 0; i < left.size(); ++i) {
    auto have = std::find_if(v.axes.begin(), v.axes.end(), [&](const Axis& a) { return a.key == left[i]; });
    if (have != v.axes.end()) {
      order.push_back(*have);
    } else if (auto a = scope.part->axes.find(left[i]); a != scope.part->axes.end()) {
      order.push_back(a->second);
      order.back().key = order.back().shown = left[i];
    } else {
      fail(Code::E0601, *s.indices[i], scope, fmt::format("the index {} does not occur on the right", left[i]));
    }
  }
  v = v_.reorder(v, order);
  // Back to the file's axes: the declared ones of the name, or those that the letters ranged over.
  std::vector<Axis> declared;
  if (auto t = scope.part->tensors.find(s.name); t != scope.part->tensors.end()) declared = p_.tensors[t->second].axes;
  for (std::size_t i = 0; i < v.axes.size(); ++i) {
    if (declared.size() == v.axes.size()) {
      if (declared[i].extent != v.axes[i].extent)
        fail(Code::E0601, *s.indices[i], scope,
             fmt::format("the index {} ranges over {} values, but {} is declared with {}", left[i], v.axes[i].extent,
                         s.name, declared[i].extent));
      v.axes[i] = declared[i];
    } else if (auto a = scope.part->axes.find(left[i]);
               a != scope.part->axes.end() && a->second.extent == v.axes[i].extent && !v.axes[i].bundle) {
      v.axes[i] = a->second;
    } else if (!v.axes[i].from_key.empty()) {
      v.axes[i].key = v.axes[i].from_key;
      v.axes[i].shown = v.axes[i].from_shown;
      v.axes[i].from_key.clear();
    }
  }
  return v;
}

int Elaborator::field(Part& part, const std::string& n) {
  const bool is_state = std::find(part.states.begin(), part.states.end(), n) != part.states.end();
  if (auto t = part.tensors.find(n); t != part.tensors.end() && (!is_state || p_.definitions.contains(t->second)))
    return t->second;
  const std::string key = part.role + "." + n;
  if (is_state && in_progress_.contains(key)) return part.tensors.at(n);
  const dsl::Statement& s = *part.equations.at(n);
  if (!in_progress_.insert(key).second)
    parts_.fail(Code::E0601, part, s.span, fmt::format("{} reads itself within one step", n));
  Scope scope;
  scope.part = &part;
  if (auto b = bound_inputs.find(part.role); b != bound_inputs.end()) scope.bound = b->second;
  Value v = v_.form(right_side(s, scope));
  int tensor;
  if (is_state) {
    tensor = part.tensors.at(n);
    try {
      v = v_.reorder(v, p_.tensors[tensor].axes);
    } catch (const ShapeError&) {}
    bool fits = v.axes.size() == p_.tensors[tensor].axes.size();
    for (std::size_t i = 0; fits && i < v.axes.size(); ++i) fits = v.axes[i].key == p_.tensors[tensor].axes[i].key;
    if (!fits)
      parts_.fail(Code::E0601, part, s.span,
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

Value Elaborator::rule_name(const std::string& n, TimeRef at, const Expr& at_expr) {
  const auto info = time->names.find(n);
  const bool recurrent = info != time->names.end() && info->second.direction != dsl::Direction::none;
  const bool record = rule->equations.at(n)->record;
  if (!recurrent && !record) return with_boundaries(n, at);
  if (!rule->tensors.contains(n)) {
    const TensorKind kind = record                                              ? TensorKind::record
                            : info->second.direction == dsl::Direction::forward ? TensorKind::forward
                                                                                : TensorKind::backward;
    const std::vector<Axis> axes = recurrence_axes(n, at_expr);
    if (!rule->tensors.contains(n)) {
      const int tensor = parts_.declare_equation(*rule, n, kind, axes);
      p_.tensors[tensor].batch_wide = is_batch_wide(n);
      p_.tensors[tensor].at_start = info != time->names.end() && info->second.holds_at_start;
    }
  }
  const int tensor = rule->tensors.at(n);
  // A recurrence is kept block by block as one flat tensor; its value here is that tensor cut into blocks again.
  return tensor_at(tensor, at);
}

// Like a draw that only the start has: zero at every step.
Value Elaborator::given_start(const std::string& n, TimeRef at, const Expr& at_expr) {
  if (!rule->tensors.contains(n)) {
    const std::string base = n.substr(0, n.size() - std::string("[start]").size());
    const int tensor = parts_.declare_equation(*rule, n, TensorKind::noise, recurrence_axes(base, at_expr));
    p_.tensors[tensor].given_as = n;
    p_.tensors[tensor].masked = false;  // read behind the flag of the start
  }
  return tensor_at(rule->tensors.at(n), at);
}

Value Elaborator::with_boundaries(const std::string& n, TimeRef at) {
  Scope scope;
  scope.part = rule;
  scope.now = at;
  const std::string key = n + "@" + to_string(at) + (batch_wide_ ? " for all" : "");
  if (const auto found = values_.find(key); found != values_.end()) return found->second;
  if (!in_progress_.insert(n + "@" + to_string(at)).second)
    parts_.fail(Code::E0601, *rule, rule->equations.at(n)->span, fmt::format("{} reads itself at the same step", n));
  const dsl::Statement& general = *rule->equations.at(n);
  const bool outside = batch_wide_;
  const bool whole_batch = batch_wide_ = batch_wide_ || is_batch_wide(n);
  Value value = right_side(general, scope);
  const bool timeless = !general.time.has_value();
  if (auto found = rule->boundaries.find(n); found != rule->boundaries.end()) {
    // Where both hold, `last` goes before `end`: it is applied after it.
    for (TimeBase base : {TimeBase::start, TimeBase::end, TimeBase::last}) {
      auto b = found->second.find(base);
      if (b == found->second.end()) continue;
      if (whole_batch && base == TimeBase::last)
        parts_.fail(Code::E0601, *rule, b->second->span,
                    fmt::format("{} is the same for all examples, so it has no `last`", n), "write [end]");
      const Value is = whole_batch && base == TimeBase::end ? window_end(at)
                       : flag(base == TimeBase::start ? Flag::first : base == TimeBase::end ? Flag::end : Flag::last, at);
      // A mask, because the general equation may divide by what is not there at a boundary. What holds at the start is
      // masked below, so where it is not the start it is a step of the example.
      const bool start = base == TimeBase::start && !whole_batch;
      const Value is_not = start ? flag(Flag::valid, at) : elsewhere(is);
      Scope inner = scope;
      inner.here = base;
      const Value boundary = right_side(*b->second, inner);
      value = v_.multiply(is_not, value);
      const bool zero =
          boundary.axes.empty() && boundary.blocks.size() == 1 && boundary.blocks.begin()->second->is_zero();
      if (!zero) value = v_.add(value, v_.multiply(is, boundary));
    }
  }
  in_progress_.erase(n + "@" + to_string(at));
  batch_wide_ = outside;
  if (timeless || whole_batch) return values_[key] = value;
  const auto info = time->names.find(n);
  const bool at_start = info != time->names.end() && info->second.holds_at_start;
  const Origin before = p_.graph.origin;
  p_.graph.origin = {rule->ref.source, general.span};
  Value masked = v_.multiply(flag(at_start ? Flag::exists : Flag::valid, at), value);
  p_.graph.origin = before;
  return values_[key] = masked;
}

}  // namespace eligo::compiler
