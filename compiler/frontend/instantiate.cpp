#include "compiler/frontend/instantiate.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "compiler/frontend/instantiator.h"
#include "compiler/frontend/unreached.h"
#include "dsl/names.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Expr;
using dsl::ExprKind;
using dsl::ItemKind;
using dsl::LineWhen;
using dsl::StatementKind;

dsl::ExprPtr make_name(const std::string& name, dsl::Span span) {
  auto e = std::make_shared<Expr>();
  e->kind = ExprKind::name;
  e->name = name;
  e->span = span;
  return e;
}

namespace {

// Orders stores so that each comes after those whose values it reads at the same time.
void sort_roots(std::vector<Root>& roots) {
  std::map<std::pair<int, TimeRef>, std::size_t> stored;
  for (std::size_t i = 0; i < roots.size(); ++i)
    if (roots[i].kind == RootKind::store) stored[{roots[i].tensor, roots[i].time}] = i;
  std::vector<Root> sorted;
  std::vector<char> state(roots.size(), 0);
  std::function<void(std::size_t)> visit = [&](std::size_t i) {
    if (state[i]) return;
    state[i] = 1;
    for (Ref node : postorder({roots[i].node}))
      if (node->kind == NodeKind::leaf)
        if (auto s = stored.find({node->tensor, node->time}); s != stored.end()) visit(s->second);
    sorted.push_back(roots[i]);
  };
  for (std::size_t i = 0; i < roots.size(); ++i) visit(i);
  roots = std::move(sorted);
}

}  // namespace

void Instantiator::run() {
  flags();
  bind_roles();
  time_ = dsl::analyse_time(*in_.rule.item, diagnostics_);
  if (!diagnostics_.empty()) throw Abort{};
  elab_.time = &time_;
  find_blocks();
  bind_synths();
  parts_.declare(*elab_.rule, [this](const std::string& name) { return bundle_axis(name); });
  window();
  learned();
  revisions();
  version_parameters();
  lines();
  blocks();
  keep_values();
  forward_recurrences();
  backward_recurrences();
  shows();
  finish();
  unfollowed();
  updates();
  name_draws();
}

// An equation that is a draw and nothing else: `ν[t] = random_sign[s]()`.
void Instantiator::name_draws() {
  for (const auto& [role, part] : parts_.all())
    for (const auto& [name, s] : part->equations) {
      const auto drawn = elab_.noise.find(s->value.get());
      if (drawn == elab_.noise.end()) continue;
      p_.tensors[drawn->second].given_as = role.empty() ? name : role + "." + name;
    }
}

// In the rule's own words where it has some.
void Instantiator::unfollowed() {
  if (!net_) return;
  std::string state = net_->role + ".state", loss;
  for (const dsl::HeaderEntry& h : rule().header)
    if (h.kind == dsl::HeaderEntry::Kind::role && h.role == ItemKind::readout) loss = h.name;
  for (const dsl::Statement& s : rule().statements)
    for (const dsl::LetBinding& l : s.lets)
      if (l.value->kind == ExprKind::member && l.value->name == "state") state = l.name;
  note_unfollowed(p_, state, loss);
}

// Made where there is none yet.
Phase& Instantiator::phase(PhaseKind kind, const std::string& of) {
  const PhaseId wanted{kind, PhasePart::core, of};
  for (Phase& p : p_.phases)
    if (p == wanted) return p;
  p_.phases.push_back({wanted, {}});
  return p_.phases.back();
}

void Instantiator::add_flag(Flag flag) { p_.tensors.push_back(flag_tensor(flag)); }

void Instantiator::flags() {
  for (const Flag flag : {Flag::valid, Flag::exists, Flag::first, Flag::last, Flag::end, Flag::active, Flag::loss_mask,
                          Flag::time, Flag::steps})
    add_flag(flag);
  if (in_.counted) add_flag(Flag::counts);
  block_flags();
  Tensor t;
  t.name = "inverse_batch";
  t.kind = TensorKind::scalar;
  p_.tensors.push_back(t);
  for (const PhaseKind kind : {PhaseKind::step, PhaseKind::arrive, PhaseKind::show, PhaseKind::sweep,
                               PhaseKind::sweep_start, PhaseKind::close})
    phase(kind);
}

Part& Instantiator::add_role(const std::string& role, const dsl::HeaderEntry& entry) {
  auto found = in_.roles.find(role);
  if (found == in_.roles.end() || !found->second.item)
    parts_.fail(Code::E0602, *elab_.rule, entry.span, fmt::format("no part is given for the role {}", role),
                "name a cell, readout or synthesiser for it");
  if (found->second.item->kind != entry.role)
    parts_.fail(Code::E0602, *elab_.rule, entry.span,
                fmt::format("{} cannot take the role {}: it is of another kind", found->second.item->name, role));
  return parts_.add(role, found->second);
}

void Instantiator::bind_roles() {
  Part& r = parts_.add("", in_.rule);
  elab_.rule = &r;
  p_.name = dsl::ascii(rule().name);
  for (const dsl::HeaderEntry& h : rule().header) {
    if (h.kind != dsl::HeaderEntry::Kind::size) continue;
    std::int64_t value = h.all ? -1 : h.value.value_or(0);
    bool given = h.all || h.value.has_value();
    if (auto g = in_.header.find(h.name); g != in_.header.end()) {
      value = g->second;
      given = true;
    }
    // A number whose default is 0 is a choice of the rule's, others count something.
    const bool zero = h.value == 0;
    if (!given || (value == 0 && !zero) || value < -1 || value > INT32_MAX)
      parts_.fail(Code::E0603, r, h.span,
                  fmt::format("{} must be a {} integer below 2^31, or `all`", h.name, zero ? "non-negative" : "positive"));
    elab_.header_numbers[h.name] = static_cast<double>(value);
  }
  for (const auto& [name, value] : in_.header)
    if (!elab_.header_numbers.contains(name))
      parts_.fail(Code::E0602, r, rule().name_span,
                  fmt::format("the rule {} has no {} in its header", rule().name, name));
  for (const dsl::HeaderEntry& h : rule().header) {
    if (h.kind != dsl::HeaderEntry::Kind::role || h.role != ItemKind::cell) continue;
    Part& net = add_role(h.name, h);
    p_.name += "_" + dsl::ascii(net.ref.item->name);
    parts_.take_sizes(net);
    parts_.declare(net);
    net_ = &net;
    for (const std::string& i : net.inputs) p_.inputs.push_back(net.tensors.at(i));
    for (const std::string& s : net.states)
      if (!net.equations.contains(s))
        parts_.fail(Code::E0602, net, net.ref.item->name_span, fmt::format("the state {} has no equation", s));
    for (const auto& [name, s] : net.equations) elab_.field(net, name);
    if (!h.over.empty()) bind_neurons(net, h);
  }
  for (const dsl::HeaderEntry& h : rule().header)
    if (h.kind == dsl::HeaderEntry::Kind::role && h.role == ItemKind::readout) bind_readout(add_role(h.name, h), h);
  parts_.declare(r, [this](const std::string& name) { return bundle_axis(name); });
}

// The axis of a bundle that a `let` names, an empty one as long as its role is not bound.
std::optional<Axis> Instantiator::bundle_axis(const std::string& name) {
  for (const dsl::Statement& s : rule().statements)
    for (const dsl::LetBinding& l : s.lets) {
      const bool member = l.value->kind == ExprKind::member && l.value->args[0]->kind == ExprKind::name;
      if (l.name != name || !member) continue;
      const std::string& which = l.value->name;
      if (which != "state" && which != "input" && which != "params") return std::nullopt;
      Part* part = parts_.find(l.value->args[0]->name);
      if (!part) return Axis{};
      const auto& names = which == "state" ? part->states : which == "input" ? part->inputs : part->params;
      std::vector<int> tensors;
      for (const std::string& n : names) tensors.push_back(part->tensors.at(n));
      return parts_.bundle_axis(part->role + "." + which, name, tensors);
    }
  return std::nullopt;
}

std::string Instantiator::output_of(const Part& net) {
  if (!net.output) return net.states.at(0);
  if (net.output->has_equation) return net.output->name;
  return net.output->value && net.output->value->kind == ExprKind::name ? net.output->value->name : net.output->name;
}

void Instantiator::bind_readout(Part& readout, const dsl::HeaderEntry& entry) {
  if (!net_ || net_->states.empty())
    parts_.fail(Code::E0602, *elab_.rule, entry.span, "a readout needs a net with a state to read");
  const std::string output = output_of(*net_);
  const int tensor = net_->equations.contains(output) ? elab_.field(*net_, output) : net_->tensors.at(output);
  std::vector<Value> args = {elab_.values().tensor(p_.leaf(tensor, {When::t, 0}), p_.tensors[tensor].axes)};
  elab_.bind_axes(readout, *make_name(output, entry.span), args);
  for (const std::string& i : readout.inputs) elab_.bound_inputs[readout.role][i] = args[0];
  parts_.take_sizes(readout);
  parts_.declare(readout);
  for (const std::string& t : readout.targets) p_.targets.push_back(readout.tensors.at(t));
  for (const auto& [name, s] : readout.equations) elab_.field(readout, name);
  if (!readout.loss) parts_.fail(Code::E0602, readout, readout.ref.item->name_span, "this readout has no loss");
  Scope scope;
  scope.part = &readout;
  scope.bound = elab_.bound_inputs[readout.role];
  Values& v = elab_.values();
  const Value loss = elab_.evaluate(*readout.loss->value, scope);
  if (!loss.axes.empty())
    parts_.fail(Code::E0601, readout, readout.loss->span,
                fmt::format("a loss is one number per example, this has axes {}", describe(loss.axes)),
                "take its sum(…) or mean(…)");
  p_.loss = parts_.declare_equation(readout, "loss", TensorKind::field, {});
  p_.tensors[p_.loss].masked = true;
  const TimeRef t{When::t, 0};
  p_.definitions[p_.loss] = v.flatten(v.multiply(elab_.flag(Flag::valid, t), elab_.weighted_loss(loss, t)));
}

void Instantiator::bind_synths() {
  elab_.bind_role = [this](const std::string& role) {
    for (const dsl::HeaderEntry& h : rule().header)
      if (h.kind == dsl::HeaderEntry::Kind::role && h.role == ItemKind::synth && h.name == role) bind_synth(h);
  };
  for (const dsl::HeaderEntry& h : rule().header)
    if (h.kind == dsl::HeaderEntry::Kind::role && h.role == ItemKind::synth && !parts_.find(h.name)) bind_synth(h);
}

// What it is called with may call others, which are bound on the way.
void Instantiator::bind_synth(const dsl::HeaderEntry& h) {
  const Expr* call = nullptr;
  BlockNames *inside = nullptr, *block = nullptr;  // of the call; of the line that is walked
  std::function<void(const Expr&)> walk = [&](const Expr& e) {
    if (!call && e.kind == ExprKind::call && e.name == h.name) {
      call = &e;
      inside = block;
    }
    for (const auto& a : e.args) walk(*a);
  };
  std::function<void(const std::vector<dsl::Statement>&)> all = [&](const std::vector<dsl::Statement>& statements) {
    for (const dsl::Statement& s : statements) {
      if (s.value) walk(*s.value);
      for (const dsl::LetBinding& l : s.lets) walk(*l.value);
      if (!s.body.empty()) block = block_of(&s);
      all(s.body);
      if (!s.body.empty()) block = nullptr;
    }
  };
  all(rule().statements);
  if (!call) parts_.fail(Code::E0602, *elab_.rule, h.span, fmt::format("the synthesiser {} is never called", h.name));
  if (!binding_.insert(h.name).second)
    parts_.fail(Code::E0601, *elab_.rule, call->span,
                fmt::format("the axes of {} cannot be told: its first call reads its own result", h.name),
                "write a call whose inputs do not depend on it above this one");
  synth_calls_[h.name] = inside ? nullptr : call;
  Scope scope;
  scope.part = elab_.rule;
  scope.block = inside;
  std::vector<Value> args;
  for (const auto& a : call->args) args.push_back(elab_.values().form(elab_.evaluate(*a, scope)));
  Part& part = add_role(h.name, h);
  elab_.bind_axes(part, *call, args);
  parts_.take_sizes(part);
  parts_.declare(part);
}

void Instantiator::window() {
  for (const dsl::Statement& s : rule().statements) {
    if (s.kind != StatementKind::window) continue;
    p_.short_first = s.short_first;
    if (s.value->kind == ExprKind::name && elab_.header_numbers.contains(s.value->name))
      p_.window = static_cast<std::int64_t>(elab_.header_numbers[s.value->name]);
    else if (s.value->kind == ExprKind::name && s.value->name == "all") p_.window = -1;
    else p_.window = static_cast<std::int64_t>(evaluate_constant(*s.value, *elab_.rule, diagnostics_));
    if (p_.window == 0 || p_.window < -1)
      parts_.fail(Code::E0601, *elab_.rule, s.span, "a window has at least one step");
  }
}

void Instantiator::finish() {
  std::size_t number = 0;
  for (const dsl::Statement& s : rule().statements) {
    if (s.kind != StatementKind::learn) continue;
    const dsl::LearnTime& line = time_.learns.at(number++);
    std::set<std::string> active;
    if (line.when != LineWhen::arrive) p_.window_ahead = std::max(p_.window_ahead, reach(*s.value, active));
  }
  for (const dsl::Statement& s : rule().statements)
    for (const dsl::Statement& line : s.body) {
      std::set<std::string> active;
      if (s.kind == StatementKind::per_neuron && !p_.online && line.value)
        p_.window_ahead = std::max(p_.window_ahead, reach(*line.value, active));
    }
  for (const auto& [tensor, lag] : lag_) p_.ahead = std::max(p_.ahead, lag);
  if (!p_.online || !phase(PhaseKind::close).roots.empty()) p_.ahead = std::max(p_.ahead, p_.window_ahead);
  for (const Root& r : phase(PhaseKind::arrive).roots) {
    const bool now = r.kind == RootKind::store && r.time == TimeRef{When::t, 0};
    if (now && p_.tensors[r.tensor].at_start) p_.at_start = true;
  }
  record_first();
  if (!p_.online)
    for (const Learned& l : p_.learned)
      if (l.every == UpdateEvery::step)
        parts_.fail(Code::E0606, *elab_.rule, rule().name_span,
                    fmt::format("{} cannot be updated at every step: the rule runs backward over a window", l.bundle),
                    "update every window or every sequence");
  for (const auto& [tensor, node] : p_.definitions)
    phase(PhaseKind::step).roots.push_back({RootKind::store, tensor, {When::t, 0}, node, p_.tensors[tensor].name});
  for (Phase& ph : p_.phases) sort_roots(ph.roots);
  for (std::size_t i = 0; i < p_.tensors.size(); ++i)
    if (p_.tensors[i].kind == TensorKind::wiring) p_.wirings.push_back(static_cast<int>(i));
}

std::unique_ptr<Program> instantiate(const Instance& instance, dsl::Diagnostics& diagnostics) {
  auto program = std::make_unique<Program>();
  try {
    Instantiator(instance, *program, diagnostics).run();
  } catch (const Abort&) {
    return nullptr;
  }
  return program;
}

}  // namespace eligo::compiler
