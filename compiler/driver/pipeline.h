// The passes of the compiler in order, above all backends: compiling, dumps, verification and --time-passes go through
// this one list, so what is dumped is what runs.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/codegen/codegen.h"
#include "compiler/ir/program.h"
#include "compiler/lower/fuse_loops.h"
#include "compiler/lower/lower.h"

namespace eligo::compiler {

struct CompileOptions {
  bool float64 = false;
  std::string cpu = "native";
  std::int64_t batch = 32;    // examples of a typical batch, for choices by cost
  std::int64_t rows = 0;      // examples of a kernel's call; 0: of a shard of that batch
  FusionLimits fusion = {};
  bool keep_phases = false;   // leave out the passes that move work between phases: each stores what its equations say
  const Backend* backend = &llvm_backend();
};

enum class PassId {
  differentiate,
  zero_structure,
  simplify,
  unreached,
  prune,
  contraction_order,
  indicator_products,
  common_subexpressions,
  distribute_steps,
  lower,
  fuse_loops,
  reuse_scratch,
  split_wide_loops,
};

// What passes work on: the graph, and the loops from `lower` on.
struct Compilation {
  Program& program;
  const CompileOptions& options;
  Lowered lowered;
};

struct Pass {
  PassId id;
  std::string_view name;  // of its file, its dump and its row in --time-passes
  bool graph;             // it leaves a graph; otherwise loops
  bool moves_work;        // between phases
  void (*run)(Compilation& compilation);
};

// In order. A pass of PassId without a row does not compile.
std::span<const Pass> passes();

// How long a pass took and what it left.
struct PassTime {
  std::string name;
  double ms = 0, verify_ms = 0;
  std::string left;      // "412 nodes", "38 statements"; empty for steps that leave neither
  bool changed = true;
};

// Runs the passes through `last`, and the verifier behind each. Throws std::logic_error, naming the pass, where a
// verifier finds a fault: that is one of the compiler, not of the rule. With `times`, a row is added for each pass.
void run_passes(Compilation& compilation, PassId last, std::vector<PassTime>* times = nullptr);
// The same for what is needed of the graph alone.
void run_passes(Program& program, const CompileOptions& options, PassId last);

}  // namespace eligo::compiler
