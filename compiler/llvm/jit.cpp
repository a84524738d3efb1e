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

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>

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

// A module cut into pieces: outline.h.
struct Pieces {
  Pieces(const loops::Module& module_, const JitOptions& options_)
      : module(module_), options(options_), outlined(codegen::outline(module_)) {}
  const loops::Module& module;
  const JitOptions& options;
  codegen::Outlined outlined;
};

// Some nests of a module, and perhaps its functions, on their way to machine code.
class Compilation {
 public:
  Compilation(llvm::TargetMachine& machine, const Pieces& pieces, const std::vector<std::size_t>& nests, bool functions)
      : machine_(machine) {
    Clock clock;
    const JitOptions& options = pieces.options;
    module_ = codegen::emit(context_, pieces.module, pieces.outlined, nests, functions, options.dtype, options.target);
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

namespace {

// The parts of a module, compiled by several threads: each takes the next one that nobody has begun.
class Work {
 public:
  Work(const loops::Module& module, const JitOptions& options)
      : pieces_(module, options), parts_(codegen::parts_of(pieces_.outlined)) {
    objects.files.resize(parts_.size());
  }

  void run() {
    const auto helpers =
        std::min<std::size_t>(static_cast<std::size_t>(std::max(1, pieces_.options.threads)), parts_.size()) - 1;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < helpers; ++i) threads.emplace_back([this] { compile(); });
    compile();
    for (std::thread& thread : threads) thread.join();
    if (fault_) std::rethrow_exception(fault_);
  }

  Objects objects;

 private:
  void compile() {
    try {
      const auto machine = machine_for(pieces_.options.target);
      for (std::size_t part = next_++; part < parts_.size(); part = next_++) compile(*machine, part);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!fault_) fault_ = std::current_exception();
      next_ = parts_.size();
    }
  }
  void compile(llvm::TargetMachine& machine, std::size_t part) {
    Compilation compilation(machine, pieces_, parts_[part], part == 0);
    Clock clock;
    const auto object = compilation.generate(llvm::CodeGenFileType::ObjectFile);
    objects.files[part].assign(object.data(), object.size());
    const std::lock_guard lock(mutex_);
    objects.times.generate += clock.lap();
    objects.times.emit += compilation.emit_ms;
    objects.times.optimise += compilation.optimise_ms;
  }

  const Pieces pieces_;
  const std::vector<std::vector<std::size_t>> parts_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::exception_ptr fault_;
};

}  // namespace

Objects compile_objects(const loops::Module& module, const JitOptions& options) {
  Work work(module, options);
  work.run();
  return std::move(work.objects);
}

namespace {

// All of a module in one piece, for people to read.
template <class Use>
std::string whole(const loops::Module& module, const JitOptions& options, const Use& use) {
  const Pieces pieces(module, options);
  std::vector<std::size_t> all(pieces.outlined.nests.size());
  std::iota(all.begin(), all.end(), 0);
  const auto machine = machine_for(options.target);
  Compilation compilation(*machine, pieces, all, true);
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
