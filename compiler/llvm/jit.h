// Loop form to machine code in this process, or to text for any target.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/llvm/link.h"
#include "compiler/llvm/target.h"
#include "compiler/loops/loops.h"

namespace eligo::compiler {

struct JitOptions {
  loops::DType dtype = loops::DType::f32;
  Target target;
  int threads = 2;  // that compile; the objects do not depend on it
};

// The module's functions as object files. It must be sound (loops::verify).
struct Objects {
  std::vector<std::string> files;
  double emit_ms = 0, optimise_ms = 0, codegen_ms = 0;  // of all threads together
};
Objects compile_objects(const loops::Module& module, const JitOptions& options);

// Everything but the module that object files depend on, as text.
std::string code_version(const JitOptions& options);

// Compiled and linked. Throws std::runtime_error where this machine can't run the target's code.
std::shared_ptr<Kernels> jit(const loops::Module& module, const JitOptions& options);
std::vector<std::string> function_names(const loops::Module& module);

// What `jit` would run, after optimisation; the options' target may be any that LLVM knows.
std::string llvm_text(const loops::Module& module, const JitOptions& options);
std::string asm_text(const loops::Module& module, const JitOptions& options);

}  // namespace eligo::compiler
