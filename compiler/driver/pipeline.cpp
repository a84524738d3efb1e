#include "compiler/driver/pipeline.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "compiler/autodiff/differentiate.h"
#include "compiler/frontend/unreached.h"
#include "compiler/ir/verify.h"
#include "compiler/loops/verify.h"
#include "compiler/lower/split_wide_loops.h"
#include "compiler/passes/common_subexpressions.h"
#include "compiler/passes/contraction_order.h"
#include "compiler/passes/distribute_steps.h"
#include "compiler/passes/prune.h"
#include "compiler/passes/simplify.h"
#include "compiler/passes/zero_structure.h"

namespace eligo::compiler {
namespace {

using C = Compilation;

constexpr std::array pipeline = {
    Pass{PassId::differentiate, "differentiate", "derivatives become expressions over the forward values", true, false,
         [](C& c) { differentiate(c.program, c.options.batch); }},
    Pass{PassId::zero_structure, "zero_structure", "recurrences keep only the entries that can be other than zero", true,
         false, [](C& c) { infer_zero_structure(c.program); }},
    Pass{PassId::simplify, "simplify", "sums of products in a normal form", true, false,
         [](C& c) { simplify(c.program); }},
    Pass{PassId::unreached, "unreached", "parameters that no learn line reaches are noted", true, false,
         [](C& c) { note_unlearned(c.program); }},
    Pass{PassId::prune, "prune", "stores that nothing reads are dropped", true, false, [](C& c) { prune(c.program); }},
    Pass{PassId::contraction_order, "contraction_order", "products of many factors become products of two, the cheapest first",
         true, false, [](C& c) { order_contractions(c.program, c.options.batch); }},
    Pass{PassId::common_subexpressions, "common_subexpressions", "values that several phases compute are computed once",
         true, true, [](C& c) { eliminate_common_subexpressions(c.program); }},
    Pass{PassId::distribute_steps, "distribute_steps", "work that no step waits for is batched over steps", true, true,
         [](C& c) { distribute_steps(c.program); }},
    Pass{PassId::lower, "lower", "phases become functions of loop nests over buffers", false, false,
         [](C& c) { c.lowered = lower(c.program, c.options.batch); }},
    Pass{PassId::split_wide_loops, "split_wide_loops", "loops that are long for one example are split for threads", false,
         false, [](C& c) { split_wide_loops(c.lowered); }},
};

// The list is complete and in the order of the enumeration: the last one of it is the last of the list.
constexpr bool in_order() {
  for (std::size_t i = 0; i < pipeline.size(); ++i)
    if (static_cast<std::size_t>(pipeline[i].id) != i) return false;
  return pipeline.back().id == PassId::split_wide_loops;
}
static_assert(in_order());

void verify_after(const Compilation& c, const Pass& pass) {
  if (pass.graph) return verify(c.program, std::string(pass.name), false);
  const auto faults = loops::verify(c.lowered.module);
  if (!faults.empty())
    throw std::logic_error(fmt::format("internal error after {}: {}", pass.name, fmt::join(faults, "; ")));
}

using Clock = std::chrono::steady_clock;
double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Nodes are shared, so a graph is the same where its roots are.
std::vector<Ref> roots_of(const Program& program) {
  std::vector<Ref> roots;
  for (const Phase& phase : program.phases)
    for (const Root& root : phase.roots) roots.push_back(root.node);
  return roots;
}

std::size_t statements_of(const Lowered& lowered) {
  std::size_t count = 0;
  for (const loops::Function& f : lowered.module.functions) count += f.statements.size();
  return count;
}

PassTime timed(Compilation& c, const Pass& pass) {
  PassTime time{std::string(pass.name)};
  const std::vector<Ref> before = roots_of(c.program);
  const std::size_t functions = c.lowered.module.functions.size();
  auto start = Clock::now();
  pass.run(c);
  time.ms = ms_since(start);
  start = Clock::now();
  verify_after(c, pass);
  time.verify_ms = ms_since(start);
  time.changed = pass.graph ? roots_of(c.program) != before : c.lowered.module.functions.size() != functions;
  time.left = pass.graph ? fmt::format("{} nodes", postorder(roots_of(c.program)).size())
                         : fmt::format("{} statements", statements_of(c.lowered));
  return time;
}

}  // namespace

std::span<const Pass> passes() { return pipeline; }
const Pass& pass(PassId id) { return pipeline[static_cast<std::size_t>(id)]; }

void run_passes(Compilation& c, PassId last, std::vector<PassTime>* times) {
  verify(c.program, "graph", true);
  for (const Pass& pass : pipeline) {
    if (pass.id > last) break;
    if (pass.moves_work && c.options.keep_phases) continue;
    if (times) {
      times->push_back(timed(c, pass));
      continue;
    }
    pass.run(c);
    verify_after(c, pass);
  }
}

void run_passes(Program& program, const CompileOptions& options, PassId last) {
  Compilation compilation{program, options, {}};
  run_passes(compilation, last);
}

}  // namespace eligo::compiler
