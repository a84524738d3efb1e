#include <algorithm>

#include <fmt/core.h>

#include "compiler/frontend/elaborator.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::PlaceIndex;
using dsl::TimeBase;
using dsl::TypedExpr;
using dsl::TypedKind;

Elaborator::Elaborator(Program& program, Parts& parts) : p_(program), parts_(parts), v_(program.graph) {
  for (const dsl::TypedBlock& lines : parts.rule().item->blocks) {
    BlockTensors& block = blocks_.emplace_back();
    block.lines = &lines;
    block.number = blocks_.size();
  }
}

void Elaborator::fail(Code code, dsl::Span span, const Environment& at, const std::string& message,
                      const std::string& help) const {
  parts_.fail(code, *at.part, span, message, help);
}

void Elaborator::fail(Code code, dsl::Span span, const std::string& message, const std::string& help) const {
  parts_.fail(code, parts_.rule(), span, message, help);
}

Environment Elaborator::environment(TimeRef now) const {
  Environment at;
  at.part = &parts_.rule();
  at.now = now;
  return at;
}

// Names are replaced by their equations, whose number may double with each: w[t] = v[t]*v[t], v[t] = u[t]*u[t], ….
void Elaborator::count(const TypedExpr& e, const Environment& at) {
  constexpr std::int64_t most = 2'000'000;
  if (++evaluated_ <= most) return;
  fail(Code::E0601, e.span, at,
       fmt::format("with names replaced by their equations this comes to more than {} expressions", most),
       "have fewer equations read the same others several times");
}

Value Elaborator::evaluate(const TypedExpr& e, const Environment& at) {
  count(e, at);
  const Origin before = p_.graph.origin;
  p_.graph.origin = {at.part->item->source, e.span};
  try {
    Value v = evaluate_kind(e, at);
    p_.graph.origin = before;
    return v;
  } catch (const ShapeError& error) {
    fail(Code::E0601, e.span, at, error.what(), error.help);
  }
}

Value Elaborator::evaluate_kind(const TypedExpr& e, const Environment& at) {
  const auto arg = [&](std::size_t i) { return evaluate(*e.args[i], at); };
  switch (e.kind) {
    case TypedKind::number: return v_.number(e.number);
    case TypedKind::step:
    case TypedKind::steps:
    case TypedKind::samples:
    case TypedKind::size:
    case TypedKind::read:
    case TypedKind::local:
    case TypedKind::revised:
    case TypedKind::bundle:
    case TypedKind::member:
    case TypedKind::loss:
    case TypedKind::given:
    case TypedKind::pick:
    case TypedKind::place: return indexed(e, at);
    case TypedKind::negate: return v_.scale(arg(0), -1);
    case TypedKind::add: {
      const auto [left, right] = operands(e, at);
      return v_.add(left, right);
    }
    case TypedKind::subtract: {
      const auto [left, right] = operands(e, at);
      return v_.add(left, right, -1);
    }
    case TypedKind::multiply:
    case TypedKind::divide: return product(e, at);
    case TypedKind::power: return power(e, at);
    case TypedKind::compare: {
      const Value left = arg(0);
      return v_.map(e.operation->op, {left, arg(1)});
    }
    case TypedKind::leads_to: return leads_to(e, at);
    case TypedKind::contract: {
      const auto [left, right] = operands(e, at);
      return v_.contract(left, right);
    }
    case TypedKind::derivative: return derivative(e, at);
    case TypedKind::before: return before_sequence(e, at);
    case TypedKind::function: return function(e, at);
    case TypedKind::draw: return draw(e, at);
    case TypedKind::call: return call(e, at);
  }
  fail(Code::E0605, e.span, at, "this expression cannot be run");
}

// The right one first. The order in which nodes are made decides the order of sums, so it must not be the C++
// compiler's choice.
std::pair<Value, Value> Elaborator::operands(const TypedExpr& e, const Environment& at) {
  Value right = evaluate(*e.args[1], at);
  Value left = evaluate(*e.args[0], at);
  return {std::move(left), std::move(right)};
}

Value Elaborator::power(const TypedExpr& e, const Environment& at) {
  const TypedExpr& exponent = *e.args[1];
  const bool number = exponent.kind == TypedKind::number;
  if (number && exponent.number == 0.5) return root(*e.args[0], at);
  const Value base = evaluate(*e.args[0], at);
  if (number && exponent.number == 1) return base;
  if (number && exponent.number == 2) return v_.map(Op::square, {base});
  return v_.map(Op::pow, {base, evaluate(exponent, at)});
}

namespace {

struct Factor {
  const TypedExpr* e;
  bool divides;
};

void flatten(const TypedExpr& e, bool divides, std::vector<Factor>& out) {
  if (e.kind != TypedKind::multiply && e.kind != TypedKind::divide) {
    out.push_back({&e, divides});
    return;
  }
  flatten(*e.args[0], divides, out);
  flatten(*e.args[1], divides != (e.kind == TypedKind::divide), out);
}

}  // namespace

// A maximal product: in the explicit form, a letter of two or more factors that is not on the left is summed here.
Value Elaborator::product(const TypedExpr& e, const Environment& at) {
  std::vector<Factor> factors;
  flatten(e, false, factors);
  Environment inner = at;
  std::set<std::string> summed;
  if (at.explicit_form) {
    std::map<std::string, int> times;
    for (const Factor& f : factors)
      for (const std::string& letter : letters(*f.e, at)) ++times[letter];
    for (const auto& [letter, n] : times)
      if (n >= 2 && !at.keep.contains(letter)) {
        summed.insert(letter);
        inner.keep.insert(letter);
      }
  }
  std::optional<Value> result;
  for (const Factor& f : factors) {
    Value x = evaluate(*f.e, inner);
    if (f.divides) {
      const bool constant =
          x.axes.empty() && x.blocks.size() == 1 && x.blocks.begin()->second->kind == NodeKind::constant;
      if (at.samples && !constant) x = at.samples->divisor(x);
      if (constant) x = v_.number(1 / x.blocks.begin()->second->number);
      else x = v_.map(Op::recip, {x});
    }
    result = result ? v_.multiply(*result, x) : x;
  }
  return summed.empty() ? *result : v_.reduce_sum(*result, {summed.begin(), summed.end()});
}

std::optional<TimeRef> Elaborator::resolve(dsl::TimeIndex word, const Environment& at) {
  if (at.here && word.base == *at.here) return at.now.shifted(word.offset);
  switch (word.base) {
    case TimeBase::t: return at.block ? TimeRef{When::now, word.offset} : at.now.shifted(word.offset);
    case TimeBase::start: return TimeRef{When::start, word.offset};
    case TimeBase::end: return TimeRef{When::end, word.offset};
    case TimeBase::last: return TimeRef{When::last, word.offset};
    default: return at.block ? std::optional(at.now.shifted(word.offset)) : std::nullopt;
  }
}

std::optional<TimeRef> Elaborator::time_of(const TypedExpr& e, const Environment& at) const {
  return e.time ? resolve(*e.time, at) : std::nullopt;
}

bool Elaborator::is_name(const TypedExpr& e) {
  switch (e.kind) {
    case TypedKind::step:
    case TypedKind::steps:
    case TypedKind::samples:
    case TypedKind::size:
    case TypedKind::read:
    case TypedKind::local:
    case TypedKind::revised:
    case TypedKind::bundle:
    case TypedKind::member:
    case TypedKind::loss:
    case TypedKind::given:
    case TypedKind::pick: return true;
    default: return false;
  }
}

// A name, or a bracket of indices.
Value Elaborator::indexed(const TypedExpr& e, const Environment& at) {
  if (e.kind == TypedKind::place) {
    const TypedExpr& base = *e.args[0];
    if (is_name(base)) return sum_over_others(at_places(name(base, at), e, at), at);
    Environment plain = at;  // what is indexed behind it has all its axes: softmax(z[t])[j]
    plain.explicit_form = false;
    plain.keep.clear();
    return sum_over_others(at_places(evaluate(base, plain), e, at), at);
  }
  const Value value = name(e, at);
  if (!at.explicit_form || value.axes.empty()) return value;
  std::vector<std::string> names;  // an axis name serves as its own index
  for (const Axis& a : value.axes) names.push_back(a.shown);
  return sum_over_others(v_.rename(value, names), at);
}

Value Elaborator::sum_over_others(Value value, const Environment& at) {
  std::vector<std::string> gone;
  for (const Axis& a : value.axes)
    if (!at.keep.contains(a.key)) gone.push_back(a.key);
  return gone.empty() ? value : v_.reduce_sum(value, gone);
}

Value Elaborator::at_places(const Value& value, const TypedExpr& e, const Environment& at) {
  if (e.places.size() != value.axes.size())
    fail(Code::E0601, e.span, at,
         fmt::format("{} indices for {}", e.places.size(),
                     value.axes.empty() ? "a number" : fmt::format("the axes {}", describe(value.axes))));
  Value v = v_.form(value);
  std::vector<std::string> names;
  int axis = 0;
  for (const PlaceIndex& place : e.places) {
    switch (place.kind) {
      case PlaceIndex::Kind::member: v = v_.member(v, axis, place.position); break;
      case PlaceIndex::Kind::wiring: {
        Environment free = at;
        for (const std::string& letter : letters(*place.wiring, at)) free.keep.insert(letter);
        const Value wiring = indexed(*place.wiring, free);
        v = v_.gather(v, axis, wiring);
        for (const Axis& a : wiring.axes) names.push_back(a.key);
        axis += static_cast<int>(wiring.axes.size());
        break;
      }
      case PlaceIndex::Kind::letter:
        names.push_back(place.letter);
        ++axis;
        break;
    }
  }
  return v_.rename(v, names);
}

std::set<std::string> Elaborator::letters(const TypedExpr& e, const Environment& at) const {
  std::set<std::string> found;
  const auto take = [&](const TypedExpr& part) {
    for (const std::string& letter : letters(part, at)) found.insert(letter);
  };
  switch (e.kind) {
    case TypedKind::place:  // its letters are those of the brackets
      for (const PlaceIndex& place : e.places) {
        if (place.kind == PlaceIndex::Kind::letter) found.insert(place.letter);
        if (place.kind == PlaceIndex::Kind::wiring) take(*place.wiring);
      }
      return found;
    case TypedKind::read:  // without brackets, its axes are its letters
      if (auto t = at.part->tensors.find(e.name); t != at.part->tensors.end())
        for (const Axis& a : p_.tensors[t->second].axes) found.insert(a.shown);
      return found;
    case TypedKind::leads_to:
      take(*e.args[0]);
      found.insert(e.name);
      return found;
    default: break;
  }
  for (const dsl::TypedPtr& a : e.args) take(*a);
  const bool softmax = e.kind == TypedKind::function && e.function == dsl::FunctionId::softmax;
  if (!softmax)
    for (const dsl::AxisRef& axis : e.axes) found.erase(axis.name);
  return found;
}

Value Elaborator::tensor_at(int tensor, TimeRef time) {
  const Tensor& t = p_.tensors[tensor];
  return v_.tensor(p_.leaf(tensor, time), t.axes);
}

Value Elaborator::flag(Flag which, TimeRef time) { return tensor_at(p_.find(which), time); }

Value Elaborator::elsewhere(const Value& flag) { return v_.map(Op::mask, {v_.add(v_.number(1), flag, -1)}); }

Value Elaborator::right_side(const dsl::TypedLine& line, const Environment& outer) {
  Environment at = outer;
  at.explicit_form = line.explicit_form;
  at.keep = {line.letters.begin(), line.letters.end()};
  if (line.letters.empty()) return evaluate(*line.value, at);
  return in_order(line, v_.form(evaluate(*line.value, at)), at);
}

// In the order of the left side's letters, and back to the file's axes: the declared ones of the name, or those that
// the letters ranged over.
Value Elaborator::in_order(const dsl::TypedLine& line, Value v, const Environment& at) {
  const std::vector<std::string>& left = line.letters;
  std::vector<Axis> order;
  for (std::size_t i = 0; i < left.size(); ++i) {
    auto have = std::find_if(v.axes.begin(), v.axes.end(), [&](const Axis& a) { return a.key == left[i]; });
    if (have != v.axes.end()) {
      order.push_back(*have);
    } else if (auto a = at.part->axes.find(left[i]); a != at.part->axes.end()) {
      order.push_back(a->second);
      order.back().key = order.back().shown = left[i];
    } else {
      fail(Code::E0601, line.source->indices[i]->span, at,
           fmt::format("the index {} does not occur on the right", left[i]));
    }
  }
  v = v_.reorder(v, order);
  std::vector<Axis> declared;
  if (auto t = at.part->tensors.find(line.name()); t != at.part->tensors.end()) declared = p_.tensors[t->second].axes;
  for (std::size_t i = 0; i < v.axes.size(); ++i) {
    if (declared.size() == v.axes.size()) {
      if (declared[i].extent != v.axes[i].extent)
        fail(Code::E0601, line.source->indices[i]->span, at,
             fmt::format("the index {} ranges over {} values, but {} is declared with {}", left[i], v.axes[i].extent,
                         line.name(), declared[i].extent));
      v.axes[i] = declared[i];
    } else if (auto a = at.part->axes.find(left[i]);
               a != at.part->axes.end() && a->second.extent == v.axes[i].extent && !v.axes[i].bundle) {
      v.axes[i] = a->second;
    } else if (!v.axes[i].from_key.empty()) {
      v.axes[i].key = v.axes[i].from_key;
      v.axes[i].shown = v.axes[i].from_shown;
      v.axes[i].from_key.clear();
    }
  }
  return v;
}

}  // namespace eligo::compiler
