#include <algorithm>

#include <fmt/format.h>

#include "compiler/frontend/instantiator.h"
#include "compiler/frontend/per_step.h"
#include "dsl/names.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Expr;
using dsl::ExprKind;
using dsl::LineWhen;
using dsl::StatementKind;

std::vector<int> Instantiator::targets_of(const dsl::Statement& s) {
  Scope scope;
  scope.part = elab_.rule;
  dsl::ExprPtr e = make_name(s.name, s.name_span);
  if (const auto dot = s.name.find('.'); dot != std::string::npos) {
    auto member = std::make_shared<Expr>();
    member->kind = ExprKind::member;
    member->name = s.name.substr(dot + 1);
    member->span = s.name_span;
    member->args = {make_name(s.name.substr(0, dot), s.name_span)};
    e = member;
  }
  const Value v = elab_.evaluate(*e, scope);
  std::vector<int> tensors;
  for (const auto& [key, block] : v.blocks) {
    Ref leaf = block->kind == NodeKind::contract && !block->uses.empty() ? block->uses[0].node : block;
    if (leaf->kind != NodeKind::leaf || p_.tensors[leaf->tensor].kind != TensorKind::param)
      parts_.fail(Code::E0601, *elab_.rule, s.name_span,
                  fmt::format("{} is no parameter, so nothing can be learned", s.name));
    if (std::find(tensors.begin(), tensors.end(), leaf->tensor) == tensors.end()) tensors.push_back(leaf->tensor);
  }
  return tensors;
}

void Instantiator::learned() {
  for (const dsl::Statement& s : rule().statements) {
    if (s.kind != StatementKind::learn) continue;
    for (int tensor : targets_of(s)) {
      if (gradient_.contains(tensor)) continue;
      Learned l;
      l.bundle = s.name;
      l.parameter = tensor;
      l.every = s.every == "step"       ? UpdateEvery::step
                : s.every == "window"   ? UpdateEvery::window
                : s.every == "sequence" ? UpdateEvery::sequence
                                        : in_.update;
      Tensor g;
      g.name = "gradient." + p_.tensors[tensor].name;
      g.kind = TensorKind::gradient;
      g.dims = p_.tensors[tensor].dims;
      g.per_step = p_.tensors[tensor].per_step;
      p_.tensors[tensor].bundle = s.name;
      l.gradient = gradient_[tensor] = static_cast<int>(p_.tensors.size());
      p_.tensors.push_back(g);
      if (l.every == UpdateEvery::step) p_.updates_within = true;
      if (l.every == UpdateEvery::window && p_.window != -1) p_.updates_within = true;
      p_.learned.push_back(l);
    }
  }
}

void Instantiator::version_parameters() {
  if (!p_.updates_within) return;
  std::set<int> changing;
  for (const Learned& l : p_.learned)
    if (l.every != UpdateEvery::sequence) changing.insert(l.parameter);
  for (const BlockNames& block : blocks_)
    for (const auto& [name, revised] : block.revised)
      if (revised.assign) changing.insert(revised.parameters.begin(), revised.parameters.end());
  for (auto& [tensor, root] : p_.definitions) {
    std::map<Ref, Ref> moved;
    for (Ref node : postorder({root})) {
      std::vector<Use> uses = node->uses;
      for (Use& use : uses) use.node = moved.at(use.node);
      const bool versioned = node->kind == NodeKind::leaf && changing.contains(node->tensor);
      moved[node] = versioned ? p_.leaf(node->tensor, {When::t, 0}) : p_.graph.rebuild(node, std::move(uses));
    }
    root = moved.at(root);
  }
}

std::size_t Instantiator::line_number(const dsl::Statement& s) const {
  std::size_t number = 0;
  for (const dsl::Statement& x : rule().statements) {
    if (&x == &s) break;
    number += x.kind == StatementKind::learn;
  }
  return number;
}

TimeRef Instantiator::step_learned(int tensor, Ref block, const Value& value, const dsl::Statement& s) {
  if (!p_.tensors[tensor].per_step) return {};
  const std::set<TimeRef> steps = steps_differentiated(block, tensor);
  // A line that reads no t runs once a window, not once a step: what it adds must be some step's own.
  const bool once = time_.learns.at(line_number(s)).when == LineWhen::close;
  if (value.axes.size() == 1 && value.axes[0].step && !(once && steps.empty())) return *value.axes[0].step;
  if (steps.size() == 1) return *steps.begin();
  parts_.fail(Code::E0605, *elab_.rule, s.span,
              fmt::format("{} has a value per step, and {} belongs to {}", p_.tensors[tensor].name,
                          "what it learns here", steps.empty() ? "no single one" : "several of them"),
              "learn in a line that reads t, where a parameter is that step's: signal[t] . d(s[t])/d(ψ)");
}

std::vector<std::pair<int, Ref>> Instantiator::learned_from(const dsl::Statement& s, const Scope& scope, Value& v) {
  v = elab_.values().form(elab_.evaluate(*s.value, scope));
  const std::vector<int> tensors = targets_of(s);
  p_.graph.origin = {in_.rule.source, s.span};
  const bool bundle = v.axes.size() == 1 && v.axes[0].bundle && v.axes[0].bundle->members.size() == tensors.size();
  std::vector<std::pair<int, Ref>> parts;
  if (bundle) {
    for (const auto& [key, block] : v.blocks) parts.emplace_back(v.axes[0].bundle->members[key[0]].tensor, block);
  } else if (tensors.size() == 1) {
    parts.emplace_back(tensors[0], elab_.values().flatten(v));
  }
  for (auto& [tensor, block] : parts)
    if (!gradient_.contains(tensor) || (block->rank() && block->dims != p_.tensors[tensor].dims)) parts.clear();
  if (parts.empty() && !(bundle && v.blocks.empty()))
    parts_.fail(Code::E0601, *elab_.rule, s.span,
                fmt::format("{} cannot learn from this: it has axes {}", s.name, describe(v.axes)),
                fmt::format("the right side must have the axes of {}", s.name));
  return parts;
}

void Instantiator::gather(Phase& into, const dsl::Statement& s, const Scope& scope, const Value& mask) {
  Value v;
  const std::vector<std::pair<int, Ref>> parts = learned_from(s, scope, v);
  Ref inverse = p_.leaf(p_.find("inverse_batch"), {});
  Ref m = mask.blocks.begin()->second;
  for (const auto& [tensor, block] : parts) {
    const auto& dims = p_.tensors[tensor].dims;
    Ref node = p_.graph.contract({Use{inverse, {}, 1}, Use{m, {}, 1}, block->rank() ? whole(block) : Use{block, {}, 1}},
                                 dims, {}, s.sign, true);
    const TimeRef step = step_learned(tensor, block, v, s);
    const int gradient = s.clip ? clipped(s, gradient_.at(tensor)) : gradient_.at(tensor);
    into.roots.push_back({RootKind::gather, gradient, step, node, "learn " + s.name});
  }
}

// Where a clipped line gathers what one step adds; one place for all phases of the line.
int Instantiator::clipped(const dsl::Statement& s, int gradient) {
  const auto [known, fresh] = clipped_.try_emplace({&s, gradient}, static_cast<int>(p_.tensors.size()));
  if (!fresh) return known->second;
  Tensor t = p_.tensors[gradient];
  t.name = "clipped." + t.name;
  while (p_.find(t.name) >= 0) t.name += "'";
  Clip clip;
  clip.gathered = known->second;
  clip.gradient = gradient;
  if (s.clip->kind == ExprKind::number) clip.bound = s.clip->number;
  else clip.hyper = elab_.rule->tensors.at(s.clip->name);
  p_.tensors.push_back(std::move(t));
  p_.clips.push_back(clip);
  return clip.gathered;
}

Value Instantiator::counted(const Value& mask, TimeRef now) {
  return in_.counted ? elab_.values().multiply(elab_.flag(Flag::counts, now), mask) : mask;
}

std::vector<Instantiator::LinePlace> Instantiator::places_of(const dsl::Statement& s) {
  const dsl::LearnTime& line = time_.learns.at(line_number(s));
  Scope scope;
  scope.part = elab_.rule;
  if (line.when == LineWhen::close) {
    scope.now = {When::start, 0};
    return {{PhaseKind::close, scope, counted(elab_.flag(Flag::active, scope.now), scope.now)}};
  }
  if (line.when == LineWhen::arrive) scope.now = {When::t, -line.ahead};
  const bool arrives = line.when == LineWhen::arrive;
  const Flag holds = line.from_start && arrives ? Flag::exists : Flag::valid;
  std::vector<LinePlace> places;
  places.push_back({arrives ? PhaseKind::arrive : PhaseKind::sweep, scope, counted(elab_.flag(holds, scope.now), scope.now)});
  if (line.from_start && !arrives)
    places.push_back({PhaseKind::sweep_start, scope, counted(elab_.flag(Flag::first, scope.now), scope.now)});
  return places;
}

void Instantiator::lines() {
  std::size_t number = 0;
  for (const dsl::Statement& s : rule().statements) {
    if (s.kind != StatementKind::learn) continue;
    const dsl::LearnTime& line = time_.learns.at(number++);
    if (line.when == LineWhen::arrive) p_.ahead = std::max(p_.ahead, line.ahead);
    if (line.when == LineWhen::arrive && line.from_start && line.ahead == 0) p_.at_start = true;
    if (line.when == LineWhen::sweep) p_.online = false;
    for (const LinePlace& place : places_of(s)) gather(phase(place.phase), s, place.scope, place.mask);
  }
  for (const auto& [name, s] : elab_.rule->equations)
    if (s->record) {
      const Expr at = *make_name(name, s->span);
      elab_.rule_name(name, {When::t, 0}, at);
      const int tensor = elab_.rule->tensors.at(name);
      phase(PhaseKind::arrive).roots.push_back({RootKind::store,
                                       tensor,
                                       {When::t, 0},
                                       store_value(tensor, elab_.with_boundaries(name, {When::t, 0})),
                                       name});
    }
}

void Instantiator::updates() {
  if (!in_.optimiser.item) return;
  p_.optimiser = in_.optimiser.item->name;
  for (Learned& l : p_.learned) {
    const std::string parameter = p_.tensors[l.parameter].name;
    Part& part = parts_.add("optimiser." + parameter, in_.optimiser);
    const Extent size = p_.tensors[l.parameter].size();
    Scope scope;
    scope.part = &part;
    const auto& header = in_.optimiser.item->header;
    if (header.size() != 2)
      parts_.fail(Code::E0602, part, in_.optimiser.item->name_span,
                  "an optimiser's header names the parameter and its gradient", "optimiser adam(p, grad) { … }");
    const Axis axis{"p", header[0].name, size, nullptr};
    const bool per_step = p_.tensors[l.parameter].per_step;
    const TimeRef step = per_step ? TimeRef{When::t, 0} : TimeRef{};  // run once a step's copy
    for (std::size_t i = 0; i < 2; ++i) {
      const int tensor = i == 0 ? l.parameter : l.gradient;
      part.axes[header[i].name] = axis;
      scope.bound[header[i].name] = elab_.values().tensor(p_.graph.leaf(tensor, step, {size}, false), {axis});
    }
    parts_.declare(part);
    for (const auto& [name, tensor] : part.tensors)
      if (p_.tensors[tensor].kind == TensorKind::keep) p_.tensors[tensor].per_step = per_step;
    for (auto& [name, tensor] : part.tensors) {  // hypers are shared by the bundle
      if (p_.tensors[tensor].kind != TensorKind::hyper) continue;
      const std::string shared = fmt::format("optimiser.{}.{}", l.bundle, name);
      const int have = p_.find(shared);
      if (have >= 0 && have != tensor) {
        p_.tensors[tensor].name.clear();
        tensor = have;
      } else {
        p_.tensors[tensor].name = shared;
      }
    }
    Phase update{{PhaseKind::update, PhasePart::core, parameter}, {}};
    for (const dsl::Statement& s : in_.optimiser.item->statements) {
      if (s.kind != StatementKind::equation || s.assign != dsl::AssignKind::assign) continue;
      const bool is_parameter = s.name == header[0].name;
      const int tensor = is_parameter ? l.parameter : part.tensors.at(s.name);
      Value v = elab_.right_side(s, scope);
      const std::vector<Axis> axes = is_parameter ? std::vector<Axis>{axis} : p_.tensors[tensor].axes;
      v = elab_.values().reorder(v, axes);
      update.roots.push_back({RootKind::assign, tensor, step, elab_.values().flatten(v), s.name});
    }
    l.update_phase = static_cast<int>(p_.phases.size());
    p_.phases.push_back(std::move(update));
  }
}

}  // namespace eligo::compiler
