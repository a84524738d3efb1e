// Loop form to object files, or to text for any target.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/codegen.h"
#include "compiler/llvm/target.h"
#include "compiler/loops/loops.h"

namespace eligo::compiler {

struct JitOptions {
  loops::DType dtype = loops::DType::f32;
  Target target;
  int threads = 2;  // that compile; the objects do not depend on it
};

// The module's functions as object files. It must be sound (loops::verify).
Objects compile_objects(const loops::Module& module, const JitOptions& options);

// Everything but the module that object files depend on, as text.
std::string code_version(const JitOptions& options);

// The code after optimisation; the options' target may be any that LLVM knows.
std::string llvm_text(const loops::Module& module, const JitOptions& options);
std::string asm_text(const loops::Module& module, const JitOptions& options);

}  // namespace eligo::compiler
