// How long a session takes to make: what memory it asks for, and its first values.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "runtime/engine/program.h"
#include "runtime/engine/session.h"
#include "runtime/library/compile.h"

namespace eligo::bench {
namespace {

void session(benchmark::State& state, const std::string& rule, const std::string& cell, std::int64_t batch) {
  const std::int64_t units = state.range(0), steps = state.range(1);
  const auto program = eligo::compile({.rule = rule,
                                       .cell = cell,
                                       .readout = "linear_mse",
                                       .sizes = {{"n", units}, {"m", 10}, {"k", 10}},
                                       .optimiser = "adam",
                                       .cache = "none"});
  program->runner->wait_for_all();
  double parameters = 0;
  for (const auto& tensor : program->plan->tensors)
    if (tensor.kind == compiler::TensorKind::param) parameters += static_cast<double>(tensor.size());
  double bytes = 0;
  for (auto _ : state) {
    const Session made(program, {.batch = batch, .steps = steps});
    bytes = made.bytes();
    benchmark::ClobberMemory();
  }
  const auto rate = benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert;
  state.counters["MB"] = bytes / 1e6;
  state.counters["s/parameter"] = benchmark::Counter(parameters, rate);
}
BENCHMARK_CAPTURE(session, bptt lstm, "bptt", "lstm", 10)
    ->Args({100, 10})
    ->Args({1000, 10})
    ->Args({100, 100'000})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(session, rtrl rnn_tanh, "rtrl", "rnn_tanh", 1)->Args({256, 1})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace eligo::bench

BENCHMARK_MAIN();
