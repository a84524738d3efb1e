// LLVM behind the interface of backends.
#include <array>
#include <stdexcept>

#include <fmt/core.h>

#include "compiler/codegen/codegen.h"
#include "compiler/llvm/inspect.h"
#include "compiler/llvm/jit.h"
#include "compiler/llvm/link.h"
#include "compiler/llvm/target.h"

namespace eligo::compiler {
namespace {

JitOptions jit_options(const CodegenOptions& options) {
  return {options.dtype, Target::named(options.cpu), options.threads};
}

class LlvmBackend : public Backend {
 public:
  std::string why_not_here(const std::string& cpu) const override { return Target::named(cpu).why_not_here(); }
  std::string processor(const std::string& cpu) const override { return Target::named(cpu).cpu; }
  std::string version(const CodegenOptions& options) const override { return code_version(jit_options(options)); }

  Objects compile(const loops::Module& module, const CodegenOptions& options) const override {
    return compile_objects(module, jit_options(options));
  }
  std::shared_ptr<Kernels> load(const std::vector<std::string>& objects,
                                const std::vector<std::string>& names) const override {
    return link(objects, names);
  }

  std::span<const std::string_view> forms() const override { return forms_; }
  std::string text(std::string_view form, const loops::Module& module, const CodegenOptions& options) const override {
    if (form == forms_[0]) return llvm_text(module, jit_options(options));
    if (form == forms_[1]) return asm_text(module, jit_options(options));
    throw std::logic_error(fmt::format("internal error: LLVM has no form {}", form));
  }

  ModuleCode inspect(const loops::Module& module, const CodegenOptions& options) const override {
    return inspect_module(module, jit_options(options));
  }
  std::unique_ptr<CountedKernels> counted(const loops::Module& module, const CodegenOptions& options) const override {
    if (const std::string reason = why_not_here(options.cpu); !reason.empty()) throw std::runtime_error(reason);
    return count_blocks(module, jit_options(options));
  }

 private:
  static constexpr std::array<std::string_view, 2> forms_ = {"llvm", "asm"};
};

}  // namespace

const Backend& llvm_backend() {
  static const LlvmBackend backend;
  return backend;
}

}  // namespace eligo::compiler
