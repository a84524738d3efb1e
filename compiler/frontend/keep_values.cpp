// `:=` of keep values: once a batch, or once for each of its steps, after all learn lines.
#include <fmt/core.h>

#include "compiler/frontend/elaboration.h"
#include "compiler/frontend/per_step.h"

namespace eligo::compiler {

using dsl::Code;

namespace {

// What changes once a batch has one value for it.
void check_is_of_batch(const Elaboration& e, const Part& part, const Tensor& keep, const dsl::TypedLine& line, Ref node,
                       TimeRef now) {
  for (Ref n : postorder({node})) {
    if (n->kind != NodeKind::leaf) continue;
    const bool of_step = keep.per_step && e.program.tensors[n->tensor].per_step && n->time == now;
    if (n->batched || (n->time.base != When::always && !of_step))
      e.parts.fail(Code::E0601, part, line.span(),
                   fmt::format("{} changes once a batch, but {} differs between its examples and steps", line.name(),
                               e.program.tensors[n->tensor].name),
                   part.role != "" ? "take its mean(…): over the batch and the steps"
                   : keep.per_step ? "take a statistic of it: per neuron w, over batch { … mean(…) … }"
                                   : "take a statistic of it: per neuron w, over batch and t { … mean(…) … }");
  }
}

}  // namespace

void assign_keep(const Elaboration& e, KeepPhases& phases, const Part& part, const dsl::TypedLine& line,
                 const Value& value, const std::optional<Value>& holds, TimeRef now) {
  Program& p = e.program;
  const int tensor = part.tensors.at(line.name());
  const Tensor& keep = p.tensors[tensor];
  Values& v = e.values();
  Value result = value;
  if (keep.low < keep.high)
    result = v.map(Op::min, {v.map(Op::max, {result, v.number(keep.low)}), v.number(keep.high)});
  const Value old = v.tensor(p.leaf(tensor, keep.per_step ? now : TimeRef{}), keep.axes);
  if (holds) result = v.map(Op::select, {*holds, result, old});
  try {
    result = v.reorder(result, keep.axes);
  } catch (const ShapeError& error) {
    e.parts.fail(
        Code::E0601, part, line.span(),
        fmt::format("{} has axes {}, what it becomes has {}", line.name(), describe(keep.axes), describe(result.axes)));
  }
  Ref node = v.flatten(result);
  check_is_of_batch(e, part, keep, line, node, now);
  // Run once a step, which is then t.
  if (keep.per_step) node = shift(p, node, {When::t, -now.offset});
  const TimeRef at = keep.per_step ? TimeRef{When::t, 0} : TimeRef{};
  (keep.per_step ? phases.each_step : phases.once).roots.push_back({RootKind::assign, tensor, at, node, line.name()});
}

void change_keeps(const Elaboration& e) {
  KeepPhases phases;
  const Environment at = e.elaborator.environment();
  for (const dsl::TypedChange& change : e.rule().changes) {
    if (!change.line) neuron_statistics(e, phases, e.rule().statistics[change.statistics]);
    else
      assign_keep(e, phases, e.parts.rule(), *change.line, e.values().form(e.elaborator.right_side(*change.line, at)),
                  std::nullopt, at.now);
  }
  synth_statistics(e, phases);
  Program& p = e.program;
  const auto add = [&](Phase& assigns, int& number) {
    if (assigns.roots.empty()) return;
    number = static_cast<int>(p.phases.size());
    p.phases.push_back(std::move(assigns));
  };
  add(phases.once, p.keep_phase);
  add(phases.each_step, p.step_keep_phase);
}

}  // namespace eligo::compiler
