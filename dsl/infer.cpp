#include "dsl/infer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dsl/file.h"
#include "dsl/names.h"
#include "dsl/reads.h"

namespace eligo::dsl {
namespace {

// a + b - c as its terms.
void terms_of(const Expr& e, std::vector<const Expr*>& out) {
  if (e.kind != ExprKind::add && e.kind != ExprKind::subtract) {
    out.push_back(&e);
    return;
  }
  terms_of(*e.args[0], out);
  terms_of(*e.args[1], out);
}

bool is_read(const Expr& e) {
  return !path_of(e).empty() || (e.kind == ExprKind::index && !path_of(*e.args[0]).empty());
}

std::string root_of(const Expr& e) {
  const std::string path = path_of(e.kind == ExprKind::index ? *e.args[0] : e);
  return path.substr(0, path.find('.'));
}

// W[i, j] * x[j]: the right side's letters are the last of the left that range over the same axis.
std::string with_letters(const Expr& left, const std::vector<std::string>& l, const Expr& right,
                         const std::vector<std::string>& r, std::string_view op) {
  static constexpr std::string_view letters[] = {"i", "j", "p", "q", "r"};
  if (l.size() > std::size(letters) || r.size() > l.size()) return "";
  std::vector<std::string_view> on_left(letters, letters + l.size()), on_right;
  std::vector<bool> used(l.size());
  for (std::size_t k = r.size(); k-- > 0;) {
    std::size_t at = l.size();
    while (at-- > 0 && (used[at] || l[at] != r[k])) continue;
    if (at >= l.size()) return "";
    used[at] = true;
    on_right.insert(on_right.begin(), letters[at]);
  }
  return fmt::format("{}[{}] {} {}[{}]", print(left), fmt::join(on_left, ", "), op, print(right),
                     fmt::join(on_right, ", "));
}

}  // namespace

Diagnostic* Inference::error(Code code, std::string message, Span span, std::string label) {
  if (!reporting) return nullptr;
  return &diagnostics_.error(code, std::move(message), diagnostics_.current, span, std::move(label));
}

const Symbol* Inference::symbol(const std::string& name) const { return scope_.find(name); }

Shape Inference::of_equation(const Statement& s) {
  equation_ = &s;
  letters_.clear();
  letters_in_use_ = is_explicit(s);
  if (!letters_in_use_) return of(*s.value);
  declared_letters(s);
  of(*s.value);
  letters_in_use_ = false;
  return left_axes(s);
}

Shape Inference::of(const Expr& e) {
  if (letters_in_use_) return explicit_of(e);
  Shape shape = of_kind(e);
  if (reporting) shapes[&e] = shape;
  return shape;
}

Shape Inference::of_kind(const Expr& e) {
  switch (e.kind) {
    case ExprKind::number: return Shape::scalar();
    case ExprKind::name:
    case ExprKind::member:
    case ExprKind::index: return read(e);
    case ExprKind::call: return call(e);
    case ExprKind::contract: return contraction(e);
    case ExprKind::derivative: return derivative(e);
    case ExprKind::before: return before(e);
    case ExprKind::given: return Shape::unknown();
    default: return pointwise(e, e.args);
  }
}

Shape Inference::contraction(const Expr& e) {
  const Expr &left = *e.args[0], &right = *e.args[1];
  const Shape l = of(left), r = of(right);
  if (l.is_bottom() || r.is_bottom()) return Shape::bottom();
  if (l.is_unknown() || r.is_unknown()) return Shape::unknown();
  if (auto axes = contract(l.axes, r.axes)) return {Shape::State::known, l.sure && r.sure, std::move(*axes)};
  if (!l.sure || !r.sure) return Shape::unknown();
  const auto end_of = [&](const Shape& s, bool last) { return scope_.shown(last ? s.axes.back() : s.axes.front()); };
  const std::string message = l.is_scalar() ? "these do not contract: the left is a number"
                              : r.is_scalar()
                                  ? "these do not contract: the right is a number"
                                  : fmt::format("these do not contract: the left ends in {}, the right begins with {}",
                                                end_of(l, true), end_of(r, false));
  Diagnostic* d = error(Code::E0304, message, left.span);
  if (d == nullptr) return Shape::unknown();
  d->labels[0].text = described(left, l);
  d->labels.push_back({diagnostics_.current, right.span, described(right, r)});
  Expr swapped = e;
  std::swap(swapped.args[0], swapped.args[1]);
  if (l.is_scalar() || r.is_scalar()) {
    d->help.push_back("a number scales with a star: a * b");
  } else if (contract(r.axes, l.axes)) {
    const bool trace = is_read(left) && equation_ != nullptr && root_of(left) == equation_->name &&
                       equation_->kind == StatementKind::equation;
    d->help.push_back(fmt::format("{}: write {}",
                                  trace ? "a trace is pushed forward from the left" : "the other way round they do",
                                  print(swapped)));
  }
  return Shape::unknown();
}

Shape Inference::pointwise(const Expr& e, const std::vector<ExprPtr>& args) {
  const bool keeps_bottom = e.kind == ExprKind::multiply || e.kind == ExprKind::divide || e.kind == ExprKind::power;
  Shape out = of(*args[0]);
  for (std::size_t i = 1; i < args.size(); ++i) {
    const Shape next = of(*args[i]);
    if (out.is_bottom() || next.is_bottom()) {
      out = keeps_bottom ? Shape::bottom() : out.is_bottom() ? next : out;
      continue;
    }
    out = meet(out, *args[i - 1], next, *args[i]);
  }
  return out;
}

Shape Inference::meet(const Shape& l, const Expr& left, const Shape& r, const Expr& right) {
  if (l.is_unknown() || r.is_unknown()) return Shape::unknown();
  if (auto axes = align(l.axes, r.axes, scope_.neurons()))
    return {Shape::State::known, l.sure && r.sure, std::move(*axes)};
  if (!l.sure || !r.sure) return Shape::unknown();
  Diagnostic* d = error(Code::E0305, "", left.span);
  if (d == nullptr) return Shape::unknown();
  d->labels[0].text = described(left, l);
  d->labels.push_back({diagnostics_.current, right.span, described(right, r)});
  if (is_ambiguous(l.axes, r.axes)) {
    d->message = "these align in more than one way: an axis occurs twice";
    const bool simple = is_read(left) && is_read(right);
    std::string form = simple ? with_letters(left, l.axes, right, r.axes, "*") : "";
    if (simple && form.empty()) form = with_letters(right, r.axes, left, l.axes, "*");
    d->help.push_back(form.empty() ? "say which in the explicit form, with an index for every axis"
                                   : fmt::format("say which in the explicit form, such as {}", form));
  } else {
    d->message = "these do not align: neither side has all axes of the other";
    if (contract(l.axes, r.axes))
      d->help.push_back(fmt::format("to sum over what they share, contract: {} . {}", print(left), print(right)));
    else d->help.push_back("an outer product is written with indices: z[t][i, j] = a[t][i] * b[t][j]");
  }
  return Shape::unknown();
}

// The expression that gave a name of this equation its axes: the first term that has them without reading the name.
const Expr* Inference::origin(const std::string& name) {
  Name& entry = locals.contains(name) ? locals[name] : names[name];
  std::vector<const Expr*> terms;
  terms_of(*entry.statement->value, terms);
  if (terms.size() < 2) return nullptr;
  const Shape shape = std::exchange(entry.shape, Shape::bottom());
  const bool was_reporting = std::exchange(reporting, false);
  const Expr* found = nullptr;
  for (const Expr* term : terms) {
    if (found == nullptr && of(*term) == shape) found = term;
  }
  entry.shape = shape;
  reporting = was_reporting;
  return found;
}

std::string Inference::described(const Expr& e, const Shape& shape) {
  std::string out = shape.is_scalar() ? "a number" : scope_.shown(shape.axes);
  if (!is_read(e)) return out;
  const std::string root = root_of(e);
  const auto line_of = [&](Span span) { return line_column(*diagnostics_.current, span.begin).line; };
  const bool local = locals.contains(root);
  if (local || names.contains(root)) {
    const Name& name = local ? locals[root] : names[root];
    if (name.statement == equation_) {
      const Expr* term = origin(root);
      return term == nullptr ? out : fmt::format("{}, from the term {}", out, print(*term));
    }
    return fmt::format("{}, line {}", out, line_of(name.statement->span));
  }
  const Symbol* s = symbol(root);
  if (s != nullptr && s->declaration != nullptr && line_of(s->span) != line_of(e.span))
    return fmt::format("{}, line {}", out, line_of(s->span));
  return out;
}

}  // namespace eligo::dsl
