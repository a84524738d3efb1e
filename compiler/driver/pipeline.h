// The stages of the compiler, in order: what `eligo dump` prints and what a session runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/driver/executable.h"
#include "compiler/ir/phase_runner.h"

namespace eligo::compiler {

struct CompileOptions {
  bool float64 = false;
  std::string cpu = "native";
  std::int64_t batch = 32;  // examples of a typical batch, for choices by cost
  bool divide = true;       // take what can be taken for many steps at once out of the phases that run step by step
};

// Differentiates, simplifies and orders the program (in place): the graph that is lowered.
void finish_graph(Program& program, const CompileOptions& options);
// Then, for a program that is to run: what several phases compute is kept, and many steps are taken at once.
void divide_phases(Program& program);

// Differentiates, simplifies, orders and lowers the program (in place) and compiles its phases.
// Throws std::runtime_error where the target cannot be compiled for.
Executable compile_executable(Program& program, const CompileOptions& options);
// What runs its phases. Throws std::runtime_error where that cannot be.
std::shared_ptr<PhaseRunner> load(const Executable& executable);
// Everything but the program that an executable depends on, as text. Throws std::runtime_error for a processor that is
// unknown or not this machine's.
std::string code_version(const CompileOptions& options);

// Both in one.
std::shared_ptr<PhaseRunner> compile_program(std::shared_ptr<Program> program, const CompileOptions& options);

// The text of a stage: graph, derivatives, simplified, schedule, loops, llvm, asm.
std::string dump_stage(std::shared_ptr<Program> program, const CompileOptions& options, const std::string& stage);
const std::vector<std::string>& stage_names();

}  // namespace eligo::compiler
