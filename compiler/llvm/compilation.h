// Some of a module's nests on their way through LLVM: emitted, verified, optimised, and then as text or machine code.
#pragma once

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/Support/CodeGen.h>
#include <llvm/Target/TargetMachine.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "compiler/llvm/jit.h"
#include "compiler/llvm/outline.h"

namespace llvm {
class Module;
}

namespace eligo::compiler {

// The passes over the emitter's code, as LLVM's text.
extern const char* const llvm_pipeline;

class Clock {
 public:
  double lap() {  // milliseconds since the last one
    const auto now = std::chrono::steady_clock::now();
    const double ms = std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
    return ms;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// With `comments`, assembly says which blocks, loops and spills its lines belong to.
std::unique_ptr<llvm::TargetMachine> machine_for(const Target& target, bool comments = false);

// A part of a module.
class Compilation {
 public:
  Compilation(llvm::TargetMachine& machine, const ModuleParts& parts, const codegen::Part& part);
  ~Compilation();

  std::string text() const;
  // Once: LLVM changes the module on the way.
  llvm::SmallVector<char, 0> generate(llvm::CodeGenFileType type);
  llvm::Module& module() { return *module_; }

  double emit_ms = 0, optimise_ms = 0;

 private:
  void verify() const;
  void optimise();

  llvm::LLVMContext context_;
  llvm::TargetMachine& machine_;
  std::unique_ptr<llvm::Module> module_;
};

// The module as machine code or as assembly. LLVM changes the module on the way.
llvm::SmallVector<char, 0> generate(llvm::TargetMachine& machine, llvm::Module& module, llvm::CodeGenFileType type);

}  // namespace eligo::compiler
