// The explicit form: z[t][k, i] = W[k, i, j] * h[t-1][j]. Letters are local to the equation and range over the axis of
// their place; what is not on the left is summed. Here the axes of an expression are its free letters.
#include <fmt/core.h>

#include <algorithm>

#include "dsl/file.h"
#include "dsl/infer.h"
#include "dsl/reads.h"

namespace eligo::dsl {
namespace {

void add_new(std::vector<std::string>& to, const std::vector<std::string>& from) {
  for (const std::string& letter : from) {
    if (std::find(to.begin(), to.end(), letter) == to.end()) to.push_back(letter);
  }
}

// "`W` has 2 axes, here is 1 index"
std::string miscounted(const std::string& name, std::size_t axes, std::size_t given) {
  return fmt::format("`{}` has {} ax{}, here {} {} ind{}", name, axes, axes == 1 ? "is" : "es",
                     given == 1 ? "is" : "are", given, given == 1 ? "ex" : "ices");
}

}  // namespace

Shape Inference::explicit_of(const Expr& e) {
  Shape shape = explicit_of_kind(e);
  if (reporting) shapes[&e] = shape;
  return shape;
}

Shape Inference::explicit_of_kind(const Expr& e) {
  switch (e.kind) {
    case ExprKind::number: return Shape::scalar();
    case ExprKind::contract:
      if (Diagnostic* d = error(Code::E0307, "a dot in an equation with indices", e.span)) {
        d->help.push_back(
            "with indices a product is written with a star: W[i, j] * x[t][j]; the sum over j is understood");
      }
      return Shape::unknown();
    case ExprKind::call:
      if (const Function* f = find_function(e.name); f != nullptr && f->kind != FunctionKind::noise) {
        Shape all;
        for (const ExprPtr& a : e.args) add_new(all.axes, explicit_of(*a).axes);
        const bool reduces = f->kind == FunctionKind::reduce || f->kind == FunctionKind::inner ||
                             (f->kind == FunctionKind::extremum && e.args.size() == 1);
        if (e.args.size() < f->min_args || e.args.size() > f->max_args) return function(e, *f);
        return reduces ? over_axes(e, *f, all) : all;
      }
      break;
    case ExprKind::index:
      if (is_indexed(e)) return explicit_read(*e.args[0], e);
      break;
    case ExprKind::name:
    case ExprKind::member:
    case ExprKind::derivative:
    case ExprKind::before: break;
    case ExprKind::compare:
      if (compares_places(e)) return compared_places(e);
      [[fallthrough]];
    default: {
      Shape all;
      for (const ExprPtr& a : e.args) add_new(all.axes, explicit_of(*a).axes);
      return all;
    }
  }
  letters_in_use_ = false;
  const Shape shape = of(e);
  letters_in_use_ = true;
  if (shape.is_known() && !shape.is_scalar()) {
    if (Diagnostic* d =
            error(Code::E0307, fmt::format("`{}` stands without indices in an equation with indices", print(e)), e.span,
                  described(e, shape))) {
      d->help.push_back(fmt::format("give it one for each axis: {}[…]", print(e)));
    }
  }
  return Shape::scalar();
}

bool Inference::compares_places(const Expr& e) const {
  if (e.name != "==" && e.name != "!=") return false;
  const bool first = e.args[0]->kind == ExprKind::index;
  const Expr &wiring = *e.args[first ? 0 : 1], &letter = *e.args[first ? 1 : 0];
  if (wiring.kind != ExprKind::index || letter.kind != ExprKind::name || !is_indexed(wiring)) return false;
  const std::string path = path_of(*wiring.args[0]);
  const Symbol* s = symbol(path.substr(0, path.find('.')));
  const bool leads =
      s != nullptr && (s->kind == SymbolKind::wiring || (s->kind == SymbolKind::role && path != s->name));
  const Symbol* named = symbol(letter.name);
  const bool value = names.contains(letter.name) || locals.contains(letter.name) ||
                     (named != nullptr && scope_.axis_key(letter.name).empty());
  return leads && !value;
}

Shape Inference::compared_places(const Expr& e) {
  const bool first = e.args[0]->kind == ExprKind::index;
  const Expr &wiring = *e.args[first ? 0 : 1], &letter = *e.args[first ? 1 : 0];
  const Symbol* s = symbol(path_of(*wiring.args[0]));
  Shape out;
  std::string drawn;
  if (s != nullptr && s->kind == SymbolKind::wiring) {
    place_index(wiring, "", out.axes);
    const auto& args = s->declaration->init.args;
    if (!args.empty() && args[0]->kind == ExprKind::name) drawn = scope_.axis_key(args[0]->name);
  } else {  // of a part that is not known yet
    for (std::size_t i = 1; i < wiring.args.size(); ++i) place_index(*wiring.args[i], "", out.axes);
  }
  place_letter(letter, drawn, out.axes);
  return out;
}

Shape Inference::explicit_read(const Expr& base, const Expr& bracket) {
  if (base.kind == ExprKind::index && is_indexed(base)) {
    error(Code::E0307, "a second bracket of indices: one bracket holds an index for each axis", bracket.span);
    return Shape::unknown();
  }
  letters_in_use_ = false;
  const Symbol* s = symbol(path_of(base));
  const Shape shape = s != nullptr && s->kind == SymbolKind::wiring ? Shape::unknown() : of(base);
  if (s != nullptr && s->kind == SymbolKind::wiring) of(base);  // reports that it is no value
  letters_in_use_ = true;
  const std::size_t given = bracket.args.size() - 1;
  const bool known = shape.is_known();
  if (known && shape.axes.size() != given && shape.sure) {
    error(Code::E0307, miscounted(print(base), shape.axes.size(), given), bracket.span, described(base, shape));
  }
  Shape out;
  for (std::size_t i = 0; i < given; ++i) {
    place_index(*bracket.args[i + 1], known && shape.axes.size() == given ? shape.axes[i] : "", out.axes);
  }
  return out;
}

// An index is a letter, or a wiring with letters of its own: parent[w, r].
void Inference::place_index(const Expr& index, const std::string& axis, std::vector<std::string>& letters) {
  if (index.kind == ExprKind::name) return place_letter(index, axis, letters);
  const Symbol* wiring = index.kind == ExprKind::index ? symbol(path_of(*index.args[0])) : nullptr;
  if (wiring == nullptr || wiring->kind != SymbolKind::wiring) {
    if (Diagnostic* d = error(Code::E0307, fmt::format("`{}` is no index", print(index)), index.span)) {
      d->help.push_back("an index is a letter or a wiring: h[t-1][parent[w, r], q]");
    }
    return;
  }
  const std::size_t given = index.args.size() - 1;
  if (given != wiring->axes.size()) {
    error(Code::E0307, miscounted(wiring->name, wiring->axes.size(), given), index.span);
    return;
  }
  for (std::size_t i = 0; i < given; ++i) place_index(*index.args[i + 1], wiring->axes[i], letters);
  const auto& args = wiring->declaration->init.args;
  const std::string drawn = args.empty() || args[0]->kind != ExprKind::name ? "" : scope_.axis_key(args[0]->name);
  if (axis.empty() || drawn.empty() || axis == drawn) return;
  if (Diagnostic* d = error(Code::E0307,
                            fmt::format("`{}` holds places on the axis {}, here stands the axis {}", wiring->name,
                                        scope_.shown(drawn), scope_.shown(axis)),
                            index.span)) {
    d->labels.push_back({diagnostics_.current, wiring->span, fmt::format("drawn from {} here", scope_.shown(drawn))});
  }
}

int Inference::member_of(const std::string& index, const std::string& axis) const {
  const Symbol* s = axis.empty() ? nullptr : symbol(axis);
  if (s == nullptr || s->kind != SymbolKind::axis) return -1;
  const auto found = std::find(s->members.begin(), s->members.end(), index);
  return found == s->members.end() ? -1 : static_cast<int>(found - s->members.begin());
}

void Inference::place_letter(const Expr& index, const std::string& axis, std::vector<std::string>& letters) {
  const std::string& letter = index.name;
  if (letter == "t" || letter == "T" || letter == "start" || letter == "end" || letter == "last" || letter == "all") {
    error(Code::E0307, fmt::format("`{}` is reserved and no index letter", letter), index.span);
    return;
  }
  if (member_of(letter, axis) >= 0) return;
  add_new(letters, {letter});
  const std::string own = scope_.axis_key(letter);
  if (!own.empty() && !axis.empty() && own != axis) {
    error(Code::E0307,
          fmt::format("`{}` is an axis itself, and this is the place of the axis {}", letter, scope_.shown(axis)),
          index.span, "choose another letter");
    return;
  }
  const auto [placed, fresh] = letters_.try_emplace(letter, Letter{axis.empty() ? own : axis, index.span});
  if (fresh || axis.empty() || placed->second.axis == axis) return;
  if (placed->second.axis.empty()) {
    placed->second = {axis, index.span};
    return;
  }
  if (Diagnostic* d = error(Code::E0307, fmt::format("`{}` ranges over two axes", letter), index.span,
                            fmt::format("over {} here", scope_.shown(axis)))) {
    d->labels.push_back(
        {diagnostics_.current, placed->second.span, fmt::format("over {} here", scope_.shown(placed->second.axis))});
  }
}

// A left side that is declared, h[t][w, q] of a state, says what its letters range over.
void Inference::declared_letters(const Statement& s) {
  const Symbol* declared = symbol(s.name);
  if (declared == nullptr || declared->declaration == nullptr || s.indices.empty()) return;
  if (declared->axes.size() != s.indices.size()) {
    error(Code::E0307, miscounted(s.name, declared->axes.size(), s.indices.size()), s.name_span);
    return;
  }
  std::vector<std::string> letters;
  for (std::size_t i = 0; i < s.indices.size(); ++i) {
    if (s.indices[i]->kind == ExprKind::name) place_letter(*s.indices[i], declared->axes[i], letters);
  }
}

// The axes of the left side, once the right side has placed its letters.
Shape Inference::left_axes(const Statement& s) {
  Shape out;
  std::vector<std::string> seen;
  for (const ExprPtr& index : s.indices) {
    const std::string& letter = index->name;
    if (index->kind != ExprKind::name) {
      error(Code::E0307, fmt::format("`{}` is no index letter", print(*index)), index->span);
      return Shape::unknown();
    }
    if (std::find(seen.begin(), seen.end(), letter) != seen.end()) {
      error(Code::E0307, fmt::format("`{}` stands twice on the left", letter), index->span);
    }
    seen.push_back(letter);
    const auto placed = letters_.find(letter);
    std::string axis = placed != letters_.end() ? placed->second.axis : scope_.axis_key(letter);
    const bool bundle = axis.find('.') != std::string::npos;  // it has no numbers of its own that could be repeated
    if ((axis.empty() || bundle) && placed == letters_.end()) {
      if (Diagnostic* d =
              error(Code::E0307, fmt::format("`{}` stands on the left only: what does it range over?", letter),
                    index->span)) {
        d->help.push_back("a letter ranges over the axis of its place on the right side");
      }
    }
    if (axis.empty()) return reporting ? Shape::unknown() : Shape::bottom();
    out.axes.push_back(std::move(axis));
  }
  return out;
}

}  // namespace eligo::dsl
