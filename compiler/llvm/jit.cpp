#include "compiler/llvm/jit.h"

#include <fmt/format.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/ExecutionEngine/Orc/Debugging/DebuggerSupport.h>
#include <llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#ifdef ELIGO_SANITIZE_ADDRESS
#include <llvm/Transforms/Instrumentation/AddressSanitizer.h>
#endif

#include <chrono>
#include <cstdlib>
#include <map>
#include <stdexcept>

#include "compiler/llvm/cache.h"
#include "compiler/llvm/emit.h"
#include "compiler/loops_text.h"

namespace eligo::compiler {
namespace {

// The emitter leaves little to do: addresses to share and to move out of loops. More passes bring no faster kernels,
// and InstCombine is left out on purpose: LLVM 19's takes max(|x|, 0), NaN kept, for a comparison of x itself.
constexpr const char* pipeline = "function(early-cse,instsimplify,loop-mssa(licm),simplifycfg)";

#ifdef ELIGO_SANITIZE_ADDRESS
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
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

// A module on its way to machine code.
class Compilation {
 public:
  Compilation(const loops::Module& module, const JitOptions& options)
      : machine_(value_of(machine_builder(options.target).createTargetMachine(), "no code for " + options.target.cpu)) {
    Clock clock;
    module_ = codegen::emit(context_, module, options.dtype, options.target);
    module_->setDataLayout(machine_->createDataLayout());
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
    if (machine_->addPassesToEmitFile(passes, stream, nullptr, type))
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
    llvm::PassBuilder builder(machine_.get());
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
  }

  llvm::LLVMContext context_;
  std::unique_ptr<llvm::TargetMachine> machine_;
  std::unique_ptr<llvm::Module> module_;
};

class LinkedKernels : public Kernels {
 public:
  LinkedKernels(const loops::Module& module, const JitOptions& options, std::unique_ptr<llvm::MemoryBuffer> object) {
    object_bytes = object->getBufferSize();
    llvm::orc::LLJITBuilder builder;
    builder.setJITTargetMachineBuilder(machine_builder(options.target));
    jit_ = value_of(builder.create(), "no JIT");
    if (const char* gdb = std::getenv("ELIGO_GDB"); gdb && *gdb == '1')
      if (llvm::Error e = llvm::orc::enableDebuggerSupport(*jit_)) fail("gdb", std::move(e));
    if (llvm::Error e = jit_->addObjectFile(std::move(object))) fail("object", std::move(e));
    for (const loops::Function& f : module.functions)
      functions_[f.name] = value_of(jit_->lookup(f.name), f.name).toPtr<Function>();
  }

  Function find(const std::string& name) const override {
    const auto it = functions_.find(name);
    return it == functions_.end() ? nullptr : it->second;
  }

 private:
  std::unique_ptr<llvm::orc::LLJIT> jit_;
  std::map<std::string, Function> functions_;
};

std::string cache_key(const loops::Module& module, const JitOptions& options) {
  const Target& t = options.target;
  return KernelCache::key(fmt::format("emitter {} LLVM {} {} {} {} {} {} {}\n{}", codegen::emitter_version,
                                      LLVM_VERSION_STRING, pipeline, t.triple, t.cpu, t.features,
                                      options.dtype == loops::DType::f32 ? "f32" : "f64", sanitized ? "asan" : "",
                                      loops::text(module)));
}

std::unique_ptr<llvm::MemoryBuffer> buffer_of(std::string_view object, const std::string& name) {
  return llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object.data(), object.size()), name);
}

}  // namespace

std::shared_ptr<Kernels> jit(const loops::Module& module, const JitOptions& options) {
  if (const std::string reason = options.target.why_not_here(); !reason.empty()) throw std::runtime_error(reason);
  const KernelCache cache(options.cache_folder);
  const std::string key = options.cache_folder.empty() ? "" : cache_key(module, options);
  Clock clock;
  if (const auto object = cache.load(module.name, key)) {
    try {
      auto kernels = std::make_shared<LinkedKernels>(module, options, buffer_of(*object, module.name));
      kernels->from_cache = true;
      kernels->link_ms = clock.lap();
      return kernels;
    } catch (const std::runtime_error&) {
      // an object that does not link is rebuilt like any other bad entry
    }
  }
  Compilation compilation(module, options);
  clock.lap();
  const auto object = compilation.generate(llvm::CodeGenFileType::ObjectFile);
  const double codegen_ms = clock.lap();
  const std::string_view bytes(object.data(), object.size());
  cache.store(module.name, key, bytes);
  clock.lap();
  auto kernels = std::make_shared<LinkedKernels>(module, options, buffer_of(bytes, module.name));
  kernels->emit_ms = compilation.emit_ms;
  kernels->optimise_ms = compilation.optimise_ms;
  kernels->codegen_ms = codegen_ms;
  kernels->link_ms = clock.lap();
  return kernels;
}

std::string llvm_text(const loops::Module& module, const JitOptions& options) {
  return Compilation(module, options).text();
}

std::string asm_text(const loops::Module& module, const JitOptions& options) {
  const auto text = Compilation(module, options).generate(llvm::CodeGenFileType::AssemblyFile);
  return std::string(text.data(), text.size());
}

}  // namespace eligo::compiler
