#include "compiler/frontend/instantiate.h"

#include <algorithm>
#include <functional>

#include <fmt/core.h>

#include "compiler/frontend/elaboration.h"
#include "compiler/frontend/per_step.h"
#include "compiler/frontend/unreached.h"
#include "dsl/names.h"

namespace eligo::compiler {

using dsl::Code;

Phase& Elaboration::phase(PhaseKind kind, const std::string& of) const {
  const PhaseId wanted{kind, PhasePart::core, of};
  for (Phase& p : program.phases)
    if (p == wanted) return p;
  program.phases.push_back({wanted, {}});
  return program.phases.back();
}

Value Elaboration::counted(const Value& mask, TimeRef now) const {
  return instance.counted ? values().multiply(elaborator.flag(Flag::counts, now), mask) : mask;
}

Ref Elaboration::stored(int tensor, const Value& value) const {
  Value v = values().form(value);
  try {
    v = values().reorder(v, program.tensors[tensor].axes);
  } catch (const ShapeError& error) {
    fail(Code::E0601, rule().syntax.name_span, error.what());
  }
  Ref node = values().flatten(v);
  if (node->rank() > 0 && derives_per_step(program, node)) {
    const std::string& name = program.tensors[tensor].name;
    elaborator.refuse_trace(name, rule().equations.at(name).general.span());
  }
  return node;
}

void Elaboration::fail(Code code, dsl::Span span, const std::string& message, const std::string& help) const {
  parts.fail(code, parts.rule(), span, message, help);
}

namespace {

void declare_flags(const Instance& instance, Program& program) {
  const auto add = [&](Flag flag) { program.tensors.push_back(flag_tensor(flag)); };
  for (const Flag flag : {Flag::valid, Flag::exists, Flag::first, Flag::last, Flag::end, Flag::active, Flag::loss_mask,
                          Flag::time, Flag::steps})
    add(flag);
  if (instance.counted) add(Flag::counts);
  if (!instance.rule->blocks.empty())
    for (const Flag flag : {Flag::within, Flag::now, Flag::begin}) add(flag);
  Tensor t;
  t.name = "inverse_batch";
  t.kind = TensorKind::scalar;
  program.tensors.push_back(t);
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

void finish(const Elaboration& e, const Lags& lags) {
  Program& p = e.program;
  for (const dsl::TypedLearn& learn : e.rule().learns)
    if (learn.time.when != dsl::LineWhen::arrive) p.window_ahead = std::max(p.window_ahead, learn.time.beyond);
  for (const dsl::TypedStatistics& block : e.rule().statistics)
    if (!p.online) p.window_ahead = std::max(p.window_ahead, block.time.beyond);
  for (const auto& [tensor, lag] : lags.of) p.ahead = std::max(p.ahead, lag);
  if (!p.online || !e.phase(PhaseKind::close).roots.empty()) p.ahead = std::max(p.ahead, p.window_ahead);
  for (const Root& r : e.phase(PhaseKind::arrive).roots) {
    const bool now = r.kind == RootKind::store && r.time == TimeRef{When::t, 0};
    if (now && p.tensors[r.tensor].at_start) p.at_start = true;
  }
  record_first(e);
  if (!p.online)
    for (const Learned& l : p.learned)
      if (l.every == UpdateEvery::step)
        e.fail(Code::E0606, e.rule().syntax.name_span,
               fmt::format("{} cannot be updated at every step: the rule runs backward over a window", l.bundle),
               "update every window or every sequence");
  for (const auto& [tensor, node] : p.definitions)
    e.phase(PhaseKind::step).roots.push_back({RootKind::store, tensor, {When::t, 0}, node, p.tensors[tensor].name});
  for (Phase& ph : p.phases) sort_roots(ph.roots);
  for (std::size_t i = 0; i < p.tensors.size(); ++i)
    if (p.tensors[i].kind == TensorKind::wiring) p.wirings.push_back(static_cast<int>(i));
}

// Parameters that act on the loss behind the state, in the rule's own words where it has some.
void note_unfollowed_parameters(const Elaboration& e, const Part& net) {
  std::string loss;
  for (const dsl::TypedRole& role : e.rule().roles)
    if (role.entry->role == dsl::ItemKind::readout) loss = role.entry->name;
  note_unfollowed(e.program, e.rule().shown(net.role, dsl::BundleKind::state), loss);
}

// An equation that is a draw and nothing else, `ν[t] = random_sign[s]()`, bears the name by which a caller gives it.
void name_draws(const Elaboration& e) {
  const auto& draws = e.elaborator.draws();
  for (const auto& [role, part] : e.parts.all())
    for (const auto& [name, equation] : part->equations())
      if (const auto drawn = draws.find(equation.general.value.get()); drawn != draws.end())
        e.program.tensors[drawn->second].given_as = role.empty() ? name : role + "." + name;
}

void elaborate(const Instance& instance, Program& program, dsl::Diagnostics& diagnostics) {
  declare_flags(instance, program);
  Parts parts(program, diagnostics, instance.rule, instance.roles, instance.sizes);
  Elaborator elaborator(program, parts);
  const Elaboration e{instance, program, parts, elaborator};
  for (const PhaseKind kind : {PhaseKind::step, PhaseKind::arrive, PhaseKind::show, PhaseKind::sweep,
                               PhaseKind::sweep_start, PhaseKind::close})
    e.phase(kind);
  const Part& net = bind_roles(e);
  const Window window = read_window(e);
  const Gradients gradients = declare_gradients(e, window);
  const Revisions revisions = declare_revisions(e);
  version_parameters(e, revisions);
  gather_lines(e, gradients);
  build_blocks(e, revisions);
  change_keeps(e);
  Lags lags = carry_forward(e);
  Swept swept = sweep_back(e);
  lags = carry_found(e, std::move(lags));
  lags = show_values(e, gradients, std::move(lags), std::move(swept));
  finish(e, lags);
  note_unfollowed_parameters(e, net);
  build_updates(e);
  name_draws(e);
}

}  // namespace

std::unique_ptr<Program> instantiate(const Instance& instance, dsl::Diagnostics& diagnostics) {
  auto program = std::make_unique<Program>();
  try {
    elaborate(instance, *program, diagnostics);
  } catch (const Abort&) {
    return nullptr;
  }
  return program;
}

}  // namespace eligo::compiler
