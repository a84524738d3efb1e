// Single kernels against the peak of one core: matrix products, the update of an eligibility trace, elementwise work
// and compile time. `peak` is the fraction of the measured multiply-add rate; operations are counted without padding.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "runtime/machine/peak.h"
#include "compiler/codegen/codegen.h"
#include "support/denormals.h"
#include "tests/llvm/build.h"

namespace eligo::bench {
namespace {

using namespace testing;  // NOLINT: the words of build.h

// Memory for one call: random reals, aligned as the runtime's arena is.
class Arena {
 public:
  Arena(const Module& m, std::int64_t examples, DType dtype) {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> real(-1, 1);
    for (const Buffer& b : m.buffers) {
      const std::size_t n = static_cast<std::size_t>(b.batched ? b.size * examples : b.size);
      void* p = std::aligned_alloc(64, (n * 8 + 127) / 64 * 64);
      for (std::size_t i = 0; i < n; ++i) {
        if (b.element == Element::int32) static_cast<std::int32_t*>(p)[i] = 0;
        else if (dtype == DType::f32) static_cast<float*>(p)[i] = static_cast<float>(real(random));
        else static_cast<double*>(p)[i] = real(random);
      }
      pointers.push_back(p);
    }
  }
  ~Arena() {
    for (void* p : pointers) std::free(p);
  }
  std::vector<void*> pointers;
};

void run(benchmark::State& state, const Module& m, std::int64_t examples, double flops, DType dtype = DType::f32) {
  const char* cpu = std::getenv("ELIGO_BENCH_CPU");
  const auto kernels = compiler::llvm_backend().functions(m, {dtype, cpu ? cpu : "native"});
  const auto kernel = kernels->find(m.functions[0].name);
  const Arena arena(m, examples, dtype);
  const FlushDenormals flush;
  for (auto _ : state) {
    kernel(arena.pointers.data(), examples);
    benchmark::ClobberMemory();
  }
  const double done = flops * static_cast<double>(state.iterations());
  state.counters["GF/s"] = benchmark::Counter(done / 1e9, benchmark::Counter::kIsRate);
  state.counters["peak"] = benchmark::Counter(done / peak_flops(dtype), benchmark::Counter::kIsRate);
  state.counters["compile_ms"] = kernels->compile_times.sum() + kernels->load_ms;
  state.counters["code_bytes"] = static_cast<double>(kernels->object_bytes);
}

// e'[b, i, p] = c * (Σ j: W[i, j] * e[b, j, p]), H units and P parameters: the update of BP(lambda)'s trace.
void trace(benchmark::State& state, DType dtype) {
  const std::int64_t b = state.range(0), h = state.range(1), p = h * (h + 1);
  const Module m =
      module({{"W", Element::real, h * h},
              {"e", Element::real, h * p, true},
              {"next", Element::real, h * p, true},
              {"a", Element::real, h, true}},
             {assign({batch(b), {"i", h}, {"p", p}, {"j", h}}, 3, at(2, {h * p, p, 1, 0}),
                     load(at(3, {h, 1, 0, 0})) * sum({3}, load(at(0, {0, h, 0, 1})) * load(at(1, {h * p, 0, 1, p}))))});
  run(state, m, b, 2.0 * static_cast<double>(b * h * h * p), dtype);
}
BENCHMARK_CAPTURE(trace, f32, DType::f32)->Args({10, 30})->Args({10, 60})->Args({2, 100});
BENCHMARK_CAPTURE(trace, f64, DType::f64)->Args({10, 30});

// C[m, n] = Σ k: A[m, k] * B[k, n], fixed shapes.
void product(benchmark::State& state) {
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  run(state,
      module({{"A", Element::real, m * k}, {"B", Element::real, k * n}, {"C", Element::real, m * n}},
             {assign({{"m", m}, {"n", n}, {"k", k}}, 2, at(2, {n, 1, 0}),
                     sum({2}, load(at(0, {k, 0, 1})) * load(at(1, {0, 1, n}))))}),
      1, 2.0 * static_cast<double>(m * n * k));
}
BENCHMARK(product)
    ->Args({120, 50, 58})
    ->Args({30, 10, 40})
    ->Args({30, 930, 30})
    ->Args({60, 3660, 60})
    ->Args({400, 100, 110})
    ->Args({200, 40200, 200});

// h'[b, i] = tanh(Σ j: Wt[j, i] * h[b, j] + bias[i]), and without the tanh.
void layer(benchmark::State& state, bool activation) {
  const std::int64_t b = state.range(0), i = state.range(1), j = state.range(2);
  const ValuePtr z = sum({2}, load(at(0, {0, 1, i})) * load(at(1, {j, 0, 1}))) + load(at(2, {0, 1, 0}));
  run(state,
      module({{"Wt", Element::real, i * j},
              {"h", Element::real, j, true},
              {"bias", Element::real, i},
              {"out", Element::real, i, true}},
             {assign({batch(b), {"i", i}, {"j", j}}, 2, at(3, {i, 1, 0}), activation ? op(Op::tanh, {z}) : z)}),
      b, 2.0 * static_cast<double>(b * i * j));
}
BENCHMARK_CAPTURE(layer, linear, false)
    ->Args({10, 30, 30})
    ->Args({10, 100, 100})
    ->Args({100, 200, 200})
    ->Args({7, 30, 30});
BENCHMARK_CAPTURE(layer, tanh, true)->Args({10, 30, 30})->Args({100, 200, 200});

// The same with the matrix stored by output: sums along contiguous memory.
void transposed(benchmark::State& state) {
  const std::int64_t b = state.range(0), i = state.range(1), j = state.range(2);
  run(state,
      module({{"W", Element::real, i * j}, {"h", Element::real, j, true}, {"out", Element::real, i, true}},
             {assign({batch(b), {"i", i}, {"j", j}}, 2, at(2, {i, 1, 0}),
                     sum({2}, load(at(0, {0, j, 1})) * load(at(1, {j, 0, 1}))))}),
      b, 2.0 * static_cast<double>(b * i * j));
}
BENCHMARK(transposed)->Args({10, 30, 30})->Args({10, 100, 100})->Args({100, 200, 200});

// G[i, j] += Σ b: d[b, i] * h[b, j].
void gradient(benchmark::State& state) {
  const std::int64_t b = state.range(0), i = state.range(1), j = state.range(2);
  run(state,
      module({{"d", Element::real, i, true}, {"h", Element::real, j, true}, {"G", Element::real, i * j}},
             {assign({batch(b), {"i", i}, {"j", j}}, 3, at(2, {0, j, 1}),
                     load(at(0, {i, 1, 0})) * load(at(1, {j, 0, 1})), true)}),
      b, 2.0 * static_cast<double>(b * i * j));
}
BENCHMARK(gradient)->Args({10, 30, 30})->Args({100, 200, 200});

// x'[b, i] = f(x[b, i]).
void map(benchmark::State& state, Op f, DType dtype) {
  const std::int64_t n = state.range(0);
  std::vector<ValuePtr> args(static_cast<std::size_t>(compiler::op_arity(f)), load(at(0, {n, 1})));
  run(state,
      module({{"x", Element::real, n, true}, {"y", Element::real, n, true}},
             {assign({batch(), {"i", n}}, 2, at(1, {n, 1}), op(f, args))}),
      10, 10.0 * static_cast<double>(n), dtype);
}
BENCHMARK_CAPTURE(map, tanh, Op::tanh, DType::f32)->Arg(30);

// Each operation of the table: what its cost, in multiply-adds, is held against.
const bool all_operations = [] {
  for (int i = 0; i < compiler::op_count; ++i)
    for (const DType dtype : {DType::f32, DType::f64}) {
      const compiler::Operation& operation = compiler::operation(static_cast<Op>(i));
      const std::string name = fmt::format("map/{}/{}", operation.name, dtype == DType::f32 ? "f32" : "f64");
      benchmark::RegisterBenchmark(name.c_str(), [&operation, dtype](benchmark::State& state) {
        map(state, operation.op, dtype);
        state.counters["cost"] = operation.cost;
      })->Arg(1000);
    }
  return true;
}();

// A function of twenty statements, as a learning rule's step has them: cold compile time.
void compile(benchmark::State& state) {
  const std::int64_t h = 30;
  std::vector<Buffer> buffers = {{"Wt", Element::real, h * h},
                                 {"x", Element::real, h, true},
                                 {"y", Element::real, h, true},
                                 {"G", Element::real, h * h}};
  std::vector<Statement> s;
  for (int n = 0; n < 5; ++n) {
    const int in = n % 2 ? 2 : 1, out = 3 - in;
    s.push_back(assign({batch(), {"i", h}, {"j", h}}, 2, at(out, {h, 1, 0}),
                       op(Op::tanh, {sum({2}, load(at(0, {0, 1, h})) * load(at(in, {h, 0, 1})))})));
    s.push_back(
        assign({batch(), {"i", h}}, 2, at(in, {h, 1}), load(at(out, {h, 1})) * load(at(out, {h, 1})) + constant(1)));
    s.push_back(assign({batch(), {"i", h}, {"j", h}}, 3, at(3, {0, h, 1}),
                       load(at(1, {h, 1, 0})) * load(at(2, {h, 0, 1})), true));
    s.push_back(
        assign({{"i", h}, {"j", h}}, 2, at(0, {h, 1}), load(at(0, {h, 1})) - constant(0.01) * load(at(3, {h, 1}))));
  }
  const Module m = module(buffers, s);
  double emit = 0, optimise = 0, codegen = 0, link = 0;
  for (auto _ : state) {
    const auto k = compiler::llvm_backend().functions(m, {DType::f32});
    emit += k->compile_times.emit, optimise += k->compile_times.optimise, codegen += k->compile_times.generate;
    link += k->load_ms;
    state.counters["code_bytes"] = static_cast<double>(k->object_bytes);
  }
  const auto mean = [](double v) { return benchmark::Counter(v, benchmark::Counter::kAvgIterations); };
  state.counters["emit_ms"] = mean(emit);
  state.counters["optimise_ms"] = mean(optimise);
  state.counters["codegen_ms"] = mean(codegen);
  state.counters["link_ms"] = mean(link);
}
BENCHMARK(compile)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace eligo::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  using eligo::compiler::loops::DType;
  benchmark::AddCustomContext("peak f32 GF/s", std::to_string(eligo::peak_flops(DType::f32) / 1e9));
  benchmark::AddCustomContext("peak f64 GF/s", std::to_string(eligo::peak_flops(DType::f64) / 1e9));
  benchmark::AddCustomContext("processor", eligo::compiler::llvm_backend().processor("native"));
  benchmark::RunSpecifiedBenchmarks();
}
