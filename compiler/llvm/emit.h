// Loop form to LLVM IR: one function `void name(ptr buffers, i64 examples)` per function of the module, which calls one
// function per statement (outline.h). A statement is brought to normal form (nest.h), laid onto registers (plan.h) and
// emitted tile by tile (tile.h).
#pragma once

#include <memory>

#include "compiler/llvm/outline.h"
#include "compiler/llvm/target.h"
#include "compiler/loops/loops.h"

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace eligo::compiler::codegen {

// Some of a module's nests and functions. The rest is declared where it is called.
std::unique_ptr<llvm::Module> emit(llvm::LLVMContext& context, const loops::Module& module, const Outlined& outlined,
                                   const Part& part, loops::DType dtype, const Target& target);

}  // namespace eligo::compiler::codegen
