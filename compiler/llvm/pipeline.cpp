// The pipeline is this page: the compiler's stages from top to bottom.
#include "compiler/pipeline.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

#include "compiler/contract.h"
#include "compiler/differentiate.h"
#include "compiler/kernel_runner.h"
#include "compiler/llvm/jit.h"
#include "compiler/loops_text.h"
#include "compiler/loops_verify.h"
#include "compiler/lower.h"
#include "compiler/prune.h"
#include "compiler/simplify.h"
#include "compiler/structure.h"
#include "compiler/text.h"
#include "compiler/verify.h"

namespace eligo::compiler {
namespace {

// The folder of compiled kernels: what was asked for, $ELIGO_CACHE, or the user's cache.
std::string cache_folder(const std::string& asked) {
  if (asked == "none") return "";
  if (!asked.empty()) return asked;
  if (const char* set = std::getenv("ELIGO_CACHE")) return std::string(set) == "none" ? "" : set;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) return std::string(xdg) + "/eligo";
  if (const char* home = std::getenv("HOME"); home && *home) return std::string(home) + "/.cache/eligo";
  return "";
}

JitOptions jit_options(const CompileOptions& options) {
  JitOptions jit;
  jit.dtype = options.float64 ? loops::DType::f64 : loops::DType::f32;
  jit.target = Target::named(options.cpu);
  jit.cache_folder = cache_folder(options.cache);
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
  static const std::vector<std::string> names = {"graph", "derivatives", "simplified", "schedule",
                                                 "loops", "llvm",        "asm"};
  return names;
}

void finish_graph(Program& program, const CompileOptions& options) { graph_stages(program, options, "simplified"); }

std::shared_ptr<PhaseRunner> compile_program(std::shared_ptr<Program> program, const CompileOptions& options) {
  graph_stages(*program, options, "simplified");
  Lowered lowered = lowered_loops(*program, options);
  std::shared_ptr<Kernels> kernels = jit(lowered.module, jit_options(options));
  return make_kernel_runner(std::move(program), std::move(lowered), std::move(kernels), options.float64);
}

std::string dump_stage(std::shared_ptr<Program> program, const CompileOptions& options, const std::string& stage) {
  graph_stages(*program, options, stage);
  if (stage == "graph" || stage == "derivatives" || stage == "simplified") return text(*program);
  if (stage == "schedule") return schedule_text(*program);
  const Lowered lowered = lowered_loops(*program, options);
  if (stage == "loops") return loops::text(lowered.module);
  if (stage == "llvm") return llvm_text(lowered.module, jit_options(options));
  if (stage == "asm") return asm_text(lowered.module, jit_options(options));
  throw std::runtime_error(fmt::format("there is no stage {}", stage));
}

}  // namespace eligo::compiler
