#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "compiler/frontend/instantiator.h"
#include "dsl/names.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Direction;
using dsl::Expr;
using dsl::ExprKind;
using dsl::LineWhen;
using dsl::StatementKind;

Instantiator::Request Instantiator::request(const std::string& shown, std::vector<dsl::ExprPtr>& keep) {
  Request r;
  r.name = shown;
  const std::string name = dsl::canonical(shown);
  const dsl::Span span = rule().name_span;
  dsl::ExprPtr base = make_name(name, span);
  if (const auto dot = name.find('.'); dot != std::string::npos) {
    auto member = std::make_shared<Expr>();
    member->kind = ExprKind::member;
    member->name = name.substr(dot + 1);
    member->span = span;
    member->args = {make_name(name.substr(0, dot), span)};
    base = member;
  }
  auto index = std::make_shared<Expr>();
  index->kind = ExprKind::index;
  index->span = span;
  index->args = {base, make_name("t", span)};
  keep.push_back(index);
  r.value = index.get();
  if (auto info = time_.names.find(name); info != time_.names.end()) {
    r.from_start = info->second.holds_at_start;
    r.sweep = info->second.window_complete || info->second.direction == Direction::backward;
    r.ahead = info->second.ahead;
  }
  return r;
}

bool Instantiator::is_state(const Value& v) {
  for (const auto& [key, block] : v.blocks)
    if (block->kind != NodeKind::leaf || p_.tensors[block->tensor].kind != TensorKind::state) return false;
  return !v.blocks.empty();
}

// "learn ψ", "learn ψ 2": what the first, the second line for ψ adds, by step and example.
bool Instantiator::shows_line(const std::string& shown) {
  if (!shown.starts_with("learn ")) return false;
  const auto spelt = [](const std::string& line) {  // "ψ 2"
    const std::size_t blank = line.find(' ');
    return dsl::canonical(line.substr(0, blank)) + (blank == std::string::npos ? "" : line.substr(blank));
  };
  std::vector<std::string> lines;
  std::map<std::string, int> count;
  for (const dsl::Statement& s : rule().statements) {
    if (s.kind != StatementKind::learn) continue;
    const int number = ++count[s.name];
    lines.push_back(number == 1 ? "learn " + s.name : fmt::format("learn {} {}", s.name, number));
    if (spelt(shown.substr(6)) != spelt(lines.back().substr(6))) continue;
    show_line(shown, s);
    return true;
  }
  parts_.fail(Code::E0602, *elab_.rule, rule().name_span, fmt::format("{} has no line \"{}\"", rule().name, shown),
              fmt::format("its lines are {}", fmt::join(lines, ", ")));
}

void Instantiator::show_line(const std::string& shown, const dsl::Statement& s) {
  std::map<int, int> into;  // parameter -> what is shown of it, also where the line runs in two places
  for (const LinePlace& place : places_of(s)) {
    Value value;
    Ref mask = elab_.values().flatten(place.mask);
    auto blocks = learned_from(s, place.scope, value);
    for (const int target : targets_of(s))  // of which nothing is left, as where a number of the header turns a line off
      if (std::none_of(blocks.begin(), blocks.end(), [&](const auto& b) { return b.first == target; }))
        blocks.emplace_back(target, p_.graph.constant(0));
    for (const auto& [parameter, block] : blocks) {
      const auto [known, fresh] = into.try_emplace(parameter, static_cast<int>(p_.tensors.size()));
      if (fresh) {
        Tensor t;
        t.name = fmt::format("shown.{}.{}", shown, p_.tensors[parameter].name);
        t.kind = TensorKind::shown;
        t.batched = true;
        t.dims = p_.tensors[parameter].dims;
        p_.tensors.push_back(t);
        const bool from_start = s.range == dsl::LearnRange::from_start || place.scope.now.base == When::start;
        p_.shown.push_back({shown, known->second, from_start, parameter});
      }
      const Use use = block->rank() ? whole(block) : Use{block, {}, 1};
      Ref node = p_.graph.contract({Use{mask, {}, 1}, use}, p_.tensors[parameter].dims, {}, s.sign);
      phase(place.phase).roots.push_back({RootKind::store, known->second, place.scope.now, node, shown});
    }
  }
}

void Instantiator::shows() {
  std::vector<dsl::ExprPtr> keep;
  for (const std::string& name : in_.show) {
    if (shows_of_block(name) || shows_line(name)) continue;
    Request r = request(name, keep);
    Scope scope;
    scope.part = elab_.rule;
    Value probe = elab_.values().form(elab_.evaluate(*r.value, scope));
    if (is_state(probe)) r.from_start = true;
    if (!r.sweep && r.from_start && !is_state(probe)) r.ahead = std::max(r.ahead, 0);
    Tensor t;
    t.name = "shown." + name;
    t.kind = TensorKind::shown;
    t.batched = true;
    t.axes = probe.axes;
    for (const Axis& a : t.axes) t.dims.push_back(a.extent);
    const int tensor = static_cast<int>(p_.tensors.size());
    p_.tensors.push_back(t);
    p_.shown.push_back({name, tensor, r.from_start});
    if (r.sweep) {
      const TimeRef now{When::t, 0};
      p_.online = false;
      Ref node = elab_.values().flatten(probe);
      phase(PhaseKind::sweep).roots.push_back({RootKind::store, tensor, now, node, "show " + name});
      if (r.from_start) phase(PhaseKind::sweep_start).roots.push_back({RootKind::store, tensor, now, node, "show " + name});
      continue;
    }
    show_on_arrival(name, tensor, r);
  }
  backward_recurrences();
  forward_again();
}

void Instantiator::show_on_arrival(const std::string& name, int tensor, Request r) {
  forward_again();
  for (int tries = 0; tries < 16; ++tries, ++r.ahead) {
    Scope scope;
    scope.part = elab_.rule;
    scope.now = {When::t, -r.ahead};
    Ref node = elab_.values().flatten(elab_.evaluate(*r.value, scope));
    forward_again();
    bool ready = true;
    for (Ref n : postorder({node}))
      if (n->kind == NodeKind::leaf && p_.tensors[n->tensor].kind == TensorKind::forward && n->time.base == When::t)
        ready = ready && n->time.offset <= -lag_.at(n->tensor);
    if (!ready) continue;
    p_.ahead = std::max(p_.ahead, r.ahead);
    phase(PhaseKind::show).roots.push_back({RootKind::store, tensor, scope.now, node, "show " + name});
    return;
  }
}

}  // namespace eligo::compiler
