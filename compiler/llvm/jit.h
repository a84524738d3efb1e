// Loop form to machine code in this process, or to text for any target.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "compiler/llvm/target.h"
#include "compiler/loops.h"

namespace eligo::compiler {

struct JitOptions {
  loops::DType dtype = loops::DType::f32;
  Target target;
  std::string cache_folder;  // compiled kernels are kept there; empty: nowhere
};

// Compiled functions; their code lives as long as this does.
class Kernels {
 public:
  using Function = void (*)(void* const* buffers, std::int64_t examples);

  virtual ~Kernels() = default;
  // The function of that name in the module, or null.
  virtual Function find(const std::string& name) const = 0;

  double emit_ms = 0, optimise_ms = 0, codegen_ms = 0, link_ms = 0;
  bool from_cache = false;
  std::size_t object_bytes = 0;
};

// Throws std::runtime_error where this machine can't run the target's code. The module must be sound (loops::verify).
// ELIGO_GDB=1 shows the kernels to gdb.
std::shared_ptr<Kernels> jit(const loops::Module& module, const JitOptions& options);

// What `jit` would run, after optimisation; the options' target may be any that LLVM knows.
std::string llvm_text(const loops::Module& module, const JitOptions& options);
std::string asm_text(const loops::Module& module, const JitOptions& options);

}  // namespace eligo::compiler
