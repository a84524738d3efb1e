// From a program to functions that run it: all passes, then the backend.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compiler/driver/executable.h"
#include "compiler/driver/pipeline.h"
#include "compiler/ir/phase_runner.h"

namespace eligo::compiler {

// Runs all passes over the program (in place) and compiles its phases. Throws std::runtime_error where this machine
// cannot run code for the processor. With `times`, rows are added for each pass and for the backend.
Executable compile(Program& program, const CompileOptions& options, std::vector<PassTime>* times = nullptr);
// The same, but its phases are compiled by threads in the background, in the order in which a session calls them; a
// phase that is called waits until it is there. `complete`, if given, gets the whole executable when all phases are
// compiled, from such a thread, before the runner is gone.
struct Started {
  Executable executable;  // without its objects
  std::shared_ptr<PhaseRunner> runner;
};
Started start(Program& program, const CompileOptions& options, std::function<void(const Executable&)> complete);
// What runs its phases. Throws std::runtime_error where its code cannot be loaded.
std::shared_ptr<PhaseRunner> load(const Executable& executable, const Backend& backend = llvm_backend());
// Both in one.
std::shared_ptr<PhaseRunner> compile_and_load(Program& program, const CompileOptions& options);

CodegenOptions codegen_options(const CompileOptions& options);

// Everything but the program that an executable depends on, as text. Throws std::runtime_error for a processor that is
// unknown or not this machine's.
std::string code_version(const CompileOptions& options);

}  // namespace eligo::compiler
