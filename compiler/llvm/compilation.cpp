#include "compiler/llvm/compilation.h"

#include <fmt/core.h>
#include <llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>
#ifdef ELIGO_SANITIZE_ADDRESS
#include <llvm/Transforms/Instrumentation/AddressSanitizer.h>
#endif

#include <stdexcept>

#include "compiler/llvm/emit.h"
#include "compiler/llvm/watch_races.h"

namespace eligo::compiler {

// The emitter leaves little to do: addresses to share and to move out of loops. More passes bring no faster kernels,
// and InstCombine is left out on purpose: LLVM 19's takes max(|x|, 0), NaN kept, for a comparison of x itself.
const char* const llvm_pipeline = "function(early-cse,instsimplify,loop-mssa(licm),simplifycfg)";

namespace {

[[noreturn]] void fail(const std::string& what, llvm::Error error) {
  throw std::runtime_error(fmt::format("{}: {}", what, llvm::toString(std::move(error))));
}

template <class T>
T value_of(llvm::Expected<T> value, const std::string& what) {
  if (!value) fail(what, value.takeError());
  return std::move(*value);
}

llvm::orc::JITTargetMachineBuilder machine_builder(const Target& target, bool comments) {
  llvm::orc::JITTargetMachineBuilder b{llvm::Triple(target.triple)};
  b.setCPU(target.cpu);
  b.addFeatures({target.features.empty() ? std::string() : target.features});
  b.setRelocationModel(llvm::Reloc::PIC_);
  b.setCodeModel(llvm::CodeModel::Small);
  b.setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  b.getOptions().MCOptions.AsmVerbose = comments;
  return b;
}

}  // namespace

std::unique_ptr<llvm::TargetMachine> machine_for(const Target& target, bool comments) {
  return value_of(machine_builder(target, comments).createTargetMachine(), "no code for " + target.cpu);
}

Compilation::Compilation(llvm::TargetMachine& machine, const ModuleParts& parts, const codegen::Part& part)
    : machine_(machine) {
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

Compilation::~Compilation() = default;

std::string Compilation::text() const {
  std::string out;
  llvm::raw_string_ostream stream(out);
  module_->print(stream, nullptr);
  return out;
}

llvm::SmallVector<char, 0> Compilation::generate(llvm::CodeGenFileType type) {
  return compiler::generate(machine_, *module_, type);
}

void Compilation::verify() const {
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(*module_, &stream)) throw std::logic_error("the emitter made unsound code: " + problem);
}

void Compilation::optimise() {
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
  if (llvm::Error e = builder.parsePassPipeline(passes, llvm_pipeline)) fail("pipeline", std::move(e));
#ifdef ELIGO_SANITIZE_ADDRESS
  passes.addPass(llvm::AddressSanitizerPass(llvm::AddressSanitizerOptions(), true, false, llvm::AsanDtorKind::None,
                                            llvm::AsanCtorKind::None));
#endif
  passes.run(*module_, modules);
#ifdef ELIGO_SANITIZE_THREAD
  codegen::watch_races(*module_);
#endif
}

llvm::SmallVector<char, 0> generate(llvm::TargetMachine& machine, llvm::Module& module, llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> out;
  llvm::raw_svector_ostream stream(out);
  llvm::legacy::PassManager passes;
  const bool verified = true;  // by Compilation::verify, before LLVM's own passes
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type, verified))
    throw std::runtime_error("LLVM can't write code for this target");
  passes.run(module);
  return out;
}

}  // namespace eligo::compiler
