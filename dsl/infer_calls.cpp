// Inference of calls and derivatives.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "dsl/file.h"
#include "dsl/infer.h"
#include "dsl/names.h"
#include "dsl/reads.h"

namespace eligo::dsl {

Shape Inference::call(const Expr& e) {
  const Symbol* role = symbol(e.name);
  if (role != nullptr && role->kind == SymbolKind::role && role->role == ItemKind::synth) return synth(e);
  if (role != nullptr && role->kind == SymbolKind::role && role->role != ItemKind::synth)
    return net_or_readout(e, *role);
  if (const Function* f = find_function(e.name)) return function(e, *f);
  if (Diagnostic* d =
          error(Code::E0309, fmt::format("unknown function `{}`", e.name), {e.span.begin, e.span.begin + 1})) {
    d->labels[0].span = e.span;
    const std::string near = nearest(e.name, function_names());
    if (role != nullptr)
      d->help.push_back(fmt::format("`{}` is {}; only functions and roles are called", e.name, word_of(role->kind)));
    else if (!near.empty()) d->help.push_back(fmt::format("did you mean `{}`?", near));
  }
  for (const ExprPtr& a : e.args) of(*a);
  return Shape::unknown();
}

// A synthesiser's result has the axes of what was bound: of its only input, or else, by guess, those of the state.
Shape Inference::synth(const Expr& e) {
  Shape out = Shape::unknown();
  if (e.args.empty()) {
    if (Diagnostic* d = error(Code::E0508, fmt::format("`{}` is called without inputs", e.name), e.span)) {
      d->help.push_back(fmt::format("a synthesiser is called with its inputs in declared order: {}(s[t])", e.name));
    }
  }
  for (const ExprPtr& a : e.args) {
    const Shape argument = of(*a);
    if (e.args.size() == 1) out = argument;
    const bool state = argument.axes.size() == 1 && argument.axes[0].ends_with(".state");
    if (e.args.size() > 1 && state) out = {Shape::State::known, false, argument.axes};
  }
  for (const ExprPtr& p : e.overrides) {
    const Shape params = of(*p);
    const std::string own = e.name + ".params";
    if (params.is_known() && (params.axes.size() != 1 || params.axes[0] != own)) {
      error(Code::E0508, fmt::format("behind the `;` stand parameters of `{}`", e.name), p->span,
            described(*p, params));
    }
  }
  return out;
}

// A cell called with its inputs and a state gives the next state; a readout with its input and target gives the loss.
Shape Inference::net_or_readout(const Expr& e, const Symbol& role) {
  for (const ExprPtr& a : e.args) of(*a);
  const bool cell = role.role == ItemKind::cell;
  if (e.args.size() < 2 && cell) {
    if (Diagnostic* d = error(Code::E0508, fmt::format("`{}` is called with its inputs and a state", e.name), e.span))
      d->help.push_back(fmt::format("{}(x[t], s[t-1]) is the state that one step leads to", e.name));
  }
  for (const ExprPtr& p : e.overrides)
    error(Code::E0508,
          fmt::format("only a synthesiser takes other parameters, `{}` is {}", e.name, cell ? "a cell" : "a readout"),
          p->span);
  return cell ? Shape::of({e.name + ".state"}) : Shape::scalar();
}

Shape Inference::function(const Expr& e, const Function& f) {
  const std::size_t n = e.args.size();
  if (!e.overrides.empty())
    error(Code::E0309, fmt::format("`{}` is a function and has no parameters behind a `;`", f.name), e.span);
  if (n < f.min_args || n > f.max_args) {
    const std::string takes =
        f.min_args == f.max_args ? fmt::format("{}", f.min_args) : fmt::format("{} or {}", f.min_args, f.max_args);
    error(Code::E0309,
          fmt::format("`{}` takes {} argument{}, here {} {}", f.name, takes, takes == "1" ? "" : "s",
                      n == 1 ? "is" : "are", n),
          e.span);
    for (const ExprPtr& a : e.args) of(*a);
    return Shape::unknown();
  }
  const bool elementwise = f.kind == FunctionKind::pointwise || f.kind == FunctionKind::statistic ||
                           (f.kind == FunctionKind::extremum && n == 2);
  if (elementwise && !e.axes.empty())
    error(Code::E0309, fmt::format("`{}` works at every place: it takes no axes", f.name), e.span);
  if (f.kind == FunctionKind::noise) return over_axes(e, f, Shape::scalar());
  if (f.kind == FunctionKind::reach) return reach(e);
  const Shape argument = pointwise(e, e.args);
  if (f.kind == FunctionKind::statistic) return statistic(e, f, argument);
  if (elementwise) return argument;
  // In a `per neuron` block and in what keep values become, the mean is over the samples, one for each coordinate.
  const bool samples = region == Region::per_neuron || region == Region::samples;
  if (samples && f.name == "mean" && e.axes.empty()) return argument;
  const bool chooses =
      f.kind == FunctionKind::extremum || f.kind == FunctionKind::normalise || f.id == FunctionId::logsumexp;
  if (region == Region::per_neuron && chooses && f.id != FunctionId::unit && e.axes.empty()) {
    Diagnostic* d = error(
        Code::E0309, fmt::format("`{}` in a `per neuron` block needs the axes that it is taken over", f.name), e.span);
    if (d != nullptr) d->help.push_back(fmt::format("write {}[axis](…)", f.name));
  }
  return over_axes(e, f, argument);
}

// reach(a, b, n): a square a, [s, s], a b that begins with its axis, and a number.
Shape Inference::reach(const Expr& e) {
  const Shape a = of(*e.args[0]), b = of(*e.args[1]);
  products(*e.args[2]);
  if (!e.axes.empty()) error(Code::E0309, "`reach` takes no axes", e.span);
  if (a.is_bottom() || b.is_bottom()) return Shape::bottom();
  const bool square = a.axes.size() == 2 && a.axes[0] == a.axes[1];
  if (a.is_known() && a.sure && !square)
    error(Code::E0309, "`reach` multiplies by its first argument again and again: it must be square", e.args[0]->span,
          described(*e.args[0], a));
  else if (a.is_known() && a.sure && b.is_known() && b.sure && (b.axes.empty() || b.axes[0] != a.axes[0]))
    error(Code::E0309, "the second argument of `reach` begins with the axis of the first", e.args[1]->span,
          described(*e.args[1], b));
  return b;
}

// The last argument of reach: how often.
void Inference::products(const Expr& e) {
  constexpr double most = 1e6;
  const bool whole =
      e.kind == ExprKind::number && e.number >= 1 && e.number <= most && e.number == std::floor(e.number);
  const Symbol* s = e.kind == ExprKind::name ? symbol(e.name) : nullptr;
  if (whole || (s != nullptr && s->kind == SymbolKind::size)) return;
  of(e);
  Diagnostic* d =
      error(Code::E0309, "the last argument of `reach` is a whole number from 1 on, or one of the header", e.span);
  if (d != nullptr) d->help.push_back("1 is where the second argument itself can be other than zero");
}

Shape Inference::statistic(const Expr& e, const Function& f, const Shape& argument) {
  if (region == Region::samples && f.name == "var") return argument;
  if (region != Region::per_neuron) {
    if (Diagnostic* d =
            error(Code::E0309, fmt::format("`{}` is taken over the samples of a `per neuron` block", f.name), e.span)) {
      d->help.push_back("per neuron w, over batch and t { … }");
    }
  }
  return argument.is_bottom() ? argument : Shape::scalar();
}

// Functions with axes in brackets, by default all of the argument's.
Shape Inference::over_axes(const Expr& e, const Function& f, const Shape& argument) {
  Shape out = argument;
  const bool draws = f.kind == FunctionKind::noise;
  for (const std::string& axis : e.axes) {
    const std::string key = scope_.axis_key(axis);
    if (key.empty() && !letters_in_use_) {
      error(Code::E0308, fmt::format("`{}` is no axis", axis), e.span);
      return Shape::unknown();
    }
    if (draws) {
      out.axes.push_back(key);
      continue;
    }
    const auto at =
        std::find_if(out.axes.begin(), out.axes.end(), [&](const std::string& a) { return a == key || a == axis; });
    if (at == out.axes.end()) {
      if (argument.is_known() && argument.sure) {
        error(Code::E0308, fmt::format("`{}` is no axis of the argument", axis), e.args[0]->span,
              described(*e.args[0], argument));
      }
      return Shape::unknown();
    }
    if (f.kind != FunctionKind::normalise) out.axes.erase(at);
  }
  if (draws || f.kind == FunctionKind::normalise || !e.axes.empty()) return out;
  return argument.is_bottom() ? argument : Shape::scalar();
}

Shape Inference::derivative(const Expr& e) {
  const Shape of_what = of(*e.args[0]);
  const Shape by_what = varied(*e.args[1]);
  for (std::size_t i = 2; i < e.args.size(); ++i) held(*e.args[i]);
  if (reporting) steps_apart(e);
  if (of_what.is_bottom() || by_what.is_bottom()) return Shape::bottom();
  if (of_what.is_unknown() || by_what.is_unknown()) return Shape::unknown();
  Shape out = of_what;
  out.sure = of_what.sure && by_what.sure;
  out.axes.insert(out.axes.end(), by_what.axes.begin(), by_what.axes.end());
  return out;
}

// The denominator: something at a step, or parameters.
Shape Inference::varied(const Expr& e) {
  const Expr& named = e.kind == ExprKind::index ? *e.args[0] : e;
  const std::string path = path_of(named);
  if (path.empty() || (e.kind == ExprKind::index && is_indexed(e))) {
    if (Diagnostic* d = error(Code::E0207, fmt::format("`{}` is no variable to differentiate by", print(e)), e.span)) {
      d->help.push_back("the denominator is a name at a step, s[t], or parameters, ψ");
    }
    return Shape::unknown();
  }
  const Symbol* s = symbol(path);
  const bool constant =
      s != nullptr && (s->kind == SymbolKind::hyper || s->kind == SymbolKind::keep || s->kind == SymbolKind::size ||
                       s->kind == SymbolKind::axis || s->kind == SymbolKind::wiring || s->kind == SymbolKind::neurons);
  if (path == "t" || path == "T" || path == "count") {
    error(Code::E0207, fmt::format("`{}` is a constant to derivatives", path), e.span);
    return Shape::unknown();
  }
  if (constant && !locals.contains(path)) {
    Diagnostic* d = error(Code::E0207, fmt::format("`{}` is a constant to derivatives", path), e.span);
    if (d != nullptr) d->labels.push_back({diagnostics_.current, s->span, fmt::format("it is {}", word_of(s->kind))});
    return Shape::unknown();
  }
  return of(e);
}

// What a derivative holds: a name at a step, as in d(L[t])/d(ψ | s[t]).
void Inference::held(const Expr& e) {
  const bool at_step = e.kind == ExprKind::index && e.args.size() == 2 && as_time_index(*e.args[1]);
  if (!at_step || path_of(*e.args[0]).empty()) {
    if (Diagnostic* d = error(Code::E0207, fmt::format("`{}` cannot be held", print(e)), e.span))
      d->help.push_back("what stands behind the bar is a state at a step: d(L[t])/d(ψ | s[t])");
    return;
  }
  varied(e);
}

// The numerator is followed back through its own step only: by its own time, or the state of the step before.
void Inference::steps_apart(const Expr& e) {
  const Expr& by = *e.args[1];
  const auto step = by.kind == ExprKind::index ? as_time_index(*by.args[1]) : std::nullopt;
  if (!step || path_of(*by.args[0]).empty()) return;
  std::optional<int> own;
  bool other = false;
  for (const Read& read : reads_of(*e.args[0])) {
    if (!read.time) continue;
    if (read.time->base != step->base) other = true;
    else own = std::max(own.value_or(read.time->offset), read.time->offset);
  }
  const auto complain = [&](const std::string& what) {
    Diagnostic& d =
        diagnostics_.error(Code::E0404, fmt::format("`{}` {}", print(e), what), diagnostics_.current, e.span);
    d.help.push_back(
        "a derivative stays within one step; longer ways are a product or a recurrence of such derivatives");
  };
  if (!own) {
    if (other) complain("has its sides at times that need not lie one step apart");
    return;
  }
  const int apart = step->offset - *own;
  const Symbol* s = symbol(path_of(*by.args[0]));
  const bool input = s != nullptr && s->kind == SymbolKind::bundle && s->bundle == BundleKind::input;
  if (apart > 0) complain("is a derivative by the future");
  else if (apart < -1) complain(fmt::format("goes over {} steps", -apart));
  else if (apart == -1 && input)
    complain("goes a step further away: the input of a step reaches the next one through the state only");
}

Shape Inference::before(const Expr& e) {
  const Expr& inner = *e.args[0];
  const Symbol* s = symbol(path_of(inner));
  const bool params = s != nullptr && s->kind == SymbolKind::bundle && s->bundle == BundleKind::params;
  if (!params || region != Region::at_each) {
    if (Diagnostic* d =
            error(Code::E0405, "`before sequence` stands behind parameters, in an `at each` block", e.span)) {
      d->help.push_back("θ before sequence is what θ was when the sequence began");
    }
    return Shape::unknown();
  }
  return Shape::of({s->key});
}

}  // namespace eligo::dsl
