#include "compiler/lower/lower.h"

#include <algorithm>

#include <fmt/core.h>

#include "compiler/lower/lowering.h"
#include "dsl/names.h"

namespace eligo::compiler {
namespace lowering {

std::vector<Extent> row_major(const std::vector<Extent>& dims) {
  std::vector<Extent> strides(dims.size(), 1);
  for (int i = static_cast<int>(dims.size()) - 2; i >= 0; --i) strides[i] = strides[i + 1] * dims[i + 1];
  return strides;
}

std::string identifier(const std::string& text) {
  std::string out;
  for (char c : dsl::ascii(text)) out += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return out;
}

bool structural(Ref node) { return node->kind == NodeKind::embed || node->kind == NodeKind::wire; }

bool is_reduction(Ref node) {
  if (node->kind == NodeKind::maximum) return true;
  return node->kind == NodeKind::contract && (!node->summed.empty() || node->sum_batch);
}

bool has_structure(Ref node) {
  if (structural(node)) return true;
  if (node->kind != NodeKind::contract) return false;
  for (const Use& use : node->uses)
    if (structural(use.node)) return true;
  return false;
}

// Terms that touch only some places of the sum they are in.
bool assembled(Ref node) {
  if (has_structure(node)) return true;
  if (node->kind != NodeKind::sum) return false;
  for (const Use& use : node->uses)
    if (has_structure(use.node)) return true;
  return false;
}

// Each axis is read by a label of its own.
bool injective(const Use& use) {
  std::unordered_set<int> seen;
  for (const Index& index : use.index)
    if (!index.is_label() || !seen.insert(index.label()).second) return false;
  return true;
}

void collect(const ValuePtr& v, std::unordered_set<int>& used) {
  if (v->kind == ValueKind::load) {
    used.insert(v->access.buffer);
    if (v->access.gather >= 0) used.insert(v->access.gather);
  }
  for (const ValuePtr& a : v->args) collect(a, used);
}

Lowered ModuleLowering::run() {
  out.module.name = p.name;
  prepare = std::make_unique<PhaseLowering>(*this, "prepare", false);
  std::vector<loops::Function> functions;
  const std::int64_t one_step = batch_estimate;
  for (const Phase& phase : p.phases) {
    out.function_of_phase.push_back(-1);
    if (phase.roots.empty()) continue;
    const bool update = row(phase.kind).assigns;
    batch_estimate = one_step * (phase.takes_many_steps() ? cost_model::steps_in_a_call : 1);
    PhaseLowering lowering(*this, identifier(phase.name()), !update);
    lowering.lower(phase);
    loops::Function f = lowering.function();
    if (f.statements.empty()) continue;
    f.name = fmt::format("eligo_{}_{}", identifier(p.name), identifier(phase.name()));
    out.function_of_phase.back() = static_cast<int>(functions.size());
    functions.push_back(std::move(f));
    out.scratch.emplace_back(lowering.per_example, lowering.in_all);
    out.at_once.push_back(phase.takes_many_steps());
  }
  loops::Function prepared = prepare->function();
  if (!prepared.statements.empty()) {
    prepared.name = fmt::format("eligo_{}_prepare", identifier(p.name));
    out.prepare = static_cast<int>(functions.size());
    functions.push_back(std::move(prepared));
    out.scratch.emplace_back(prepare->per_example, prepare->in_all);
    out.at_once.push_back(false);
  }
  for (const loops::Function& f : functions) {
    std::unordered_set<int> used;
    for (const Statement& s : f.statements) {
      used.insert(s.out.buffer);
      if (s.out.gather >= 0) used.insert(s.out.gather);
      collect(s.value, used);
    }
    out.used.emplace_back(used.begin(), used.end());
    std::sort(out.used.back().begin(), out.used.back().end());
  }
  out.module.functions = std::move(functions);
  return std::move(out);
}

}  // namespace lowering

Lowered lower(Program& program, std::int64_t batch) { return lowering::ModuleLowering(program, batch).run(); }

}  // namespace eligo::compiler
