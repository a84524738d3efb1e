// The pipeline is this page: the compiler's stages from top to bottom.
#include "compiler/driver/pipeline.h"

#include <map>
#include <mutex>
#include <stdexcept>

#include <fmt/format.h>

#include "compiler/autodiff/differentiate.h"
#include "compiler/driver/kernel_runner.h"
#include "compiler/frontend/unreached.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "compiler/llvm/jit.h"
#include "compiler/loops/print.h"
#include "compiler/loops/verify.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/split_wide_loops.h"
#include "compiler/passes/common_subexpressions.h"
#include "compiler/passes/contraction_order.h"
#include "compiler/passes/distribute_steps.h"
#include "compiler/passes/prune.h"
#include "compiler/passes/simplify.h"
#include "compiler/passes/zero_structure.h"
#include "compiler/timetable/timetable.h"

namespace eligo::compiler {
namespace {

JitOptions jit_options(const CompileOptions& options) {
  JitOptions jit;
  jit.dtype = options.float64 ? loops::DType::f64 : loops::DType::f32;
  jit.target = Target::named(options.cpu);
  return jit;
}

// Runs the graph's stages up to and with `last`.
void graph_stages(Program& program, const CompileOptions& options, const std::string& last) {
  verify(program, "graph", true);
  if (last == "graph") return;
  differentiate(program, options.batch);
  verify(program, "derivatives", false);
  if (last == "derivatives") return;
  structure(program);
  simplify(program);
  note_unlearned(program);
  prune(program);
  contract(program, options.batch);
  verify(program, "simplified", false);
}

Lowered lowered_loops(Program& program, const CompileOptions& options) {
  Lowered lowered = lower(program, options.batch);
  if (const auto faults = loops::verify(lowered.module); !faults.empty())
    throw std::logic_error(fmt::format("internal error after loops: {}", fmt::join(faults, "; ")));
  return lowered;
}

}  // namespace

const std::vector<std::string>& stage_names() {
  static const std::vector<std::string> names = {"graph",   "derivatives", "simplified", "schedule",
                                                 "divided", "timetable",   "loops",      "llvm",
                                                 "asm"};
  return names;
}

void finish_graph(Program& program, const CompileOptions& options) { graph_stages(program, options, "simplified"); }

void divide_phases(Program& program) {
  keep_common(program);
  take_steps_at_once(program);
  verify(program, "divided", false);
}

std::string code_version(const CompileOptions& options) {
  static std::mutex mutex;  // the processor stays the same
  static std::map<std::pair<std::string, bool>, std::string> known;
  const std::lock_guard lock(mutex);
  std::string& version = known[{options.cpu, options.float64}];
  if (!version.empty()) return version;
  const JitOptions jit = jit_options(options);
  if (const std::string reason = jit.target.why_not_here(); !reason.empty()) throw std::runtime_error(reason);
  return version = code_version(jit);
}

Executable compile_executable(Program& program, const CompileOptions& options) {
  const JitOptions jit = jit_options(options);
  if (const std::string reason = jit.target.why_not_here(); !reason.empty()) throw std::runtime_error(reason);
  graph_stages(program, options, "simplified");
  if (options.divide) divide_phases(program);
  Executable executable;
  executable.float64 = options.float64;
  executable.lowered = lowered_loops(program, options);
  cut_wide(executable.lowered);
  executable.objects = compile_objects(executable.lowered.module, jit).files;
  for (loops::Function& f : executable.lowered.module.functions) f.statements.clear();
  executable.plan = plan_of(program);
  executable.timetable = timetable_of(executable.plan);
  return executable;
}

std::shared_ptr<PhaseRunner> load(const Executable& executable) {
  return make_kernel_runner(executable.lowered, link(executable.objects, function_names(executable.lowered.module)),
                            executable.float64);
}

std::shared_ptr<PhaseRunner> compile_program(std::shared_ptr<Program> program, const CompileOptions& options) {
  return load(compile_executable(*program, options));
}

std::string dump_stage(std::shared_ptr<Program> program, const CompileOptions& options, const std::string& stage) {
  graph_stages(*program, options, stage);
  if (stage == "graph" || stage == "derivatives" || stage == "simplified") return text(*program);
  if (stage == "schedule") return schedule_text(*program);
  divide_phases(*program);
  if (stage == "divided") return text(*program);
  if (stage == "timetable") {
    const Plan plan = plan_of(*program);
    return text(plan, timetable_of(plan));
  }
  const Lowered lowered = lowered_loops(*program, options);
  if (stage == "loops") return loops::text(lowered.module);
  if (stage == "llvm") return llvm_text(lowered.module, jit_options(options));
  if (stage == "asm") return asm_text(lowered.module, jit_options(options));
  throw std::runtime_error(fmt::format("there is no stage {}", stage));
}

}  // namespace eligo::compiler
