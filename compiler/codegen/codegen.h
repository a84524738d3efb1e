// What a backend is: it turns the loop form into functions of this process. compiler/llvm is one; nothing outside a
// backend's folder includes its headers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/loops/loops.h"

namespace eligo::compiler {

struct CodegenOptions {
  loops::DType dtype = loops::DType::f32;
  std::string cpu = "native";  // this machine's processor, a level (avx512, avx2, baseline), or a processor's name
  int threads = 2;             // that compile; the objects do not depend on it
  std::vector<int> order;      // functions of the module in the order in which they are to be ready; others come last
};

// What compiling took, in milliseconds of all threads together.
struct CodegenTimes {
  double emit = 0, optimise = 0, generate = 0;
  double sum() const { return emit + optimise + generate; }
};

// A module's functions as object files, which may be kept.
struct Objects {
  std::vector<std::string> files;
  CodegenTimes times;
};

// Functions that can be called; their code lives as long as this does.
class Kernels {
 public:
  using Function = void (*)(void* const* buffers, std::int64_t examples);

  virtual ~Kernels() = default;
  // The function of that name in the module, or null. Waits for it where it is still being compiled, and throws where
  // that fails. Several threads may look functions up at once.
  virtual Function find(const std::string& name) const = 0;
  // Waits for all.
  virtual void finish() {}

  CodegenTimes compile_times;  // of `Backend::functions`, or from `finish` on
  double load_ms = 0;
  std::size_t object_bytes = 0;
};

// A line of a statement's code.
struct CodeLine {
  std::string text;
  int block = -1;            // of the basic blocks that CountedKernels counts; -1: of none of them
  bool instruction = false;  // otherwise a label, a comment or a brace
};

// How many numbers of its output a loop nest computes at a time, in registers.
struct TileShape {
  int rows = 1, columns = 1;  // columns of vectors
  int lanes = 1;              // numbers of a vector
  bool along_sum = false;     // the vectors lie along the sum's loop rather than along the output
};

// What became of a statement, as it is read in its code.
struct StatementCode {
  std::string symbol;
  std::size_t bytes = 0;        // of the symbol in its object file
  int instructions = 0;         // of the machine, in the code
  int vector_bits = 0;          // the widest operands of its arithmetic, or of its moves where it has none
  int spills = 0, reloads = 0;  // instructions that store registers to the stack for want of them, and load them again
  std::vector<TileShape> tiles;                        // of the nests that compute it, in order
  std::map<std::string, std::vector<CodeLine>> texts;  // by form, as Backend::forms names them
};

// Statements that differ in nothing but their memory share their code.
struct ModuleCode {
  std::vector<StatementCode> codes;
  std::vector<std::vector<std::size_t>> of_statement;  // by function and statement: a position in `codes`
};

// Functions that count how often each basic block of their statements runs. For measurements: they are slower.
class CountedKernels {
 public:
  virtual ~CountedKernels() = default;
  virtual Kernels::Function find(const std::string& name) const = 0;
  // By block, since the last `clear`. Empty for a symbol that is none of a statement's.
  virtual std::vector<std::uint64_t> counts(const std::string& symbol) const = 0;
  virtual void clear() = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;

  // Empty where this machine can run code for the processor; otherwise the reason why not. Throws std::runtime_error
  // for a word that names no processor; so do the functions below.
  virtual std::string why_not_here(const std::string& cpu) const = 0;
  // The processor's name, of "native" that of this machine's.
  virtual std::string processor(const std::string& cpu) const = 0;
  // Everything but the module that object files depend on, as text: versions, passes, the processor and its features.
  virtual std::string version(const CodegenOptions& options) const = 0;

  // The module must be sound (loops::verify).
  virtual Objects compile(const loops::Module& module, const CodegenOptions& options) const = 0;
  // The same in threads of its own, where a backend has such; otherwise at once. `done`, if there is one, gets the object
  // files when all is compiled, from one of these threads, at the latest while the kernels are destroyed.
  virtual std::shared_ptr<Kernels> start(const loops::Module& module, const CodegenOptions& options,
                                         std::function<void(std::vector<std::string>)> done) const;
  // Throws std::runtime_error where the objects are unsound or do not define the names.
  virtual std::shared_ptr<Kernels> load(const std::vector<std::string>& objects,
                                        const std::vector<std::string>& names) const = 0;

  // The forms in which `text` shows a module, from the first to the last: for LLVM "llvm" and "asm". The options may
  // name any processor that the backend knows.
  virtual std::span<const std::string_view> forms() const = 0;
  virtual std::string text(std::string_view form, const loops::Module& module, const CodegenOptions& options) const = 0;

  // The code of every statement, each compiled as it is by `compile`; for any processor that the backend knows.
  virtual ModuleCode inspect(const loops::Module& module, const CodegenOptions& options) const = 0;
  // Throws std::runtime_error where this machine cannot run the processor's code.
  virtual std::unique_ptr<CountedKernels> counted(const loops::Module& module, const CodegenOptions& options) const = 0;

  // Compiled and loaded. Throws std::runtime_error where this machine cannot run the processor's code.
  std::shared_ptr<Kernels> functions(const loops::Module& module, const CodegenOptions& options) const;
};

std::vector<std::string> function_names(const loops::Module& module);

// Defined in compiler/llvm/backend.cpp.
const Backend& llvm_backend();

}  // namespace eligo::compiler
