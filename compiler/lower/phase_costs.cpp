#include "compiler/lower/phase_costs.h"

#include <algorithm>
#include <set>

#include "compiler/loops/build.h"
#include "compiler/lower/lower.h"

namespace eligo::compiler {
namespace {

using loops::ValueKind;
using LoopSet = std::set<int>;

class StatementCost {
 public:
  // fused: all of it is done in each trip of its first loop, also what does not follow that.
  explicit StatementCost(const loops::Statement& statement, bool fused = false) : s_(statement), fused_(fused) {}

  Cost run() {
    LoopSet outer;
    for (int l = 0; l < s_.outer; ++l) outer.insert(l);
    visit(*s_.value);
    if (s_.accumulate) cost_.operations += turns(outer);
    touch(s_.out);
    if (s_.accumulate) touch(s_.out);
    return cost_;
  }

 private:
  double turns(const LoopSet& loops) const {
    double n = fused_ && !loops.contains(0) ? static_cast<double>(s_.loops[0].extent) : 1;
    for (int l : loops) n *= static_cast<double>(s_.loops[static_cast<std::size_t>(l)].extent);
    return n;
  }

  static LoopSet loops_of(const loops::Access& a) {
    LoopSet loops;
    for (std::size_t l = 0; l < a.stride.size(); ++l)
      if (a.stride[l] != 0) loops.insert(static_cast<int>(l));
    for (std::size_t l = 0; a.gather >= 0 && l < a.gather_loops.size(); ++l)
      if (a.gather_loops[l] != 0) loops.insert(static_cast<int>(l));
    return loops;
  }

  void touch(const loops::Access& a) { cost_.words += turns(loops_of(a)); }

  // Counts what computing the value takes; returns the loops that it depends on.
  LoopSet visit(const loops::Value& v) {
    if (v.kind == ValueKind::constant) return {};
    if (v.kind == ValueKind::load) {
      touch(v.access);
      return loops_of(v.access);
    }
    if (v.kind == ValueKind::apply) {
      LoopSet own;
      for (const auto& arg : v.args) own.merge(visit(*arg));
      cost_.operations += turns(own) * op_cost(v.op);
      return own;
    }
    LoopSet own = visit(*v.args[0]);
    own.insert(v.over.begin(), v.over.end());
    cost_.operations += turns(own);
    for (int l : v.over) own.erase(l);
    return own;
  }

  const loops::Statement& s_;
  const bool fused_;
  Cost cost_;
};

}  // namespace

Cost cost_of_function(const loops::Function& function) {
  Cost total;
  for (std::size_t i = 0; i < function.statements.size(); ++i) {
    const Cost one = StatementCost(function.statements[i], loops::fusion_of(function, i) != nullptr).run();
    total.operations += one.operations;
    total.words += one.words;
  }
  return total;
}

std::vector<PhaseCost> phase_costs(Program& program, std::int64_t batch) {
  const Lowered lowered = lower(program, batch);
  std::vector<PhaseCost> costs;
  for (std::size_t i = 0; i < program.phases.size(); ++i)
    if (const int f = lowered.function_of_phase[i]; f >= 0)
      costs.push_back(
          {program.phases[i], cost_of_function(lowered.module.functions[static_cast<std::size_t>(f)])});
  return costs;
}

std::vector<EquationCost> equation_costs(Program& program, std::int64_t batch) {
  const Lowered lowered = lower(program, batch);
  std::vector<EquationCost> costs;
  const auto add = [&](const PhaseId& phase, int function) {
    if (function < 0) return;
    for (const loops::Statement& s : lowered.module.functions[static_cast<std::size_t>(function)].statements) {
      auto at = std::find_if(costs.begin(), costs.end(),
                             [&](const EquationCost& c) { return c.phase == phase && c.label == s.label; });
      if (at == costs.end()) at = costs.insert(at, {phase, s.label, {}, {}});
      const Cost one = StatementCost(s).run();
      at->cost.operations += one.operations;
      at->cost.words += one.words;
      const auto buffer = static_cast<std::size_t>(s.out.buffer);
      const bool scratch = lowered.bindings[buffer].kind == Binding::Kind::scratch;
      if (scratch && lowered.module.buffers[buffer].batched) at->kept.insert(lowered.module.buffers[buffer].size);
    }
  };
  for (std::size_t i = 0; i < program.phases.size(); ++i) add(program.phases[i], lowered.function_of_phase[i]);
  add({PhaseKind::prepare}, lowered.prepare);
  return costs;
}

}  // namespace eligo::compiler
