// Loop form to object files, or to text for any target.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/codegen.h"
#include "compiler/llvm/outline.h"
#include "compiler/llvm/target.h"
#include "compiler/loops/loops.h"

namespace eligo::compiler {

struct JitOptions {
  loops::DType dtype = loops::DType::f32;
  Target target;
  int threads = 2;         // that compile; the objects do not depend on it
  std::vector<int> order;  // CodegenOptions::order
};

// A module cut into parts, each of which becomes an object file. The module must be sound (loops::verify).
struct ModuleParts {
  ModuleParts(const loops::Module& whole, const JitOptions& chosen);
  // In which part a function is.
  std::size_t of(const std::string& function) const;
  codegen::Part whole() const;  // all of it, for people to read

  loops::Module module;  // without its statements
  JitOptions options;
  codegen::Outlined outlined;
  std::vector<codegen::Part> parts;
};

// What compiles parts, one for each thread.
class PartCompiler {
 public:
  explicit PartCompiler(const ModuleParts& parts);
  ~PartCompiler();
  // The part's object file.
  std::string compile(std::size_t part, CodegenTimes& spent);

 private:
  struct Machine;
  const ModuleParts& parts_;
  std::unique_ptr<Machine> machine_;
};

// Everything but the module that object files depend on, as text.
std::string code_version(const JitOptions& options);

// The code after optimisation; the options' target may be any that LLVM knows.
std::string llvm_text(const loops::Module& module, const JitOptions& options);
std::string asm_text(const loops::Module& module, const JitOptions& options);

}  // namespace eligo::compiler
