#include "compiler/driver/kernel_runner.h"

#include <algorithm>
#include <mutex>

namespace eligo::compiler {
namespace {

class KernelRunner : public PhaseRunner {
 public:
  KernelRunner(Lowered lowered, std::shared_ptr<Kernels> kernels, bool float64)
      : lowered_(std::move(lowered)), kernels_(std::move(kernels)), element_(float64 ? 8 : 4) {
    for (std::size_t f = 0; f < lowered_.module.functions.size(); ++f) {
      Kernel kernel;
      for (int buffer : lowered_.used[f])
        if (const Binding& b = lowered_.bindings[buffer]; b.kind == Binding::Kind::tensor)
          kernel.reads.push_back({buffer, b.tensor, b.time});
      functions_.push_back(std::move(kernel));
    }
  }

  void run(int phase, Resolver& where, std::int64_t examples, void* scratch, const void* prepared) const override {
    const Kernel* k = kernel(phase);
    if (!k) return;
    wait_for(phase);
    thread_local std::vector<void*> addresses;  // grows once
    if (addresses.size() < lowered_.bindings.size()) addresses.resize(lowered_.bindings.size());
    place(phase, addresses.data(), examples, scratch, prepared);
    for (const Kernel::Read& read : k->reads) addresses[read.place] = where.resolve(read.tensor, read.time);
    if (k->stages.empty()) k->function(addresses.data(), examples);
    for (const auto& stage : k->stages)
      for (const Kernel::Function piece : stage) piece(addresses.data(), examples);
  }

  std::int64_t scratch_bytes(std::int64_t examples) const override {
    std::int64_t most = 0;
    for (const auto& scratch : lowered_.scratch) most = std::max(most, bytes(scratch, examples));
    return most;
  }
  std::int64_t run_scratch_bytes(std::int64_t examples) const override {
    std::int64_t most = 0;
    for (std::size_t f = 0; f < functions_.size(); ++f)
      if (lowered_.at_once[f]) most = std::max(most, bytes(lowered_.scratch[f], examples));
    return most;
  }
  std::int64_t prepared_bytes() const override { return element_ * lowered_.prepared_elements + pad; }

  void prepare(Resolver& where, void* scratch, void* prepared) const override {
    run(prepare_phase, where, 1, scratch, prepared);
  }

  int places() const override { return static_cast<int>(lowered_.bindings.size()); }
  const Kernel* kernel(int phase) const override {
    const int f = function_of(phase);
    return f < 0 ? nullptr : &functions_[f];
  }

  void wait_for(int phase) const override {
    const int f = function_of(phase);
    if (f < 0) return;
    const std::lock_guard lock(mutex_);
    Kernel& kernel = functions_[static_cast<std::size_t>(f)];
    if (kernel.function) return;
    std::vector<std::vector<Kernel::Function>> stages;
    for (const std::vector<int>& stage : lowered_.stages[static_cast<std::size_t>(f)]) {
      stages.emplace_back();
      for (const int piece : stage) stages.back().push_back(function(piece));
    }
    kernel.stages = std::move(stages);
    kernel.function = function(f);
  }
  void wait_for_all() const override { kernels_->finish(); }

  void place(int phase, void** addresses, std::int64_t examples, void* scratch, const void* prepared) const override {
    const int f = function_of(phase);
    if (f < 0) return;
    const std::int64_t per_example_start = shared_bytes(lowered_.scratch[f].second);
    auto* base = static_cast<std::byte*>(scratch);
    const std::vector<std::int64_t> offsets = offsets_of(f);
    for (int buffer : lowered_.used[f]) {
      const Binding& b = lowered_.bindings[buffer];
      if (b.kind == Binding::Kind::prepared) {
        addresses[buffer] = static_cast<std::byte*>(const_cast<void*>(prepared)) + b.offset * element_;
      } else if (b.kind == Binding::Kind::scratch && !lowered_.module.buffers[buffer].batched) {
        addresses[buffer] = base + b.offset * element_;
      } else if (b.kind == Binding::Kind::scratch) {  // each on a line of its own, whatever the number of examples
        const auto slot = std::lower_bound(offsets.begin(), offsets.end(), b.offset) - offsets.begin();
        const std::int64_t at = per_example_start + b.offset * examples * element_ + slot * pad;
        addresses[buffer] = base + (at + pad - 1) / pad * pad;
      }
    }
  }

 private:
  static constexpr std::int64_t pad = 64;
  // Where scratch buffers of an example begin, in order: those that share a place begin at one of them.
  std::vector<std::int64_t> offsets_of(int function) const {
    std::vector<std::int64_t> offsets;
    for (const int buffer : lowered_.used[function])
      if (lowered_.bindings[buffer].kind == Binding::Kind::scratch && lowered_.module.buffers[buffer].batched)
        offsets.push_back(lowered_.bindings[buffer].offset);
    std::sort(offsets.begin(), offsets.end());
    offsets.erase(std::unique(offsets.begin(), offsets.end()), offsets.end());
    return offsets;
  }
  std::int64_t slots() const { return static_cast<std::int64_t>(lowered_.bindings.size()); }
  std::int64_t bytes(const std::pair<std::int64_t, std::int64_t>& scratch, std::int64_t examples) const {
    return shared_bytes(scratch.second) + element_ * scratch.first * examples + pad * slots();
  }
  std::int64_t shared_bytes(std::int64_t elements) const { return (element_ * elements + pad - 1) / pad * pad; }
  Kernel::Function function(int number) const {
    return kernels_->find(lowered_.module.functions[static_cast<std::size_t>(number)].name);
  }
  int function_of(int phase) const {
    return phase == prepare_phase ? lowered_.prepare : lowered_.function_of_phase[phase];
  }

  Lowered lowered_;
  std::shared_ptr<Kernels> kernels_;
  std::int64_t element_;
  mutable std::mutex mutex_;
  mutable std::vector<Kernel> functions_;  // what they call is filled in when it is waited for
};

}  // namespace

std::shared_ptr<PhaseRunner> make_kernel_runner(Lowered lowered, std::shared_ptr<Kernels> kernels, bool float64) {
  return std::make_shared<KernelRunner>(std::move(lowered), std::move(kernels), float64);
}

}  // namespace eligo::compiler
