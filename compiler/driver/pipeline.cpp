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
#include "compiler/lower/reuse_scratch.h"
#include "compiler/lower/split_wide_loops.h"
#include "compiler/memory/shards.h"
#include "compiler/passes/common_subexpressions.h"
#include "compiler/passes/contraction_order.h"
#include "compiler/passes/distribute_steps.h"
#include "compiler/passes/indicator_products.h"
#include "compiler/passes/prune.h"
#include "compiler/passes/simplify.h"
#include "compiler/passes/zero_structure.h"

namespace eligo::compiler {
namespace {

using C = Compilation;

// Examples of a kernel's call.
std::int64_t rows(const C& c) {
  return c.options.rows > 0 ? c.options.rows : rows_of_a_shard(c.program, c.options.batch, c.options.float64);
}

constexpr std::array pipeline = {
    // Derivatives become expressions over the forward values.
    Pass{PassId::differentiate, "differentiate", true, false, [](C& c) { differentiate(c.program, c.options.batch); }},
    // Recurrences keep only the entries that can be other than zero.
    Pass{PassId::zero_structure, "zero_structure", true, false, [](C& c) { infer_zero_structure(c.program); }},
    // Sums of products in a normal form.
    Pass{PassId::simplify, "simplify", true, false, [](C& c) { simplify(c.program); }},
    // Parameters that no learn line reaches are noted.
    Pass{PassId::unreached, "unreached", true, false, [](C& c) { note_unlearned(c.program); }},
    // Stores that nothing reads are dropped.
    Pass{PassId::prune, "prune", true, false, [](C& c) { prune(c.program); }},
    // Products of many factors become products of two, the cheapest first.
    Pass{PassId::contraction_order, "contraction_order", true, false,
         [](C& c) { order_contractions(c.program, c.options.batch); }},
    // Products with an indicator of a wiring are computed where it is not zero.
    Pass{PassId::indicator_products, "indicator_products", true, false,
         [](C& c) { restrict_to_indicators(c.program); }},
    // Values that several phases compute are computed once.
    Pass{PassId::common_subexpressions, "common_subexpressions", true, true,
         [](C& c) { eliminate_common_subexpressions(c.program); }},
    // Work that no step waits for is batched over steps.
    Pass{PassId::distribute_steps, "distribute_steps", true, true, [](C& c) { distribute_steps(c.program); }},
    // Phases become functions of loop nests over buffers.
    Pass{PassId::lower, "lower", false, false, [](C& c) { c.lowered = lower(c.program, rows(c)); }},
    // Statements that share a loop and hand each other much run together.
    Pass{PassId::fuse_loops, "fuse_loops", false, false,
         [](C& c) { (void)fuse_loops(c.lowered, c.options.float64 ? 8 : 4, rows(c), c.options.fusion); }},
    // Scratch buffers whose values are not needed at the same time share a place.
    Pass{PassId::reuse_scratch, "reuse_scratch", false, false, [](C& c) { reuse_scratch(c.lowered); }},
    // Loops that are long for one example are split for threads.
    Pass{PassId::split_wide_loops, "split_wide_loops", false, false, [](C& c) { split_wide_loops(c.lowered); }},
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
