#include "dsl/resolve.h"

#include <algorithm>

#include "dsl/reads.h"

namespace eligo::dsl {
namespace {

TypedKind operator_kind(ExprKind kind) {
  switch (kind) {
    case ExprKind::negate: return TypedKind::negate;
    case ExprKind::add: return TypedKind::add;
    case ExprKind::subtract: return TypedKind::subtract;
    case ExprKind::multiply: return TypedKind::multiply;
    case ExprKind::divide: return TypedKind::divide;
    case ExprKind::power: return TypedKind::power;
    case ExprKind::compare: return TypedKind::compare;
    case ExprKind::contract: return TypedKind::contract;
    case ExprKind::derivative: return TypedKind::derivative;
    case ExprKind::before: return TypedKind::before;
    default: return TypedKind::number;
  }
}

// The latest step that these expressions name, in the order of `before`; of equals the first.
template <class Before>
std::optional<TimeIndex> latest(const std::vector<TypedPtr>& parts, const Before& before) {
  std::optional<TimeIndex> found;
  for (const TypedPtr& part : parts) {
    const auto time = part->args.empty() ? part->time : latest(part->args, before);
    if (time && (!found || before(*found, *time))) found = time;
  }
  return found;
}

// The step through whose equations a numerator is followed back.
bool by_offset(const TimeIndex& a, const TimeIndex& b) { return a.offset < b.offset; }

// The step of a call: any step is later than the start and before the end.
bool in_order(const TimeIndex& a, const TimeIndex& b) {
  const auto order = [](const TimeIndex& t) {
    const int base = t.base == TimeBase::start ? 0 : t.base == TimeBase::end ? 2 : t.base == TimeBase::last ? 3 : 1;
    return std::pair(base, t.offset);
  };
  return order(a) < order(b);
}

}  // namespace

Resolver::Made Resolver::make(TypedKind kind, const Expr& e) {
  auto out = std::make_shared<TypedExpr>();
  out->kind = kind;
  out->span = out->name_span = e.span;
  return out;
}

Shape Resolver::shape_of(const Expr& e) const {
  const auto found = inference_.shapes.find(&e);
  return found == inference_.shapes.end() ? Shape::unknown() : found->second;
}

TypedLine Resolver::line(const Statement& s, const Shape& shape) {
  TypedLine out;
  out.source = &s;
  out.explicit_form = explicit_form_ = s.kind != StatementKind::window && inference_.is_explicit(s);
  for (const ExprPtr& i : s.indices) out.letters.push_back(i->name);
  out.value = expression(*s.value);
  out.shape = shape;
  explicit_form_ = false;
  return out;
}

void Resolver::parts(TypedExpr& out, const Expr& e) {
  for (const ExprPtr& a : e.args) out.args.push_back(expression(*a));
  for (const ExprPtr& p : e.overrides) out.overrides.push_back(expression(*p));
}

TypedPtr Resolver::expression(const Expr& e) {
  switch (e.kind) {
    case ExprKind::number: {
      auto out = make(TypedKind::number, e);
      out->number = e.number;
      out->shape = Shape::scalar();
      return out;
    }
    case ExprKind::name:
    case ExprKind::member: return named(e, std::nullopt, e);
    case ExprKind::index: return index(e);
    case ExprKind::call: return call(e);
    case ExprKind::given: {
      auto out = make(TypedKind::given, e);
      out->name = e.name;
      out->shape = Shape::unknown();
      return out;
    }
    case ExprKind::compare:
      if (explicit_form_ && inference_.compares_places(e)) return places_compared(e);
      break;
    default: break;
  }
  auto out = make(operator_kind(e.kind), e);
  out->shape = shape_of(e);
  if (e.kind == ExprKind::compare) out->operation = compiler::operation_of_infix(e.name);
  const bool letters = explicit_form_;
  if (e.kind == ExprKind::derivative || e.kind == ExprKind::before) explicit_form_ = false;
  parts(*out, e);
  explicit_form_ = letters;
  if (out->kind == TypedKind::derivative) out->time = latest({out->args[0]}, by_offset);
  return out;
}

TypedPtr Resolver::named(const Expr& base, std::optional<TimeIndex> time, const Expr& whole) {
  if (base.kind == ExprKind::member) return member(base, time, whole);
  const std::string& name = base.name;
  if (inference_.locals.contains(name)) {
    auto out = make(TypedKind::local, whole);
    out->name_span = base.span;
    out->name = name;
    out->time = time;
    out->shape = shape_of(whole);
    return out;
  }
  if (const Symbol* s = scope_.find(name)) return of_symbol(*s, time, base, whole);
  auto out = make(name == "t" ? TypedKind::step : name == "T" ? TypedKind::steps : TypedKind::samples, whole);
  out->shape = Shape::scalar();
  return out;
}

TypedPtr Resolver::of_symbol(const Symbol& s, std::optional<TimeIndex> time, const Expr& base, const Expr& whole) {
  if (s.kind == SymbolKind::bundle && time && inference_.revised.contains(s.name)) {
    auto out = make(TypedKind::revised, whole);
    out->name_span = base.span;
    out->symbol = &s;
    out->name = s.name;
    out->time = time;
    out->shape = Shape::of({s.key});
    return out;
  }
  if (s.kind == SymbolKind::bundle) return of_role(s, time, base, whole);
  const bool role = s.kind == SymbolKind::role;
  const bool number = s.kind == SymbolKind::size || s.kind == SymbolKind::axis || s.kind == SymbolKind::neurons;
  auto out = make(role ? TypedKind::loss : number ? TypedKind::size : TypedKind::read, whole);
  out->name_span = base.span;
  out->symbol = &s;
  out->name = s.name;
  if (role) out->role = s.name;
  out->time = time;
  out->shape = shape_of(whole);
  return out;
}

// net.state, or a let of it: a bundle, or what its part tells.
TypedPtr Resolver::of_role(const Symbol& s, std::optional<TimeIndex> time, const Expr& base, const Expr& whole) {
  std::size_t dot = s.key.find('.');
  const bool open = s.bundle == BundleKind::member;
  const std::size_t further = open ? s.key.find('.', dot + 1) : std::string::npos;
  auto out = make(open ? TypedKind::member : TypedKind::bundle, whole);
  out->name_span = base.span;
  out->role = s.key.substr(0, dot);
  out->symbol = scope_.find(out->role);
  out->bundle = s.bundle;
  out->name = s.key.substr(dot + 1, further == std::string::npos ? further : further - dot - 1);
  out->time = time;
  out->shape = open ? Shape::unknown() : Shape::of({s.key});
  TypedPtr value = out;
  for (dot = further; dot != std::string::npos; dot = s.key.find('.', dot + 1)) {  // net.z.f: a member of net.z
    auto pick = make(TypedKind::pick, whole);
    const std::size_t end = s.key.find('.', dot + 1);
    pick->name = s.key.substr(dot + 1, end == std::string::npos ? end : end - dot - 1);
    pick->args = {value};
    pick->shape = Shape::unknown();
    value = pick;
  }
  return value;
}

TypedPtr Resolver::member(const Expr& base, std::optional<TimeIndex> time, const Expr& whole) {
  const std::string path = path_of(base);
  if (!path.empty()) {
    const Symbol* root = scope_.find(path.substr(0, path.find('.')));
    if (root != nullptr && root->kind == SymbolKind::role)
      return of_role(scope_.member_of_role(path, base.span), time, base, whole);
  }
  auto out = make(TypedKind::pick, whole);
  out->name_span = base.span;
  out->name = base.name;
  out->shape = shape_of(whole);
  const Expr& owner = *base.args[0];
  out->args = {path.empty() ? expression(owner) : named(owner, time, owner)};
  for (const std::string& key : out->args[0]->shape.axes) {
    const int position = inference_.member_of(base.name, key);
    if (position < 0) continue;
    out->symbol = scope_.find(key);
    out->position = position;
    break;
  }
  return out;
}

TypedPtr Resolver::index(const Expr& e) {
  const Expr& base = *e.args[0];
  if (!inference_.is_indexed(e)) {
    const auto time = as_time_index(*e.args[1]);
    return named(base, time, e);
  }
  auto out = make(TypedKind::place, e);
  out->name_span = base.span;
  out->shape = shape_of(e);
  const bool letters = explicit_form_;
  const bool read = base.kind == ExprKind::name || base.kind == ExprKind::member || base.kind == ExprKind::index;
  if (!read) explicit_form_ = false;  // what is indexed behind it has all its axes: softmax(z[t])[j]
  out->args = {expression(base)};
  explicit_form_ = letters;
  out->places = places(e, shape_of(base));
  return out;
}

std::vector<PlaceIndex> Resolver::places(const Expr& bracket, const Shape& base) {
  std::vector<PlaceIndex> out;
  const std::size_t given = bracket.args.size() - 1;
  for (std::size_t i = 0; i < given; ++i) {
    const Expr& index = *bracket.args[i + 1];
    PlaceIndex place;
    place.span = index.span;
    place.letter = index.name;
    if (index.kind == ExprKind::index) {
      place.kind = PlaceIndex::Kind::wiring;
      place.wiring = expression(index);
    } else if (base.is_known() && base.axes.size() == given) {
      const int position = inference_.member_of(index.name, base.axes[i]);
      if (position >= 0) place.kind = PlaceIndex::Kind::member, place.position = position;
    }
    out.push_back(std::move(place));
  }
  return out;
}

TypedPtr Resolver::places_compared(const Expr& e) {
  const bool first = e.args[0]->kind == ExprKind::index;
  auto out = make(TypedKind::leads_to, e);
  out->shape = shape_of(e);
  out->args = {index(*e.args[first ? 0 : 1])};
  out->name = e.args[first ? 1 : 0]->name;
  out->operation = compiler::operation_of_infix(e.name);
  return out;
}

AxisRef Resolver::axis(const std::string& name, Span span) const {
  AxisRef out;
  out.name = name;
  out.span = span;
  const Symbol* s = scope_.find(name);
  if (s == nullptr || s->kind != SymbolKind::bundle) return out;
  out.kind = AxisRef::Kind::bundle;
  out.role = s->key.substr(0, s->key.find('.'));
  out.bundle = s->bundle;
  return out;
}

// sum[i](…): in the explicit form a letter of the argument, otherwise an axis.
AxisRef Resolver::of_function(const std::string& name, const Expr& e) const {
  AxisRef out = axis(name, e.span);
  if (!explicit_form_) return out;
  for (const ExprPtr& a : e.args) {
    const Shape letters = shape_of(*a);
    if (std::find(letters.axes.begin(), letters.axes.end(), name) != letters.axes.end())
      out.kind = AxisRef::Kind::letter;
  }
  return out;
}

TypedPtr Resolver::call(const Expr& e) {
  const Symbol* s = scope_.find(e.name);
  const bool role = s != nullptr && s->kind == SymbolKind::role;
  const Function* f = role ? nullptr : find_function(e.name);
  auto out = make(role ? TypedKind::call : f->kind == FunctionKind::noise ? TypedKind::draw : TypedKind::function, e);
  out->shape = shape_of(e);
  out->name = e.name;
  if (role) {
    out->symbol = s;
    out->role = e.name;
    calls.try_emplace(e.name, out);
  } else {
    out->function = f->id;
    out->operation = f->operation;
    for (const std::string& a : e.axes)
      out->axes.push_back(out->kind == TypedKind::draw ? axis(a, e.span) : of_function(a, e));
  }
  const bool letters = explicit_form_;
  if (role) explicit_form_ = false;
  parts(*out, e);
  explicit_form_ = letters;
  if (role) out->time = latest(out->args, in_order);
  return out;
}

TypedPtr Resolver::target(const std::string& path, Span span) {
  Expr name;
  name.span = span;
  name.name = path;
  const Symbol* s = scope_.find(path);
  return of_role(s != nullptr ? *s : scope_.member_of_role(path, span), std::nullopt, name, name);
}

TypedPtr read_of(const TypedItem& item, const std::string& path, TimeIndex time, Span span) {
  ExprPtr name;
  std::string root;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t dot = std::min(path.find('.', at), path.size());
    Expr e;
    e.kind = name ? ExprKind::member : ExprKind::name;
    e.name = path.substr(at, dot - at);
    e.span = span;
    if (name) e.args = {name};
    else root = e.name;
    name = std::make_shared<const Expr>(std::move(e));
    at = dot + 1;
  }
  if (item.scope.find(root) == nullptr && root != "t" && root != "T") return nullptr;
  Diagnostics none;
  const Inference inference(item.scope, none);
  return Resolver(item.scope, inference).named(*name, time, *name);
}

}  // namespace eligo::dsl
