// What became of statements: their code as text, and what can be read in it.
#pragma once

#include <memory>

#include "compiler/llvm/jit.h"

namespace eligo::compiler {

ModuleCode inspect_module(const loops::Module& module, const JitOptions& options);

// The module's functions, with a counter in every basic block of a statement. The code around the counters is that of
// inspect_module, block by block. For this machine alone.
std::unique_ptr<CountedKernels> count_blocks(const loops::Module& module, const JitOptions& options);

}  // namespace eligo::compiler
