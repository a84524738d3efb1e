#include "compiler/frontend/per_step.h"

#include <algorithm>

#include <fmt/format.h>

#include "compiler/frontend/elaborator.h"

namespace eligo::compiler {

using dsl::Code;

void set_step(Axis& axis, TimeRef step) {
  if (axis.step) axis.key.resize(axis.key.find('@'));
  axis.step = step;
  axis.key += "@" + to_string(step);
}

std::set<TimeRef> steps_below(Program& program, const std::vector<Ref>& roots, const std::vector<Ref>& cuts,
                              TimeRef own, const std::set<int>& which) {
  std::set<TimeRef> steps, followed = {own};
  std::set<Ref> seen;
  std::vector<Ref> open = roots;
  while (!open.empty()) {
    Ref node = open.back();
    open.pop_back();
    if (!seen.insert(node).second) continue;
    for (const Use& use : node->uses) open.push_back(use.node);
    if (node->kind == NodeKind::jac || node->kind == NodeKind::vjp || node->kind == NodeKind::jvp)
      followed.insert(node->own);
    if (node->kind != NodeKind::leaf) continue;
    const Tensor& t = program.tensors[node->tensor];
    if (t.per_step && (which.empty() || which.contains(node->tensor))) steps.insert(node->time);
    const bool cut = std::find(cuts.begin(), cuts.end(), node) != cuts.end();
    if (cut || !followed.contains(node->time)) continue;
    if (Ref equation = program.definition(node->tensor, node->time)) open.push_back(equation);
  }
  return steps;
}

std::set<TimeRef> steps_differentiated(Ref root, int parameter) {
  std::set<TimeRef> steps;
  for (Ref node : postorder({root})) {
    if (node->kind != NodeKind::jac && node->kind != NodeKind::vjp) continue;
    Ref cut = node->cuts[node->wrt];
    if (cut->tensor == parameter) steps.insert(cut->time);
  }
  return steps;
}

bool derives_per_step(const Program& program, Ref root) {
  for (Ref node : postorder({root})) {
    if (node->kind != NodeKind::jac && node->kind != NodeKind::vjp) continue;
    if (program.tensors[node->cuts[node->wrt]->tensor].per_step) return true;
  }
  return false;
}

void Elaborator::refuse_trace(const std::string& n, dsl::Span at) const {
  fail(Code::E0605, at,
       fmt::format("{} carries derivatives by parameters from step to step, but some of these have a value per step, and "
                   "those of different steps would be added up",
                   n),
       "use parts whose parameters are shared by all steps, or a rule without such a trace");
}

Value Elaborator::slot_at(int tensor, TimeRef time, dsl::Span at) {
  if (time.base == When::end || time.base == When::last)
    fail(Code::E0605, at,
         fmt::format("{} has a value per step, and {} is another step for each example of a batch",
                     p_.tensors[tensor].name, to_string(time)),
         "read it at t, where the equation of that step stands");
  return tensor_at(tensor, time);
}

void Elaborator::settle_step(const Value& numerator, std::vector<Ref>& cuts, std::vector<Axis>& axes, TimeRef own,
                             dsl::Span at) {
  std::vector<Ref> roots;
  const Value formed = v_.form(numerator);
  for (const auto& [key, block] : formed.blocks) roots.push_back(block);
  const bool apart = own.base == When::end || own.base == When::last;
  if (apart && !steps_below(p_, roots, cuts, own, {}).empty())
    fail(Code::E0605, at,
         fmt::format("this follows parameters that have a value per step at {}, which is another step for each example "
                     "of a batch",
                     to_string(own)),
         "take the derivative at t, where the equation of that step stands");
  std::set<int> which;
  for (Ref cut : cuts)
    if (p_.tensors[cut->tensor].per_step) which.insert(cut->tensor);
  if (which.empty()) return;
  const std::set<TimeRef> steps = steps_below(p_, roots, {}, own, which);
  if (steps.size() > 1) {
    std::vector<std::string> names;
    for (TimeRef step : steps) names.push_back(to_string(step));
    fail(Code::E0605, at,
         fmt::format("this depends on the parameters of several steps, {}, and they have a value per step",
                     fmt::join(names, " and ")),
         "take the derivative of each step's part by itself");
  }
  const TimeRef step = steps.empty() ? own : *steps.begin();
  for (Ref& cut : cuts)
    if (p_.tensors[cut->tensor].per_step) cut = p_.leaf(cut->tensor, step);
  for (Axis& axis : axes)
    if (axis.step) set_step(axis, step);
}

}  // namespace eligo::compiler
