#include "compiler/kernel_runner.h"

#include "compiler/llvm/link.h"

namespace eligo::compiler {
namespace {

class KernelRunner : public PhaseRunner {
 public:
  KernelRunner(Lowered lowered, std::shared_ptr<Kernels> kernels, bool float64)
      : lowered_(std::move(lowered)), kernels_(std::move(kernels)), element_(float64 ? 8 : 4) {
    for (const loops::Function& f : lowered_.module.functions) functions_.push_back(kernels_->find(f.name));
  }

  void run(int phase, Resolver& where, std::int64_t examples, void* scratch, const void* prepared) const override {
    const int function = lowered_.function_of_phase[phase];
    if (function >= 0) call(function, where, examples, scratch, const_cast<void*>(prepared));
  }

  std::int64_t scratch_bytes(std::int64_t examples) const override {
    std::int64_t most = 0;
    for (const auto& [per_example, in_all] : lowered_.scratch)
      most = std::max(most, shared_bytes(in_all) + element_ * per_example * examples + pad * slots());
    return most;
  }
  std::int64_t prepared_bytes() const override { return element_ * lowered_.prepared_elements + pad; }

  void prepare(Resolver& where, void* scratch, void* prepared) const override {
    if (lowered_.prepare >= 0) call(lowered_.prepare, where, 1, scratch, prepared);
  }

 private:
  static constexpr std::int64_t pad = 64;
  std::int64_t slots() const { return static_cast<std::int64_t>(lowered_.bindings.size()); }
  std::int64_t shared_bytes(std::int64_t elements) const { return (element_ * elements + pad - 1) / pad * pad; }

  void call(int function, Resolver& where, std::int64_t examples, void* scratch, void* prepared) const {
    thread_local std::vector<void*> pointers;  // grows once
    if (pointers.size() < lowered_.bindings.size()) pointers.resize(lowered_.bindings.size());
    const std::int64_t per_example_start = shared_bytes(lowered_.scratch[function].second);
    std::int64_t slot = 0;
    for (int buffer : lowered_.used[function]) {
      const Binding& b = lowered_.bindings[buffer];
      auto* base = static_cast<std::byte*>(scratch);
      switch (b.kind) {
        case Binding::Kind::tensor: pointers[buffer] = where.resolve(b.tensor, b.time); break;
        case Binding::Kind::prepared: pointers[buffer] = static_cast<std::byte*>(prepared) + b.offset * element_; break;
        case Binding::Kind::scratch:
          if (!lowered_.module.buffers[buffer].batched) {
            pointers[buffer] = base + b.offset * element_;
          } else {  // each on a line of its own
            const std::int64_t at = per_example_start + b.offset * examples * element_ + slot++ * pad;
            pointers[buffer] = base + (at + pad - 1) / pad * pad;
          }
      }
    }
    functions_[function](pointers.data(), examples);
  }

  Lowered lowered_;
  std::shared_ptr<Kernels> kernels_;
  std::int64_t element_;
  std::vector<Kernels::Function> functions_;
};

}  // namespace

std::shared_ptr<PhaseRunner> make_kernel_runner(Lowered lowered, std::shared_ptr<Kernels> kernels, bool float64) {
  return std::make_shared<KernelRunner>(std::move(lowered), std::move(kernels), float64);
}

}  // namespace eligo::compiler
