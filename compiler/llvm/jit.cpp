#include "compiler/llvm/jit.h"

#include <fmt/core.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/Module.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

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
