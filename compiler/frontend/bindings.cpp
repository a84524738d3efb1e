#include "compiler/frontend/bindings.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>


namespace eligo::compiler {

using dsl::Code;
using dsl::ItemKind;
using dsl::SymbolKind;
using dsl::TypedKind;

bool Part::has_state(const std::string& name) const {
  return std::find(states.begin(), states.end(), name) != states.end();
}

const dsl::Symbol* Part::enumerated(const Axis& axis) const {
  for (const auto& [name, symbol] : item->scope.symbols())
    if (symbol.kind == SymbolKind::axis && axis.key == role + "." + name) return &symbol;
  return nullptr;
}

void Parts::fail(Code code, const Part& part, dsl::Span span, const std::string& message,
                 const std::string& help) const {
  auto& d = diagnostics_.error(code, message, part.item->source, span);
  if (!help.empty()) d.help.push_back(help);
  throw Abort{};
}

// Numbers in initialisers and bounds: sizes, arithmetic, functions of these.
double Parts::constant(const dsl::TypedExpr& e, const Part& part) const {
  const auto arg = [&](std::size_t i) { return constant(*e.args[i], part); };
  switch (e.kind) {
    case TypedKind::number: return e.number;
    case TypedKind::negate: return -arg(0);
    case TypedKind::add: return arg(0) + arg(1);
    case TypedKind::subtract: return arg(0) - arg(1);
    case TypedKind::multiply: return arg(0) * arg(1);
    case TypedKind::divide: return arg(0) / arg(1);
    case TypedKind::power: return std::pow(arg(0), arg(1));
    case TypedKind::size:
      if (const auto axis = part.axes.find(e.name); axis != part.axes.end())
        return static_cast<double>(axis->second.extent);
      if (const auto number = part.numbers.find(e.name); number != part.numbers.end() && number->second >= 0)
        return number->second;
      break;
    case TypedKind::function:
      if (e.operation != nullptr && static_cast<int>(e.args.size()) == e.operation->arity) {
        double operands[3] = {};
        for (std::size_t i = 0; i < e.args.size(); ++i) operands[i] = arg(i);
        return e.operation->evaluate(operands);
      }
      break;
    default: break;
  }
  auto& d = diagnostics_.error(Code::E0601, "this must be a number that is known before the run", part.item->source,
                               e.span, "not a number, a size or arithmetic of them");
  d.help.push_back("initialisers and ranges may use numbers, the file's sizes, arithmetic and functions of these");
  throw Abort{};
}

Part& Parts::add(const std::string& role, const dsl::TypedItemPtr& item) {
  auto part = std::make_unique<Part>();
  part->role = role;
  part->item = item;
  for (const auto& [name, symbol] : item->scope.symbols())
    if (symbol.kind == SymbolKind::axis)
      part->axes[name] = Axis{role + "." + name, name, static_cast<Extent>(symbol.members.size()), nullptr};
  for (const dsl::TypedDeclaration& d : item->declarations) {
    if (d.symbol->kind == SymbolKind::state) part->states.push_back(d.symbol->name);
    if (d.symbol->kind == SymbolKind::input) part->inputs.push_back(d.symbol->name);
    if (d.symbol->kind == SymbolKind::param) part->params.push_back(d.symbol->name);
    if (d.symbol->kind == SymbolKind::target) part->targets.push_back(d.symbol->name);
  }
  return *(parts_[role] = std::move(part));
}

Part& Parts::bind(const dsl::HeaderEntry& role) {
  const auto found = items_.find(role.name);
  if (found == items_.end() || !found->second)
    fail(Code::E0602, rule(), role.span, fmt::format("no part is given for the role {}", role.name),
         "name a cell, readout or synthesiser for it");
  if (found->second->kind() != role.role)
    fail(Code::E0602, rule(), role.span,
         fmt::format("{} cannot take the role {}: it is of another kind", found->second->name(), role.name));
  return add(role.name, found->second);
}

Part* Parts::find(const std::string& role) {
  auto found = parts_.find(role);
  return found == parts_.end() ? nullptr : found->second.get();
}

void Parts::take_sizes(Part& part) {
  for (const dsl::HeaderEntry& h : part.item->syntax.header) {
    if (h.kind != dsl::HeaderEntry::Kind::size || part.axes.contains(h.name)) continue;
    std::int64_t extent = h.value.value_or(0);
    bool given = h.value.has_value();
    for (const std::string& key : {h.name, part.role + "." + h.name})
      if (auto s = sizes_.find(key); s != sizes_.end()) {
        extent = s->second;
        given = true;
      }
    if (!given)
      fail(Code::E0603, part, h.span, fmt::format("the size {} of {} is not given", h.name, part.item->name()),
           fmt::format("give it as a size: {0} or {1}.{0}", h.name, part.role));
    if (extent < 1 || extent > (std::int64_t{1} << 31))
      fail(Code::E0603, part, h.span, fmt::format("the size {} = {} is out of range", h.name, extent),
           "a size is at least 1 and below 2^31");
    part.axes[h.name] = Axis{part.role + "." + h.name, h.name, extent, nullptr};
  }
}

Init Parts::initialiser(const dsl::TypedDeclaration& decl, const Part& part) const {
  const dsl::Initialiser& written = decl.symbol->declaration->init;
  Init init;
  auto arg = [&](std::size_t i, double otherwise) {
    if (i >= decl.init.size()) return otherwise;
    const double value = constant(*decl.init[i], part);
    if (!std::isfinite(value))
      fail(Code::E0603, part, written.span,
           fmt::format("with these sizes the initialiser of {} comes to {}, which is no finite number",
                       decl.symbol->name, value));
    return value;
  };
  if (written.kind == dsl::InitKind::value) {
    init.kind = Init::Kind::value;
    init.a = arg(0, 0);
  } else if (written.kind == dsl::InitKind::distribution) {
    const std::string& name = written.distribution;
    if (name == "uniform") init = {Init::Kind::uniform, arg(0, 0), arg(1, 1)};
    else if (name == "normal") init = {Init::Kind::normal, arg(0, 0), arg(1, 1)};
    else if (name == "orthogonal") init = {Init::Kind::orthogonal, arg(0, 1), 0};
    else init = {Init::Kind::sample, arg(0, 1), 0};
  }
  return init;
}

namespace {

std::optional<TensorKind> tensor_kind(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::input: return TensorKind::input;
    case SymbolKind::target: return TensorKind::target;
    case SymbolKind::state: return TensorKind::state;
    case SymbolKind::param: return TensorKind::param;
    case SymbolKind::hyper: return TensorKind::hyper;
    case SymbolKind::keep: return TensorKind::keep;
    case SymbolKind::wiring: return TensorKind::wiring;
    default: return std::nullopt;
  }
}

}  // namespace

// Nothing where one of them belongs to a role that is not bound yet.
std::optional<std::vector<Axis>> Parts::declared_axes(const dsl::TypedDeclaration& d, const Part& part) {
  std::vector<Axis> axes;
  for (const dsl::AxisRef& axis : d.axes) {
    if (axis.kind != dsl::AxisRef::Kind::bundle) {
      axes.push_back(part.axes.at(axis.name));
      continue;
    }
    const Part* role = find(axis.role);
    if (role == nullptr) return std::nullopt;
    axes.push_back(
        bundle_axis(role->role + "." + std::string(dsl::word_of(axis.bundle)), axis.name, members(*role, axis.bundle)));
  }
  return axes;
}

Tensor Parts::declared(const dsl::TypedDeclaration& d, const Part& part, TensorKind kind,
                       std::vector<Axis> axes) const {
  const std::string& name = d.symbol->name;
  Tensor t;
  t.name = part.role.empty() ? name : part.role + "." + name;
  t.kind = kind;
  t.per_step = d.symbol->declaration->per_step;
  t.as_taken = t.per_step && (part.kind() == ItemKind::cell || part.kind() == ItemKind::readout);
  t.axes = std::move(axes);
  for (const Axis& axis : t.axes) t.dims.push_back(axis.extent);
  long double numbers = 1;
  for (Extent extent : t.dims) numbers *= static_cast<long double>(extent);
  if (numbers > 0x1p45L)
    fail(Code::E0603, part, d.symbol->span,
         fmt::format("{} would have {:.3g} numbers, more than any memory holds", t.name, static_cast<double>(numbers)),
         "use smaller sizes");
  t.batched = kind == TensorKind::input || kind == TensorKind::target || kind == TensorKind::state;
  t.init = initialiser(d, part);
  if (kind == TensorKind::wiring) {
    t.targets = Axis{t.name + ".target", "the places of " + name, static_cast<Extent>(t.init.a), nullptr};
    const bool named = !d.init.empty() && d.init[0]->kind == TypedKind::size;
    if (named && part.axes.contains(d.init[0]->name)) t.targets = part.axes.at(d.init[0]->name);
  }
  if (d.low && d.high) {
    t.low = constant(*d.low, part);
    t.high = constant(*d.high, part);
  }
  t.masked = t.batched;
  t.origin = {part.item->source, d.symbol->span};
  return t;
}

void Parts::declare(Part& part) {
  for (const dsl::TypedDeclaration& d : part.item->declarations) {
    const auto kind = tensor_kind(d.symbol->kind);
    if (!kind || part.tensors.contains(d.symbol->name)) continue;
    if (kind == TensorKind::input && part.kind() != ItemKind::cell) continue;  // bound at each call
    auto axes = declared_axes(d, part);
    if (!axes) continue;
    Tensor t = declared(d, part, *kind, std::move(*axes));
    part.tensors[d.symbol->name] = static_cast<int>(program_.tensors.size());
    program_.tensors.push_back(std::move(t));
  }
}

int Parts::declare_equation(Part& part, const std::string& name, TensorKind kind, std::vector<Axis> axes) {
  Tensor t;
  t.name = part.role.empty() ? name : part.role + "." + name;
  t.kind = kind;
  t.axes = std::move(axes);
  for (const Axis& a : t.axes) t.dims.push_back(a.extent);
  t.batched = true;
  t.masked = kind != TensorKind::field;
  const int number = static_cast<int>(program_.tensors.size());
  program_.tensors.push_back(std::move(t));
  part.tensors[name] = number;
  return number;
}

// A parameter such as W[n, n] has the neurons' axis by name twice: only the one that names its own neuron is it.
std::vector<Axis> Parts::member_axes(const Tensor& t) const {
  std::vector<Axis> axes = t.axes;
  if (!neurons_ || t.kind != TensorKind::param) return axes;
  const auto named = std::count_if(axes.begin(), axes.end(), [&](const Axis& a) { return a.key == neurons_->key; });
  if (t.neuron_axis < 0 && named < 2) return axes;
  for (Axis& a : axes)
    if (a.key == neurons_->key) a.key += "'";
  if (t.neuron_axis >= 0) axes[static_cast<std::size_t>(t.neuron_axis)] = *neurons_;
  return axes;
}

Axis Parts::bundle_axis(const std::string& key, const std::string& shown, const std::vector<int>& tensors) const {
  auto bundle = std::make_shared<Bundle>();
  Extent total = 0;
  for (int number : tensors) {
    const Tensor& t = program_.tensors[number];
    bundle->members.push_back({t.name, number, t.dims, member_axes(t), total, t.size()});
    total += t.size();
  }
  return Axis{key, shown, total, bundle};
}

std::vector<int> Parts::members(const Part& part, dsl::BundleKind bundle) const {
  const auto& names = bundle == dsl::BundleKind::state   ? part.states
                      : bundle == dsl::BundleKind::input ? part.inputs
                                                         : part.params;
  std::vector<int> tensors;
  for (const std::string& name : names) tensors.push_back(part.tensors.at(name));
  return tensors;
}

// Called as the rule calls it.
Axis Parts::bundle_axis(const Part& part, dsl::BundleKind bundle) const {
  return bundle_axis(part.role + "." + std::string(dsl::word_of(bundle)), rule().item->shown(part.role, bundle),
                     members(part, bundle));
}

void Parts::bind_neurons(const std::string& name, const Axis& axis) {
  rule().axes[name] = axis;
  neurons_ = axis;
}

}  // namespace eligo::compiler
