#include "bench/timed_runner.h"

#include <array>
#include <utility>

#include "runtime/machine/timing.h"

namespace eligo::bench {
namespace {

const TimedRunner* active = nullptr;

constexpr std::size_t most_phases = 256;

template <std::size_t index>
void stand_in(void* const* addresses, std::int64_t examples) {
  active->call(index, addresses, examples);
}

template <std::size_t... indices>
constexpr std::array<compiler::Kernel::Function, sizeof...(indices)> all(std::index_sequence<indices...>) {
  return {&stand_in<indices>...};
}

constexpr auto stand_ins = all(std::make_index_sequence<most_phases>());

}  // namespace

void TimedRunner::note(PhaseSums& sums, double start, std::int64_t examples) const {
  sums.running += now(clock_) - start;
  sums.calls += 1;
  sums.examples += static_cast<double>(examples);
}

TimedRunner::TimedRunner(std::shared_ptr<compiler::PhaseRunner> inner, std::size_t phases)
    : inner_(std::move(inner)), sums_(phases + 1), kernels_(phases + 1), stages_(phases + 1) {
  for (std::size_t i = 0; i < kernels_.size(); ++i) {
    const compiler::Kernel* kernel = inner_->kernel(static_cast<int>(i) - 1);
    if (!kernel) continue;
    inner_->wait_for(static_cast<int>(i) - 1);
    kernels_[i] = *kernel;
    stages_[i] = kernel->stages;
    if (stages_[i].empty()) stages_[i] = {{kernel->function}};
    if (i >= most_phases) continue;  // runs without being timed
    kernels_[i].function = stand_ins[i];
    kernels_[i].stages.clear();
  }
  active = this;
}

TimedRunner::~TimedRunner() {
  if (active == this) active = nullptr;
}

void TimedRunner::run(int phase, compiler::Resolver& where, std::int64_t examples, void* scratch,
                      const void* prepared) const {
  const double start = now(clock_);
  inner_->run(phase, where, examples, scratch, prepared);
  note(sums_[static_cast<std::size_t>(phase + 1)], start, examples);
}

void TimedRunner::prepare(compiler::Resolver& where, void* scratch, void* prepared) const {
  const double start = now(clock_);
  inner_->prepare(where, scratch, prepared);
  note(sums_[0], start, 1);
}

const compiler::Kernel* TimedRunner::kernel(int phase) const {
  const auto i = static_cast<std::size_t>(phase + 1);
  return stages_[i].empty() ? nullptr : &kernels_[i];
}

void TimedRunner::call(std::size_t index, void* const* addresses, std::int64_t examples) const {
  const double start = now(clock_);
  for (const auto& stage : stages_[index])
    for (const compiler::Kernel::Function piece : stage) piece(addresses, examples);
  note(sums_[index], start, examples);
}

double TimedRunner::end_call() {
  double calls = 0;
  for (PhaseSums& s : sums_) {
    s.seconds.push_back(std::exchange(s.running, 0));
    calls += s.calls - std::exchange(s.counted, s.calls);
  }
  return calls;
}

void TimedRunner::clear() {
  for (PhaseSums& s : sums_) s = {};
}

}  // namespace eligo::bench
