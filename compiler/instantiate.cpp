#include "compiler/instantiate.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "compiler/elaborate.h"
#include "dsl/names.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::Direction;
using dsl::Expr;
using dsl::ExprKind;
using dsl::ItemKind;
using dsl::LineWhen;
using dsl::StatementKind;

namespace {

dsl::ExprPtr make_name(const std::string& name, dsl::Span span) {
  auto e = std::make_shared<Expr>();
  e->kind = ExprKind::name;
  e->name = name;
  e->span = span;
  return e;
}

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

class Instantiator {
 public:
  Instantiator(const Instance& instance, Program& program, dsl::Diagnostics& diagnostics)
      : in_(instance),
        p_(program),
        diagnostics_(diagnostics),
        parts_(program, diagnostics, instance.sizes),
        elab_(program, parts_, diagnostics) {}

  void run() {
    flags();
    bind_roles();
    time_ = dsl::analyse_time(*in_.rule.item, diagnostics_);
    if (!diagnostics_.empty()) throw Abort{};
    elab_.time = &time_;
    bind_synths();
    refuse_blocks();
    window();
    learned();
    version_parameters();
    lines();
    forward_recurrences();
    backward_recurrences();
    shows();
    finish();
    updates();
  }

 private:
  Phase& phase(const std::string& name) {
    for (Phase& p : p_.phases)
      if (p.name == name) return p;
    p_.phases.push_back({name, {}});
    return p_.phases.back();
  }

  const dsl::Item& rule() const { return *in_.rule.item; }

  void flags() {
    for (const char* name : {"valid", "exists", "first", "last", "end", "active", "loss_mask", "t", "T"}) {
      Tensor t;
      t.name = name;
      t.kind = TensorKind::flag;
      t.batched = true;
      const std::string word = name;
      t.is_mask = word != "t" && word != "T" && word != "loss_mask";
      p_.tensors.push_back(t);
    }
    Tensor t;
    t.name = "inverse_batch";
    t.kind = TensorKind::scalar;
    p_.tensors.push_back(t);
    for (const char* name : {"step", "arrive", "show", "sweep", "sweep_start", "close"})
      p_.phases.push_back({name, {}});
  }

  Part& add_role(const std::string& role, const dsl::HeaderEntry& entry) {
    auto found = in_.roles.find(role);
    if (found == in_.roles.end() || !found->second.item)
      parts_.fail(Code::E0602, *elab_.rule, entry.span, fmt::format("no part is given for the role {}", role),
                  "name a cell, readout or synthesiser for it");
    if (found->second.item->kind != entry.role)
      parts_.fail(Code::E0602, *elab_.rule, entry.span,
                  fmt::format("{} cannot take the role {}: it is of another kind", found->second.item->name, role));
    return parts_.add(role, found->second);
  }

  void bind_roles() {
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
      if (!given || value == 0 || value < -1)
        parts_.fail(Code::E0603, r, h.span, fmt::format("{} must be a positive integer or `all`", h.name));
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
      if (!h.over.empty()) {
        for (const auto& [name, axis] : net.axes)
          if (p_.tensors[net.tensors.at(net.states.at(0))].axes.at(0).key == axis.key) r.axes[h.over] = axis;
      }
    }
    for (const dsl::HeaderEntry& h : rule().header)
      if (h.kind == dsl::HeaderEntry::Kind::role && h.role == ItemKind::readout) bind_readout(add_role(h.name, h), h);
    parts_.declare(r);
  }

  std::string output_of(const Part& net) {
    if (!net.output) return net.states.at(0);
    if (net.output->has_equation) return net.output->name;
    return net.output->value && net.output->value->kind == ExprKind::name ? net.output->value->name : net.output->name;
  }

  void bind_readout(Part& readout, const dsl::HeaderEntry& entry) {
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
    p_.definitions[p_.loss] =
        v.flatten(v.multiply(v.multiply(elab_.flag("valid", t), elab_.flag("loss_mask", t)), loss));
  }

  // A synthesiser's axes come from its first call in the rule.
  void bind_synths() {
    for (const dsl::HeaderEntry& h : rule().header) {
      if (h.kind != dsl::HeaderEntry::Kind::role || h.role != ItemKind::synth) continue;
      Part& part = add_role(h.name, h);
      const Expr* call = nullptr;
      std::function<void(const Expr&)> walk = [&](const Expr& e) {
        if (!call && e.kind == ExprKind::call && e.name == h.name) call = &e;
        for (const auto& a : e.args) walk(*a);
      };
      std::function<void(const std::vector<dsl::Statement>&)> all = [&](const std::vector<dsl::Statement>& statements) {
        for (const dsl::Statement& s : statements) {
          if (s.value) walk(*s.value);
          for (const dsl::LetBinding& l : s.lets) walk(*l.value);
          all(s.body);
        }
      };
      all(rule().statements);
      if (!call)
        parts_.fail(Code::E0602, *elab_.rule, h.span, fmt::format("the synthesiser {} is never called", h.name));
      Scope scope;
      scope.part = elab_.rule;
      std::vector<Value> args;
      for (const auto& a : call->args) args.push_back(elab_.values().form(elab_.evaluate(*a, scope)));
      elab_.bind_axes(part, *call, args);
      parts_.take_sizes(part);
      parts_.declare(part);
    }
  }

  void refuse_blocks() {
    for (const dsl::Statement& s : rule().statements) {
      if (s.kind == StatementKind::at_each)
        parts_.fail(Code::E0605, *elab_.rule, s.span, "`at each` blocks are checked, but cannot be run yet");
      if (s.kind == StatementKind::per_neuron)
        parts_.fail(Code::E0605, *elab_.rule, s.span, "`per neuron` blocks are checked, but cannot be run yet");
      if (s.kind == StatementKind::equation && s.assign == dsl::AssignKind::assign)
        parts_.fail(Code::E0605, *elab_.rule, s.span, "`:=` in a rule cannot be run yet");
    }
  }

  void window() {
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

  // The tensors that a learn line's left side names.
  std::vector<int> targets_of(const dsl::Statement& s) {
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

  void learned() {
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
        p_.tensors[tensor].bundle = s.name;
        l.gradient = gradient_[tensor] = static_cast<int>(p_.tensors.size());
        p_.tensors.push_back(g);
        if (l.every == UpdateEvery::step) p_.updates_within = true;
        if (l.every == UpdateEvery::window && p_.window != -1) p_.updates_within = true;
        p_.learned.push_back(l);
      }
    }
  }

  // Where parameters change inside a sequence, a step's equations hold the values that they had when it was taken.
  void version_parameters() {
    if (!p_.updates_within) return;
    std::set<int> changing;
    for (const Learned& l : p_.learned)
      if (l.every != UpdateEvery::sequence) changing.insert(l.parameter);
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

  void gather(Phase& into, const dsl::Statement& s, const Scope& scope, const Value& mask) {
    Value v = elab_.values().form(elab_.evaluate(*s.value, scope));
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
    Ref inverse = p_.leaf(p_.find("inverse_batch"), {});
    Ref m = mask.blocks.begin()->second;
    for (const auto& [tensor, block] : parts) {
      const auto& dims = p_.tensors[tensor].dims;
      Ref node =
          p_.graph.contract({Use{inverse, {}, 1}, Use{m, {}, 1}, block->rank() ? whole(block) : Use{block, {}, 1}},
                            dims, {}, s.sign, true);
      into.roots.push_back({RootKind::gather, gradient_.at(tensor), {}, node, "learn " + s.name});
    }
  }

  void lines() {
    std::size_t number = 0;
    for (const dsl::Statement& s : rule().statements) {
      if (s.kind != StatementKind::learn) continue;
      const dsl::LearnTime& line = time_.learns.at(number++);
      Scope scope;
      scope.part = elab_.rule;
      const char* holds = line.from_start ? "exists" : "valid";
      if (line.when == LineWhen::arrive) {
        scope.now = {When::t, -line.ahead};
        p_.ahead = std::max(p_.ahead, line.ahead);
        gather(phase("arrive"), s, scope, elab_.flag(holds, scope.now));
      } else if (line.when == LineWhen::sweep) {
        p_.online = false;
        gather(phase("sweep"), s, scope, elab_.flag("valid", scope.now));
        if (line.from_start) gather(phase("sweep_start"), s, scope, elab_.flag("first", scope.now));
      } else {
        scope.now = {When::start, 0};
        gather(phase("close"), s, scope, elab_.flag("active", scope.now));
      }
    }
    for (const auto& [name, s] : elab_.rule->equations)
      if (s->record) {
        const Expr at = *make_name(name, s->span);
        elab_.rule_name(name, {When::t, 0}, at);
        const int tensor = elab_.rule->tensors.at(name);
        phase("arrive").roots.push_back({RootKind::store,
                                         tensor,
                                         {When::t, 0},
                                         store_value(tensor, elab_.with_boundaries(name, {When::t, 0})),
                                         name});
      }
  }

  Ref store_value(int tensor, const Value& value) {
    Value v = elab_.values().form(value);
    try {
      v = elab_.values().reorder(v, p_.tensors[tensor].axes);
    } catch (const ShapeError& error) {
      parts_.fail(Code::E0601, *elab_.rule, rule().name_span, error.what());
    }
    return elab_.values().flatten(v);
  }

  std::vector<int> recurrences(TensorKind kind) {
    std::vector<int> found;
    for (const auto& [name, tensor] : elab_.rule->tensors)
      if (p_.tensors[tensor].kind == kind) found.push_back(tensor);
    return found;
  }

  void note_reads(Ref root, int self, bool& changed) {
    for (Ref node : postorder({root})) {
      if (node->kind != NodeKind::leaf || node->tensor == self || node->time.base != When::t) continue;
      if (p_.tensors[node->tensor].kind != TensorKind::forward) continue;
      auto [at, fresh] = lag_.emplace(node->tensor, -node->time.offset);
      if (fresh || -node->time.offset < at->second) {
        at->second = -node->time.offset;
        changed = true;
      }
    }
  }

  // A forward recurrence is fixed at its first reading: as many arrivals after its index as its earliest reader waits.
  void forward_recurrences() {
    bool changed = true;
    for (const Root& r : phase("arrive").roots) note_reads(r.node, -1, changed);
    std::map<int, Ref> defs;
    for (int round = 0; changed; ++round) {
      changed = false;
      const std::vector<int> all = recurrences(TensorKind::forward);
      for (int tensor : all) {
        const std::string& name = p_.tensors[tensor].name;
        const int ahead = time_.names.at(name).ahead;
        if (!lag_.contains(tensor)) lag_[tensor] = ahead;
        if (lag_[tensor] < ahead || round > 64)
          parts_.fail(Code::E0601, *elab_.rule, elab_.rule->equations.at(name)->span,
                      fmt::format("{} is read before the steps that it looks ahead to have arrived", name));
        const TimeRef now{When::t, -lag_[tensor]};
        defs[tensor] = store_value(tensor, elab_.with_boundaries(name, now));
        note_reads(defs[tensor], tensor, changed);
      }
      if (recurrences(TensorKind::forward).size() != all.size()) changed = true;
    }
    for (const auto& [tensor, node] : defs)
      phase("arrive").roots.push_back(
          {RootKind::store, tensor, {When::t, -lag_[tensor]}, node, p_.tensors[tensor].name});
  }

  void backward_recurrences() {
    for (bool more = true; more;) {
      more = false;
      for (int tensor : recurrences(TensorKind::backward)) {
        if (!swept_.insert(tensor).second) continue;
        more = true;
        p_.online = false;
        const std::string& name = p_.tensors[tensor].name;
        const TimeRef now{When::t, 0};
        Ref node = store_value(tensor, elab_.with_boundaries(name, now));
        phase("sweep").roots.push_back({RootKind::store, tensor, now, node, name});
        if (time_.names.at(name).holds_at_start)
          phase("sweep_start").roots.push_back({RootKind::store, tensor, now, node, name});
      }
    }
    // Forward recurrences that only the sweep reads have been found by now.
    bool changed = false;
    for (int tensor : recurrences(TensorKind::forward))
      if (!lag_.contains(tensor)) changed = true;
    if (changed) {
      std::erase_if(phase("arrive").roots,
                    [&](const Root& r) { return p_.tensors[r.tensor].kind == TensorKind::forward; });
      forward_recurrences();
    }
  }

  // The factor in front of d(s[t])/d(ψ) where the net learns: the learning signal.
  const dsl::Statement* signal_line(const Expr** signal) {
    for (const dsl::Statement& s : rule().statements) {
      if (s.kind != StatementKind::learn || !net_) continue;
      const std::vector<int> tensors = targets_of(s);
      if (tensors.empty() || p_.tensors[tensors[0]].name.rfind(net_->role + ".", 0) != 0) continue;
      if (s.value->kind != ExprKind::contract || s.value->args[1]->kind != ExprKind::derivative) continue;
      *signal = s.value->args[0].get();
      return &s;
    }
    return nullptr;
  }

  struct Request {
    std::string name;
    const Expr* value = nullptr;
    bool from_start = false;
    bool sweep = false;
    int ahead = 0;
  };

  Request request(const std::string& shown, std::vector<dsl::ExprPtr>& keep) {
    Request r;
    r.name = shown;
    const std::string name = dsl::canonical(shown);
    const dsl::Span span = rule().name_span;
    if (name == "signal" && !elab_.rule->equations.contains("signal")) {
      if (const dsl::Statement* s = signal_line(&r.value)) {
        std::size_t number = 0;
        for (const dsl::Statement& x : rule().statements) {
          if (&x == s) break;
          number += x.kind == StatementKind::learn;
        }
        r.sweep = time_.learns.at(number).when == LineWhen::sweep;
        r.ahead = time_.learns.at(number).ahead;
        return r;
      }
      parts_.fail(Code::E0602, *elab_.rule, span,
                  fmt::format("the rule {} has no learning signal to show", rule().name),
                  "a line  learn ψ -= signal . d(s[t])/d(ψ)  has one");
    }
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

  bool is_state(const Value& v) {
    for (const auto& [key, block] : v.blocks)
      if (block->kind != NodeKind::leaf || p_.tensors[block->tensor].kind != TensorKind::state) return false;
    return !v.blocks.empty();
  }

  void shows() {
    std::vector<dsl::ExprPtr> keep;
    for (const std::string& name : in_.show) {
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
        phase("sweep").roots.push_back({RootKind::store, tensor, now, node, "show " + name});
        if (r.from_start) phase("sweep_start").roots.push_back({RootKind::store, tensor, now, node, "show " + name});
        continue;
      }
      show_on_arrival(name, tensor, r);
    }
    backward_recurrences();
    forward_again();
  }

  // Recurrences that only a shown value reads are carried too.
  void forward_again() {
    bool missing = false;
    std::set<int> stored;
    for (const Root& r : phase("arrive").roots) stored.insert(r.tensor);
    for (int tensor : recurrences(TensorKind::forward)) missing = missing || !stored.contains(tensor);
    if (!missing) return;
    std::erase_if(phase("arrive").roots,
                  [&](const Root& r) { return p_.tensors[r.tensor].kind == TensorKind::forward; });
    forward_recurrences();
  }

  void show_on_arrival(const std::string& name, int tensor, Request r) {
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
      phase("show").roots.push_back({RootKind::store, tensor, scope.now, node, "show " + name});
      return;
    }
  }

  // How far beyond a window's end its sweep reads: masked reads behind an `end` boundary do not count.
  int reach(const std::string& name, std::set<std::string>& active) {
    if (!active.insert(name).second) return 0;
    const auto& part = *elab_.rule;
    int far = reach(*part.equations.at(name)->value, active);
    if (auto b = part.boundaries.find(name); b != part.boundaries.end() && b->second.contains(dsl::TimeBase::end))
      far = std::max(far - 1, reach(*b->second.at(dsl::TimeBase::end)->value, active));
    active.erase(name);
    return far;
  }

  int reach(const Expr& e, std::set<std::string>& active) {
    int far = 0;
    if (e.kind == ExprKind::index && e.args.size() == 2) {
      const auto word = dsl::as_time_index(*e.args[1]);
      const Expr& base = *e.args[0];
      if (word) {
        const bool named = base.kind == ExprKind::name && elab_.rule->equations.contains(base.name);
        const auto info = named ? time_.names.find(base.name) : time_.names.end();
        const bool backward = info != time_.names.end() && info->second.direction == Direction::backward;
        if (backward && word->offset > 0) return 0;
        return word->offset + (named ? reach(base.name, active) : 0);
      }
    }
    for (const auto& a : e.args) far = std::max(far, reach(*a, active));
    return far;
  }

  void finish() {
    std::size_t number = 0;
    for (const dsl::Statement& s : rule().statements) {
      if (s.kind != StatementKind::learn) continue;
      const dsl::LearnTime& line = time_.learns.at(number++);
      std::set<std::string> active;
      if (line.when != LineWhen::arrive) p_.window_ahead = std::max(p_.window_ahead, reach(*s.value, active));
    }
    for (const auto& [tensor, lag] : lag_) p_.ahead = std::max(p_.ahead, lag);
    if (!p_.online || !phase("close").roots.empty()) p_.ahead = std::max(p_.ahead, p_.window_ahead);
    if (!p_.online)
      for (const Learned& l : p_.learned)
        if (l.every == UpdateEvery::step)
          parts_.fail(Code::E0606, *elab_.rule, rule().name_span,
                      fmt::format("{} cannot be updated at every step: the rule runs backward over a window", l.bundle),
                      "update every window or every sequence");
    for (const auto& [tensor, node] : p_.definitions)
      phase("step").roots.push_back({RootKind::store, tensor, {When::t, 0}, node, p_.tensors[tensor].name});
    for (Phase& ph : p_.phases) sort_roots(ph.roots);
    for (std::size_t i = 0; i < p_.tensors.size(); ++i)
      if (p_.tensors[i].kind == TensorKind::wiring) p_.wirings.push_back(static_cast<int>(i));
  }

  void updates() {
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
      for (std::size_t i = 0; i < 2; ++i) {
        const int tensor = i == 0 ? l.parameter : l.gradient;
        part.axes[header[i].name] = axis;
        scope.bound[header[i].name] = elab_.values().tensor(p_.graph.leaf(tensor, {}, {size}, false), {axis});
      }
      parts_.declare(part);
      for (auto& [name, tensor] : part.tensors) {  // hypers are shared by the bundle
        if (p_.tensors[tensor].kind != TensorKind::hyper) continue;
        const std::string shared = fmt::format("optimiser.{}.{}", l.bundle, name);
        const int have = p_.find(shared);
        if (have >= 0) {
          p_.tensors[tensor].name.clear();
          tensor = have;
        } else {
          p_.tensors[tensor].name = shared;
        }
      }
      Phase update{"update." + parameter, {}};
      for (const dsl::Statement& s : in_.optimiser.item->statements) {
        if (s.kind != StatementKind::equation || s.assign != dsl::AssignKind::assign) continue;
        const bool is_parameter = s.name == header[0].name;
        const int tensor = is_parameter ? l.parameter : part.tensors.at(s.name);
        Value v = elab_.right_side(s, scope);
        const std::vector<Axis> axes = is_parameter ? std::vector<Axis>{axis} : p_.tensors[tensor].axes;
        v = elab_.values().reorder(v, axes);
        update.roots.push_back({RootKind::assign, tensor, {}, elab_.values().flatten(v), s.name});
      }
      l.update_phase = static_cast<int>(p_.phases.size());
      p_.phases.push_back(std::move(update));
    }
  }

  const Instance& in_;
  Program& p_;
  dsl::Diagnostics& diagnostics_;
  Parts parts_;
  Elaborator elab_;
  dsl::RuleTime time_;
  Part* net_ = nullptr;
  std::map<int, int> gradient_;  // parameter -> gradient
  std::set<int> swept_;          // backward recurrences that the sweep computes
  std::map<int, int> lag_;       // forward recurrence -> arrivals after its index
};

}  // namespace

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
