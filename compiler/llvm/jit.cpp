#include "compiler/llvm/jit.h"

#include <fmt/core.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/Module.h>

#include <numeric>
#include <stdexcept>

#include "compiler/llvm/compilation.h"

namespace eligo::compiler {
namespace {

#if defined(ELIGO_SANITIZE_ADDRESS)
constexpr const char* sanitizer = "asan";
#elif defined(ELIGO_SANITIZE_THREAD)
constexpr const char* sanitizer = "tsan";
#else
constexpr const char* sanitizer = "";
#endif

}  // namespace

std::string code_version(const JitOptions& options) {
  const Target& t = options.target;
  return fmt::format("LLVM {} {} {} {} {} {} {}", LLVM_VERSION_STRING, llvm_pipeline, t.triple, t.cpu, t.features,
                     options.dtype == loops::DType::f32 ? "f32" : "f64", sanitizer);
}

ModuleParts::ModuleParts(const loops::Module& whole, const JitOptions& chosen)
    : module(whole), options(chosen), outlined(codegen::outline(whole)), parts(parts_of(outlined, chosen.order)) {
  for (loops::Function& f : module.functions) f.statements.clear();  // they are in `outlined`
}

std::size_t ModuleParts::of(const std::string& function) const {
  for (std::size_t part = 0; part < parts.size(); ++part)
    for (const std::size_t f : parts[part].functions)
      if (outlined.functions[f].name == function) return part;
  throw std::runtime_error("there is no kernel " + function);
}

codegen::Part ModuleParts::whole() const {
  codegen::Part all;
  all.nests.resize(outlined.nests.size());
  all.functions.resize(outlined.functions.size());
  std::iota(all.nests.begin(), all.nests.end(), 0);
  std::iota(all.functions.begin(), all.functions.end(), 0);
  return all;
}

struct PartCompiler::Machine {
  std::unique_ptr<llvm::TargetMachine> machine;
};

PartCompiler::PartCompiler(const ModuleParts& parts)
    : parts_(parts), machine_(new Machine{machine_for(parts.options.target)}) {}
PartCompiler::~PartCompiler() = default;

std::string PartCompiler::compile(std::size_t part, CodegenTimes& spent) {
  Compilation compilation(*machine_->machine, parts_, parts_.parts[part]);
  Clock clock;
  const auto object = compilation.generate(llvm::CodeGenFileType::ObjectFile);
  spent = {compilation.emit_ms, compilation.optimise_ms, clock.lap()};
  return {object.data(), object.size()};
}

namespace {

template <class Use>
std::string whole(const loops::Module& module, const JitOptions& options, const Use& use) {
  const ModuleParts parts(module, options);
  const auto machine = machine_for(options.target);
  Compilation compilation(*machine, parts, parts.whole());
  return use(compilation);
}

}  // namespace

std::string llvm_text(const loops::Module& module, const JitOptions& options) {
  return whole(module, options, [](Compilation& compilation) { return compilation.text(); });
}

std::string asm_text(const loops::Module& module, const JitOptions& options) {
  return whole(module, options, [](Compilation& compilation) {
    const auto text = compilation.generate(llvm::CodeGenFileType::AssemblyFile);
    return std::string(text.data(), text.size());
  });
}

}  // namespace eligo::compiler
