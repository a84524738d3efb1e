// Inference of what is read: names, members and time brackets.
#include <fmt/format.h>

#include <algorithm>

#include "dsl/file.h"
#include "dsl/infer.h"
#include "dsl/names.h"
#include "dsl/parser.h"
#include "dsl/reads.h"

namespace eligo::dsl {

// Cells and rules have a time, the other items are functions of one step.
bool Inference::in_time() const { return scope_.item().kind == ItemKind::cell || scope_.item().kind == ItemKind::rule; }

bool Inference::varies(const Name& name) const { return in_time() && name.statement->time.has_value(); }

bool Inference::takes_time(const Expr& base) const {
  const std::string path = path_of(base);
  if (path.empty()) return false;
  const std::string root = path.substr(0, path.find('.'));
  for (const auto* table : {&locals, &names}) {
    const auto found = table->find(root);
    if (found != table->end()) return varies(found->second);
  }
  if (revised.contains(root)) return true;
  const Symbol* s = symbol(root);
  if (s == nullptr) return false;
  if (s->kind != SymbolKind::role) return s->timed;
  return path == root ? s->timed : scope_.member_of_role(path, base.span).timed;
}

bool Inference::is_indexed(const Expr& e) const {
  if (e.kind != ExprKind::index) return false;
  const Expr& base = *e.args[0];
  if (path_of(base).empty()) return true;
  if (takes_time(base)) return false;
  // W[t] of something that does not vary in time is a mistake about time; k may be a letter where no block takes it.
  const auto time = e.args.size() == 2 ? as_time_index(*e.args[1]) : std::nullopt;
  return !time || (time->base == TimeBase::k && region != Region::at_each);
}

bool Inference::is_explicit(const Statement& s) const {
  if (!s.indices.empty()) return true;
  bool found = false;
  for_each_part(*s.value, [&](const Expr& part) { found = found || is_indexed(part); });
  return found;
}

Shape Inference::read(const Expr& e) {
  if (e.kind == ExprKind::name) return of_name(e, false);
  if (e.kind == ExprKind::member) return member(e);
  return index(e);
}

Shape Inference::index(const Expr& e) {
  const Expr& base = *e.args[0];
  const auto time = e.args.size() == 2 ? as_time_index(*e.args[1]) : std::nullopt;
  const std::string path = path_of(base);
  const Symbol* root = symbol(path.substr(0, path.find('.')));
  if (!takes_time(base)) {
    const bool open = root != nullptr && ((root->kind == SymbolKind::role && path != root->name) ||
                                          (root->kind == SymbolKind::bundle && root->bundle == BundleKind::member));
    if (open) {  // net.h[t] of a part that is not known yet
      const std::string member = path.substr(path.find('.') + 1);
      const bool word = member == "state" || member == "input" || member == "target";
      if (word && root->kind == SymbolKind::role)
        scope_.member_of_role(path, base.span, reporting ? &diagnostics_ : nullptr);
      return Shape::unknown();
    }
    const Shape shape = of(base);
    const bool number = path == "t" || path == "T" || path == "count";
    const bool known = root != nullptr || names.contains(path) || locals.contains(path) || number;
    if (known && time && !in_time()) {
      error(Code::E0408,
            fmt::format("{} `{}` is a function of one step: it has no [{}]", dsl::word_of(scope_.item().kind),
                        scope_.item().name, print(*time)),
            e.span);
    } else if (known && time) {
      Diagnostic* d = error(Code::E0403, fmt::format("`{}` does not vary in time", print(base)), e.span);
      if (d != nullptr && root != nullptr)
        d->labels.push_back({diagnostics_.current, root->span, fmt::format("it is {}", word_of(root->kind))});
    }
    return shape;
  }
  if (!time) {
    if (Diagnostic* d = error(Code::E0403, fmt::format("`{}` is no time index", print(*e.args[1])), e.args[1]->span)) {
      d->help.push_back(
          "time is t, k, start, end or last, with a whole number added or taken off; what varies in time has its time "
          "first");
    }
    return Shape::unknown();
  }
  time_index(e, *time);
  if (root != nullptr && root->kind == SymbolKind::role && base.kind == ExprKind::member) {
    return of_bundle(scope_.member_of_role(path, base.span, reporting ? &diagnostics_ : nullptr), true, base);
  }
  return with_time(base);
}

// A name, or members of one, behind which a time bracket stands.
Shape Inference::with_time(const Expr& base) {
  if (base.kind == ExprKind::name) return of_name(base, true);
  return enumerated(with_time(*base.args[0]), base.name, base);
}

// Which times may be read here.
void Inference::time_index(const Expr& e, const TimeIndex& time) {
  const ItemKind kind = scope_.item().kind;
  if (kind == ItemKind::cell) {
    const std::string path = path_of(*e.args[0]);
    const Symbol* s = symbol(path.substr(0, path.find('.')));
    const bool state = s != nullptr && s->kind == SymbolKind::state;
    if (time == TimeIndex{TimeBase::t, 0} || (state && time == TimeIndex{TimeBase::t, -1})) return;
    if (Diagnostic* d = error(Code::E0405, fmt::format("a cell cannot read `{}`", print(e)), e.span)) {
      d->help.push_back("a cell reads its states at t-1 and everything else at t; what is to be remembered is a state");
    }
    return;
  }
  if (kind != ItemKind::rule) return;
  if (time.base == TimeBase::k && region != Region::at_each) {
    if (Diagnostic* d = error(Code::E0405, fmt::format("`{}`: k runs in an `at each` block only", print(e)), e.span)) {
      d->help.push_back("the general index of a rule is t");
    }
    return;
  }
  if (time.base != TimeBase::t || region != Region::item || equation_ == nullptr ||
      equation_->kind != StatementKind::equation)
    return;
  if (equation_->time && equation_->time->base == TimeBase::t) return;
  const std::string left =
      equation_->time ? fmt::format("{}[{}]", equation_->name, print(*equation_->time)) : equation_->name;
  if (Diagnostic* d = error(Code::E0405, fmt::format("`{}`: the left side, `{}`, has no t", print(e), left), e.span)) {
    d->help.push_back(equation_->time ? fmt::format("write {}[{}]", print(*e.args[0]),
                                                    print(TimeIndex{equation_->time->base, time.offset}))
                                      : fmt::format("write {}[t] = … on the left", equation_->name));
  }
}

Shape Inference::of_name(const Expr& e, bool timed) {
  const std::string& name = e.name;
  const Span span = e.span;
  for (auto* table : {&locals, &names}) {
    const auto found = table->find(name);
    if (found == table->end()) continue;
    if (!timed && varies(found->second)) {
      if (Diagnostic* d = error(Code::E0403, fmt::format("`{}` varies in time: its time is missing", name), span))
        d->help.push_back(fmt::format("write {}[t]", name));
      return Shape::unknown();
    }
    return own_part(found->second.shape);
  }
  if (const Symbol* s = symbol(name)) {
    if (s->kind == SymbolKind::role) {
      if (s->role == ItemKind::readout && timed) return Shape::scalar();
      if (Diagnostic* d = error(Code::E0403, fmt::format("`{}` is a {}, not a value", name, word_of(s->role)), span)) {
        d->help.push_back(s->role == ItemKind::readout ? fmt::format("its loss is {}[t]", name)
                          : s->role == ItemKind::synth ? fmt::format("it is called: {}(s[t])", name)
                                                       : fmt::format("its state is {}.state[t]", name));
      }
      return Shape::unknown();
    }
    return s->kind == SymbolKind::bundle ? of_bundle(*s, timed, e) : of_symbol(*s, timed, e);
  }
  if (name == "t" || name == "T") return Shape::scalar();
  if (name == "count") {
    if (region != Region::per_neuron)
      error(Code::E0309, "`count` is the number of samples of a `per neuron` block", span);
    return Shape::scalar();
  }
  if (is_reserved(name) && find_function(name) == nullptr) {
    error(Code::E0303, fmt::format("`{}` is a word of the language, not a value", name), span);
  } else if (reporting) {
    unknown_name(name, span, scope_, diagnostics_);
  }
  return Shape::unknown();
}

Shape Inference::of_symbol(const Symbol& s, bool timed, const Expr& e) {
  switch (s.kind) {
    case SymbolKind::size:
    case SymbolKind::axis:
    case SymbolKind::neurons:
    case SymbolKind::hyper: return Shape::scalar();
    case SymbolKind::value: return Shape::unknown();  // defined in a way that was reported already
    case SymbolKind::wiring:
      if (Diagnostic* d = error(Code::E0307, fmt::format("`{}` is a wiring: it serves as an index", s.name), e.span)) {
        d->help.push_back(fmt::format("for example h[t-1][{}[{}]]", s.name, fmt::join(s.axes, ", ")));
      }
      return Shape::unknown();
    default: break;
  }
  if (s.timed && !timed) {
    if (Diagnostic* d = error(Code::E0403, fmt::format("`{}` varies in time: its time is missing", s.name), e.span)) {
      d->help.push_back(s.kind == SymbolKind::state ? fmt::format("write {0}[t] or {0}[t-1]", s.name)
                                                    : fmt::format("write {}[t]", s.name));
    }
    return Shape::unknown();
  }
  return own_part(Shape::of(s.axes));
}

// In a `per neuron` block a value per neuron is a number.
Shape Inference::own_part(Shape shape) const {
  if (region == Region::per_neuron) std::erase(shape.axes, scope_.neurons());
  return shape;
}

Shape Inference::of_bundle(const Symbol& s, bool timed, const Expr& e) {
  if (s.kind == SymbolKind::role || s.bundle == BundleKind::member) return Shape::unknown();
  if (s.timed && !timed) {
    if (Diagnostic* d = error(Code::E0403, fmt::format("`{}` varies in time: its time is missing", print(e)), e.span)) {
      d->help.push_back(fmt::format("write {}[t]", print(e)));
    }
    return Shape::unknown();
  }
  return s.bundle == BundleKind::target ? Shape::unknown() : Shape::of({s.key});
}

Shape Inference::member(const Expr& e) {
  const std::string path = path_of(e);
  if (!path.empty()) {
    const Symbol* root = symbol(path.substr(0, path.find('.')));
    if (root != nullptr && root->kind == SymbolKind::role)
      return of_bundle(scope_.member_of_role(path, e.span, reporting ? &diagnostics_ : nullptr), false, e);
  }
  return enumerated(of(*e.args[0]), e.name, e);
}

// z.f: without the enumerated axis that has the member f.
Shape Inference::enumerated(const Shape& inner, const std::string& name, const Expr& e) {
  if (!inner.is_known()) return inner;
  std::vector<std::string> members;
  for (std::size_t i = 0; i < inner.axes.size(); ++i) {
    const Symbol* axis = symbol(inner.axes[i]);
    if (axis == nullptr || axis->kind != SymbolKind::axis) continue;
    if (std::find(axis->members.begin(), axis->members.end(), name) != axis->members.end()) {
      Shape out = inner;
      out.axes.erase(out.axes.begin() + static_cast<std::ptrdiff_t>(i));
      return out;
    }
    members.insert(members.end(), axis->members.begin(), axis->members.end());
  }
  if (Diagnostic* d = error(Code::E0310, fmt::format("`{}` has no member `{}`", print(*e.args[0]), name), e.span)) {
    if (members.empty())
      d->help.push_back(
          "a product needs blanks around its dot: a . b; a member is one of an enumerated axis: axis gate = {i, f, g, "
          "o}");
    else d->help.push_back(fmt::format("its members are {}", fmt::join(members, ", ")));
  }
  return Shape::unknown();
}

}  // namespace eligo::dsl
