#include "compiler/llvm/jit.h"

#include <fmt/core.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#ifdef ELIGO_SANITIZE_ADDRESS
#include <llvm/Transforms/Instrumentation/AddressSanitizer.h>
#endif

#include <chrono>
#include <numeric>
#include <stdexcept>

#include "compiler/llvm/emit.h"
#include "compiler/llvm/watch_races.h"

namespace eligo::compiler {
namespace {

// The emitter leaves little to do: addresses to share and to move out of loops. More passes bring no faster kernels,
// and InstCombine is left out on purpose: LLVM 19's takes max(|x|, 0), NaN kept, for a comparison of x itself.
constexpr const char* pipeline = "function(early-cse,instsimplify,loop-mssa(licm),simplifycfg)";

#if defined(ELIGO_SANITIZE_ADDRESS)
constexpr const char* sanitizer = "asan";
#elif defined(ELIGO_SANITIZE_THREAD)
constexpr const char* sanitizer = "tsan";
#else
constexpr const char* sanitizer = "";
#endif

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

[[noreturn]] void fail(const std::string& what, llvm::Error error) {
  throw std::runtime_error(fmt::format("{}: {}", what, llvm::toString(std::move(error))));
}

template <class T>
T value_of(llvm::Expected<T> value, const std::string& what) {
  if (!value) fail(what, value.takeError());
  return std::move(*value);
}

llvm::orc::JITTargetMachineBuilder machine_builder(const Target& target) {
  llvm::orc::JITTargetMachineBuilder b{llvm::Triple(target.triple)};
  b.setCPU(target.cpu);
  b.addFeatures({target.features.empty() ? std::string() : target.features});
  b.setRelocationModel(llvm::Reloc::PIC_);
  b.setCodeModel(llvm::CodeModel::Small);
  b.setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  return b;
}

std::unique_ptr<llvm::TargetMachine> machine_for(const Target& target) {
  return value_of(machine_builder(target).createTargetMachine(), "no code for " + target.cpu);
}

// A part of a module on its way to machine code.
class Compilation {
 public:
  Compilation(llvm::TargetMachine& machine, const ModuleParts& parts, const codegen::Part& part) : machine_(machine) {
    Clock clock;
    const JitOptions& options = parts.options;
    module_ = codegen::emit(context_, parts.module, parts.outlined, part, options.dtype, options.target);
    module_->setDataLayout(machine_.createDataLayout());
    module_->setTargetTriple(options.target.triple);
    emit_ms = clock.lap();
    verify();
    optimise();
    optimise_ms = clock.lap();
  }

  std::string text() const {
    std::string out;
    llvm::raw_string_ostream stream(out);
    module_->print(stream, nullptr);
    return out;
  }

  llvm::SmallVector<char, 0> generate(llvm::CodeGenFileType type) {
    llvm::SmallVector<char, 0> out;
    llvm::raw_svector_ostream stream(out);
    llvm::legacy::PassManager passes;
    const bool verified = true;  // by verify(), before LLVM's own passes
    if (machine_.addPassesToEmitFile(passes, stream, nullptr, type, verified))
      throw std::runtime_error("LLVM can't write code for this target");
    passes.run(*module_);
    return out;
  }

  double emit_ms = 0, optimise_ms = 0;

 private:
  void verify() const {
    std::string problem;
    llvm::raw_string_ostream stream(problem);
    if (llvm::verifyModule(*module_, &stream)) throw std::logic_error("the emitter made unsound code: " + problem);
  }

  void optimise() {
    llvm::LoopAnalysisManager loops;
    llvm::FunctionAnalysisManager functions;
    llvm::CGSCCAnalysisManager graph;
    llvm::ModuleAnalysisManager modules;
    llvm::PassBuilder builder(&machine_);
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(graph);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, graph, modules);
    llvm::ModulePassManager passes;
    if (llvm::Error e = builder.parsePassPipeline(passes, pipeline)) fail("pipeline", std::move(e));
#ifdef ELIGO_SANITIZE_ADDRESS
    passes.addPass(llvm::AddressSanitizerPass(llvm::AddressSanitizerOptions(), true, false, llvm::AsanDtorKind::None,
                                              llvm::AsanCtorKind::None));
#endif
    passes.run(*module_, modules);
#ifdef ELIGO_SANITIZE_THREAD
    codegen::watch_races(*module_);
#endif
  }

  llvm::LLVMContext context_;
  llvm::TargetMachine& machine_;
  std::unique_ptr<llvm::Module> module_;
};

}  // namespace

std::string code_version(const JitOptions& options) {
  const Target& t = options.target;
  return fmt::format("LLVM {} {} {} {} {} {} {}", LLVM_VERSION_STRING, pipeline, t.triple, t.cpu, t.features,
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

// All of a module in one piece, for people to read.
template <class Use>
std::string whole(const loops::Module& module, const JitOptions& options, const Use& use) {
  const ModuleParts parts(module, options);
  codegen::Part all;
  all.nests.resize(parts.outlined.nests.size());
  all.functions.resize(parts.outlined.functions.size());
  std::iota(all.nests.begin(), all.nests.end(), 0);
  std::iota(all.functions.begin(), all.functions.end(), 0);
  const auto machine = machine_for(options.target);
  Compilation compilation(*machine, parts, all);
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
