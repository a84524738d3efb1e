// Runs another runner's phases and notes how often each ran, for how many examples and for how long.
#pragma once

#include <memory>
#include <vector>

#include "runtime/machine/timing.h"
#include "compiler/ir/phase_runner.h"

namespace eligo::bench {

struct PhaseSums {
  double calls = 0, examples = 0;
  std::vector<double> seconds;  // of each call of the workload

  double running = 0, counted = 0;  // of the call that runs, and the calls before it
};

// For one thread, and one at a time: compiled phases are plain functions, so what stands in for them finds it by a
// global.
class TimedRunner : public compiler::PhaseRunner {
 public:
  TimedRunner(std::shared_ptr<compiler::PhaseRunner> inner, std::size_t phases);
  ~TimedRunner() override;

  void run(int phase, compiler::Resolver& where, std::int64_t examples, void* scratch,
           const void* prepared) const override;
  std::int64_t scratch_bytes(std::int64_t examples) const override { return inner_->scratch_bytes(examples); }
  std::int64_t run_scratch_bytes(std::int64_t examples) const override { return inner_->run_scratch_bytes(examples); }
  std::int64_t prepared_bytes() const override { return inner_->prepared_bytes(); }
  void prepare(compiler::Resolver& where, void* scratch, void* prepared) const override;
  int places() const override { return inner_->places(); }
  const compiler::Kernel* kernel(int phase) const override;
  void place(int phase, void** addresses, std::int64_t examples, void* scratch, const void* prepared) const override {
    inner_->place(phase, addresses, examples, scratch, prepared);
  }
  bool concurrent() const override { return false; }

  // By which phases are timed; at first the thread's.
  void set_clock(Clock clock) { clock_ = clock; }

  // What a compiled phase is replaced by.
  void call(std::size_t index, void* const* addresses, std::int64_t examples) const;

  // Ends a call of the workload; says how many phases ran in it.
  double end_call();
  void clear();
  const PhaseSums& sums(int phase) const { return sums_[static_cast<std::size_t>(phase + 1)]; }  // -1: prepare

 private:
  void note(PhaseSums& sums, double start, std::int64_t examples) const;

  std::shared_ptr<compiler::PhaseRunner> inner_;
  Clock clock_ = Clock::thread;
  mutable std::vector<PhaseSums> sums_;
  std::vector<compiler::Kernel> kernels_;  // the inner runner's, with other functions
  std::vector<std::vector<std::vector<compiler::Kernel::Function>>> stages_;  // what the stand-ins call, by phase
};

}  // namespace eligo::bench
