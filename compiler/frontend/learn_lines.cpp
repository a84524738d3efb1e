// Learn lines: a gradient for each parameter, and what each line adds to it, in the phase in which the line runs.
#include <algorithm>

#include <fmt/core.h>

#include "compiler/frontend/elaboration.h"
#include "compiler/frontend/per_step.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::LineWhen;
using dsl::TypedLearn;

std::vector<int> targets_of(const Elaboration& e, const dsl::TypedExpr& target) {
  const Value v = e.elaborator.evaluate(target, e.elaborator.environment());
  std::vector<int> tensors;
  for (const auto& [key, block] : v.blocks) {
    Ref leaf = block->kind == NodeKind::contract && !block->uses.empty() ? block->uses[0].node : block;
    if (leaf->kind != NodeKind::leaf || e.program.tensors[leaf->tensor].kind != TensorKind::param)
      e.fail(Code::E0601, target.span, fmt::format("{} is no parameter, so nothing can be learned", text(target)));
    if (std::find(tensors.begin(), tensors.end(), leaf->tensor) == tensors.end()) tensors.push_back(leaf->tensor);
  }
  return tensors;
}

namespace {

UpdateEvery every(const TypedLearn& learn, UpdateEvery otherwise) {
  switch (learn.every) {
    case dsl::UpdateClause::step: return UpdateEvery::step;
    case dsl::UpdateClause::window: return UpdateEvery::window;
    case dsl::UpdateClause::sequence: return UpdateEvery::sequence;
    case dsl::UpdateClause::none: return otherwise;
  }
  return otherwise;
}

}  // namespace

Gradients declare_gradients(const Elaboration& e, const Window& window) {
  Program& p = e.program;
  Gradients gradients;
  for (const TypedLearn& learn : e.rule().learns)
    for (int tensor : targets_of(e, *learn.target)) {
      if (gradients.of.contains(tensor)) continue;
      Learned l;
      l.bundle = learn.line.name();
      l.parameter = tensor;
      l.every = every(learn, e.instance.update);
      Tensor g;
      g.name = "gradient." + p.tensors[tensor].name;
      g.kind = TensorKind::gradient;
      g.dims = p.tensors[tensor].dims;
      g.per_step = p.tensors[tensor].per_step;
      p.tensors[tensor].bundle = learn.line.name();
      l.gradient = gradients.of[tensor] = static_cast<int>(p.tensors.size());
      p.tensors.push_back(g);
      if (l.every == UpdateEvery::step) p.updates_within = true;
      if (l.every == UpdateEvery::window && window.steps != -1) p.updates_within = true;
      p.learned.push_back(l);
    }
  return gradients;
}

std::vector<LineSite> sites_of(const Elaboration& e, const TypedLearn& learn) {
  const dsl::LearnTime& time = learn.time;
  Environment at = e.elaborator.environment();
  const auto mask = [&](Flag flag) { return e.counted(e.elaborator.flag(flag, at.now), at.now); };
  if (time.when == LineWhen::close) {
    at.now = {When::start, 0};
    return {{PhaseKind::close, at, mask(Flag::active)}};
  }
  const bool arrives = time.when == LineWhen::arrive;
  if (arrives) at.now = {When::t, -time.ahead};
  const Flag holds = time.from_start && arrives ? Flag::exists : Flag::valid;
  std::vector<LineSite> sites;
  sites.push_back({arrives ? PhaseKind::arrive : PhaseKind::sweep, at, mask(holds)});
  if (time.from_start && !arrives) sites.push_back({PhaseKind::sweep_start, at, mask(Flag::first)});
  return sites;
}

std::vector<std::pair<int, Ref>> learned_from(const Elaboration& e, const Gradients& gradients, const TypedLearn& learn,
                                              const Environment& at, Value& v) {
  const Program& p = e.program;
  v = e.values().form(e.elaborator.right_side(learn.line, at));
  const std::vector<int> tensors = targets_of(e, *learn.target);
  e.program.graph.origin = {e.rule().source, learn.line.span()};
  const bool bundle = v.axes.size() == 1 && v.axes[0].bundle && v.axes[0].bundle->members.size() == tensors.size();
  std::vector<std::pair<int, Ref>> parts;
  if (bundle) {
    for (const auto& [key, block] : v.blocks) parts.emplace_back(v.axes[0].bundle->members[key[0]].tensor, block);
  } else if (tensors.size() == 1) {
    parts.emplace_back(tensors[0], e.values().flatten(v));
  }
  for (auto& [tensor, block] : parts)
    if (!gradients.of.contains(tensor) || (block->rank() && block->dims != p.tensors[tensor].dims)) parts.clear();
  if (parts.empty() && !(bundle && v.blocks.empty()))
    e.fail(Code::E0601, learn.line.span(),
           fmt::format("{} cannot learn from this: it has axes {}", learn.line.name(), describe(v.axes)),
           fmt::format("the right side must have the axes of {}", learn.line.name()));
  return parts;
}

namespace {

// Whose copy of a parameter with a value per step a line's value belongs to.
TimeRef step_learned(const Elaboration& e, int tensor, Ref block, const Value& value, const TypedLearn& learn) {
  const Tensor& parameter = e.program.tensors[tensor];
  if (!parameter.per_step) return {};
  const std::set<TimeRef> steps = steps_differentiated(block, tensor);
  // A line that reads no t runs once a window, not once a step: what it adds must be some step's own.
  const bool once = learn.time.when == LineWhen::close;
  if (value.axes.size() == 1 && value.axes[0].step && !(once && steps.empty())) return *value.axes[0].step;
  if (steps.size() == 1) return *steps.begin();
  e.fail(Code::E0605, learn.line.span(),
         fmt::format("{} has a value per step, and {} belongs to {}", parameter.name, "what it learns here",
                     steps.empty() ? "no single one" : "several of them"),
         "learn in a line that reads t, where a parameter is that step's: signal[t] . d(s[t])/d(ψ)");
}

// Where a clipped line gathers what one step adds; one tensor for all phases of the line.
class Clipped {
 public:
  explicit Clipped(const Elaboration& e) : e_(e) {}

  int of(const TypedLearn& learn, int gradient) {
    Program& p = e_.program;
    const auto [known, fresh] = tensors_.try_emplace({&learn, gradient}, static_cast<int>(p.tensors.size()));
    if (!fresh) return known->second;
    Tensor t = p.tensors[gradient];
    t.name = "clipped." + t.name;
    while (p.find(t.name) >= 0) t.name += "'";
    Clip clip;
    clip.gathered = known->second;
    clip.gradient = gradient;
    if (learn.clip->kind == dsl::TypedKind::number) clip.bound = learn.clip->number;
    else clip.hyper = e_.parts.rule().tensors.at(learn.clip->name);
    p.tensors.push_back(std::move(t));
    p.clips.push_back(clip);
    return clip.gathered;
  }

 private:
  const Elaboration& e_;
  std::map<std::pair<const TypedLearn*, int>, int> tensors_;
};

void gather(const Elaboration& e, const Gradients& gradients, Clipped& clipped, const TypedLearn& learn,
            const LineSite& site) {
  Program& p = e.program;
  Phase& into = e.phase(site.phase);
  Value v;
  const std::vector<std::pair<int, Ref>> parts = learned_from(e, gradients, learn, site.at, v);
  Ref inverse = p.leaf(p.find("inverse_batch"), {});
  Ref mask = site.mask.blocks.begin()->second;
  for (const auto& [tensor, block] : parts) {
    const Use added = block->rank() ? whole(block) : Use{block, {}, 1};
    Ref node = p.graph.contract({Use{inverse, {}, 1}, Use{mask, {}, 1}, added}, p.tensors[tensor].dims, {},
                                learn.line.source->sign, true);
    const TimeRef step = step_learned(e, tensor, block, v, learn);
    const int gradient = gradients.of.at(tensor);
    into.roots.push_back({RootKind::gather, learn.clip ? clipped.of(learn, gradient) : gradient, step, node,
                          "learn " + learn.line.name()});
  }
}

void keep_records(const Elaboration& e) {
  const TimeRef now{When::t, 0};
  for (const auto& [name, equation] : e.rule().equations) {
    if (!equation.record) continue;
    e.elaborator.rule_name(equation, now, equation.general.span());
    const int tensor = e.parts.rule().tensors.at(name);
    const Ref node = e.stored(tensor, e.elaborator.with_boundaries(equation, now));
    e.phase(PhaseKind::arrive).roots.push_back({RootKind::store, tensor, now, node, name});
  }
}

}  // namespace

void gather_lines(const Elaboration& e, const Gradients& gradients) {
  Program& p = e.program;
  Clipped clipped(e);
  for (const TypedLearn& learn : e.rule().learns) {
    const dsl::LearnTime& line = learn.time;
    if (line.when == LineWhen::arrive) p.ahead = std::max(p.ahead, line.ahead);
    if (line.when == LineWhen::arrive && line.from_start && line.ahead == 0) p.at_start = true;
    if (line.when == LineWhen::sweep) p.online = false;
    for (const LineSite& site : sites_of(e, learn)) gather(e, gradients, clipped, learn, site);
  }
  keep_records(e);
}

}  // namespace eligo::compiler
