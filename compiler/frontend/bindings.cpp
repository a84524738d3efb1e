#include "compiler/frontend/bindings.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "dsl/names.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::ExprKind;
using dsl::ItemKind;
using dsl::StatementKind;

void Parts::fail(Code code, const Part& part, dsl::Span span, const std::string& message, const std::string& help) {
  auto& d = diagnostics_.error(code, message, part.ref.source, span);
  if (!help.empty()) d.help.push_back(help);
  throw Abort{};
}

double evaluate_constant(const dsl::Expr& e, const Part& part, dsl::Diagnostics& diagnostics) {
  auto arg = [&](std::size_t i) { return evaluate_constant(*e.args[i], part, diagnostics); };
  switch (e.kind) {
    case ExprKind::number: return e.number;
    case ExprKind::negate: return -arg(0);
    case ExprKind::add: return arg(0) + arg(1);
    case ExprKind::subtract: return arg(0) - arg(1);
    case ExprKind::multiply: return arg(0) * arg(1);
    case ExprKind::divide: return arg(0) / arg(1);
    case ExprKind::power: return std::pow(arg(0), arg(1));
    case ExprKind::name:
      if (auto axis = part.axes.find(e.name); axis != part.axes.end()) return static_cast<double>(axis->second.extent);
      break;
    case ExprKind::call:
      if (e.args.size() == 1) {
        if (e.name == "sqrt") return std::sqrt(arg(0));
        if (e.name == "exp") return std::exp(arg(0));
        if (e.name == "log") return std::log(arg(0));
      }
      if (e.args.size() == 2 && e.name == "max") return std::max(arg(0), arg(1));
      if (e.args.size() == 2 && e.name == "min") return std::min(arg(0), arg(1));
      break;
    default: break;
  }
  auto& d = diagnostics.error(Code::E0601, "this must be a number that is known before the run", part.ref.source,
                              e.span, "not a number, a size or arithmetic of them");
  d.help.push_back("initialisers and ranges may use numbers, the file's sizes, + - * / ^, sqrt, exp and log");
  throw Abort{};
}

Part& Parts::add(const std::string& role, const ItemRef& ref) {
  auto part = std::make_unique<Part>();
  part->role = role;
  part->ref = ref;
  for (const dsl::Statement& s : ref.item->statements) {
    const bool equation = s.kind == StatementKind::equation || (s.kind == StatementKind::output && s.has_equation);
    if (equation && s.assign == dsl::AssignKind::define) {
      const dsl::TimeBase base = s.time ? s.time->base : dsl::TimeBase::t;
      if (base == dsl::TimeBase::t) part->equations[s.name] = &s;
      else part->boundaries[s.name][base] = &s;
    }
    if (s.kind == StatementKind::output) part->output = &s;
    if (s.kind == StatementKind::loss) part->loss = &s;
    if (s.kind == StatementKind::axis) {
      part->enums[s.name] = s.members;
      part->axes[s.name] = Axis{role + "." + s.name, s.name, static_cast<Extent>(s.members.size()), nullptr};
    }
    for (const dsl::Declaration& d : s.decls) {
      if (s.kind == StatementKind::state) part->states.push_back(d.name);
      if (s.kind == StatementKind::input) part->inputs.push_back(d.name);
      if (s.kind == StatementKind::param) part->params.push_back(d.name);
      if (s.kind == StatementKind::target) part->targets.push_back(d.name);
    }
  }
  return *(parts_[role] = std::move(part));
}

Part* Parts::find(const std::string& role) {
  auto found = parts_.find(role);
  return found == parts_.end() ? nullptr : found->second.get();
}

void Parts::take_sizes(Part& part) {
  for (const dsl::HeaderEntry& h : part.ref.item->header) {
    if (h.kind != dsl::HeaderEntry::Kind::size || part.axes.contains(h.name)) continue;
    std::int64_t extent = h.value.value_or(0);
    bool given = h.value.has_value();
    for (const std::string& key : {h.name, part.role + "." + h.name})
      if (auto s = sizes_.find(key); s != sizes_.end()) {
        extent = s->second;
        given = true;
        used_.insert(key);
      }
    if (!given)
      fail(Code::E0603, part, h.span, fmt::format("the size {} of {} is not given", h.name, part.ref.item->name),
           fmt::format("give it as a size: {0} or {1}.{0}", h.name, part.role));
    if (extent < 1 || extent > (std::int64_t{1} << 31))
      fail(Code::E0603, part, h.span, fmt::format("the size {} = {} is out of range", h.name, extent),
           "a size is at least 1 and below 2^31");
    part.axes[h.name] = Axis{part.role + "." + h.name, h.name, extent, nullptr};
  }
}

Init Parts::initialiser(const dsl::Declaration& decl, const Part& part) {
  Init init;
  auto arg = [&](std::size_t i, double otherwise) {
    if (i >= decl.init.args.size()) return otherwise;
    const double value = evaluate_constant(*decl.init.args[i], part, diagnostics_);
    if (!std::isfinite(value))
      fail(Code::E0603, part, decl.init.span,
           fmt::format("with these sizes the initialiser of {} comes to {}, which is no finite number", decl.name, value));
    return value;
  };
  if (decl.init.kind == dsl::InitKind::value) {
    init.kind = Init::Kind::value;
    init.a = arg(0, 0);
  } else if (decl.init.kind == dsl::InitKind::distribution) {
    const std::string& name = decl.init.distribution;
    if (name == "uniform") init = {Init::Kind::uniform, arg(0, 0), arg(1, 1)};
    else if (name == "normal") init = {Init::Kind::normal, arg(0, 0), arg(1, 1)};
    else if (name == "orthogonal") init = {Init::Kind::orthogonal, arg(0, 1), 0};
    else if (name == "sample") init = {Init::Kind::sample, arg(0, 1), 0};
    else
      fail(Code::E0602, part, decl.init.span, fmt::format("unknown distribution {}", name),
           "uniform(a, b), normal(mean, deviation), orthogonal(gain) or sample(n)");
  }
  return init;
}

void Parts::declare(Part& part, const BundleAxis& bundle) {
  const ItemKind item = part.ref.item->kind;
  for (const dsl::Statement& s : part.ref.item->statements) {
    TensorKind kind;
    switch (s.kind) {
      case StatementKind::input: kind = TensorKind::input; break;
      case StatementKind::target: kind = TensorKind::target; break;
      case StatementKind::state: kind = TensorKind::state; break;
      case StatementKind::param: kind = TensorKind::param; break;
      case StatementKind::hyper: kind = TensorKind::hyper; break;
      case StatementKind::keep: kind = TensorKind::keep; break;
      case StatementKind::wiring: kind = TensorKind::wiring; break;
      default: continue;
    }
    if (kind == TensorKind::input && item != ItemKind::cell) continue;  // bound at each call
    for (const dsl::Declaration& d : s.decls) {
      if (part.tensors.contains(d.name)) continue;
      std::vector<Axis> bundles;  // of a keep value, in order
      bool waits = false;
      for (const std::string& name : d.axes)
        if (kind == TensorKind::keep && bundle && !part.axes.contains(name)) {
          const auto found = bundle(name);
          waits = waits || (found && found->key.empty());
          if (found) bundles.push_back(*found);
        }
      if (waits) continue;
      Tensor t;
      t.name = part.role.empty() ? d.name : part.role + "." + d.name;
      t.kind = kind;
      t.per_step = d.per_step;
      t.as_taken = d.per_step && (item == ItemKind::cell || item == ItemKind::readout);
      for (std::size_t i = 0, next = 0; i < d.axes.size(); ++i) {
        auto axis = part.axes.find(d.axes[i]);
        if (axis == part.axes.end() && next < bundles.size()) {
          t.axes.push_back(bundles[next]);
          t.dims.push_back(bundles[next++].extent);
          continue;
        }
        if (axis == part.axes.end())
          fail(Code::E0602, part, i < d.axis_spans.size() ? d.axis_spans[i] : d.span,
               fmt::format("{} is not an axis here", d.axes[i]));
        t.axes.push_back(axis->second);
        t.dims.push_back(axis->second.extent);
      }
      long double numbers = 1;
      for (Extent extent : t.dims) numbers *= static_cast<long double>(extent);
      if (numbers > 0x1p45L)
        fail(Code::E0603, part, d.span,
             fmt::format("{} would have {:.3g} numbers, more than any memory holds", t.name,
                         static_cast<double>(numbers)),
             "use smaller sizes");
      t.batched = kind == TensorKind::input || kind == TensorKind::target || kind == TensorKind::state;
      t.init = initialiser(d, part);
      if (kind == TensorKind::wiring) {
        t.targets = Axis{t.name + ".target", "the places of " + d.name, static_cast<Extent>(t.init.a), nullptr};
        const bool named = !d.init.args.empty() && d.init.args[0]->kind == ExprKind::name;
        if (named && part.axes.contains(d.init.args[0]->name)) t.targets = part.axes.at(d.init.args[0]->name);
      }
      if (d.low && d.high) {
        t.low = evaluate_constant(*d.low, part, diagnostics_);
        t.high = evaluate_constant(*d.high, part, diagnostics_);
      }
      t.masked = t.batched;
      t.origin = {part.ref.source, d.span};
      part.tensors[d.name] = static_cast<int>(program_.tensors.size());
      program_.tensors.push_back(std::move(t));
    }
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
  if (!neurons || t.kind != TensorKind::param) return axes;
  const auto named = std::count_if(axes.begin(), axes.end(), [&](const Axis& a) { return a.key == neurons->key; });
  if (t.neuron_axis < 0 && named < 2) return axes;
  for (Axis& a : axes)
    if (a.key == neurons->key) a.key += "'";
  if (t.neuron_axis >= 0) axes[static_cast<std::size_t>(t.neuron_axis)] = *neurons;
  return axes;
}

Axis Parts::bundle_axis(const std::string& key, const std::string& shown, const std::vector<int>& tensors) {
  auto bundle = std::make_shared<Bundle>();
  Extent total = 0;
  for (int number : tensors) {
    const Tensor& t = program_.tensors[number];
    bundle->members.push_back({t.name, number, t.dims, member_axes(t), total, t.size()});
    total += t.size();
  }
  return Axis{key, shown, total, bundle};
}

}  // namespace eligo::compiler
