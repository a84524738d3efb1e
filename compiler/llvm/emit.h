// Loop form to LLVM IR: one function `void name(ptr buffers, i64 examples)` per function of the module, its statements
// one after another. A statement is brought to normal form (nest.h), laid onto registers (plan.h) and emitted tile by
// tile (tile.h).
#pragma once

#include <memory>

#include "compiler/llvm/target.h"
#include "compiler/loops.h"

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace eligo::compiler::codegen {

// Changed whenever the emitted code may change: part of the key of cached kernels.
inline constexpr int emitter_version = 2;

std::unique_ptr<llvm::Module> emit(llvm::LLVMContext& context, const loops::Module& module, loops::DType dtype,
                                   const Target& target);

}  // namespace eligo::compiler::codegen
