#include "runtime/machine/machine.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "runtime/machine/peak.h"
#include "runtime/machine/timing.h"
#include "compiler/codegen/codegen.h"
#include "support/machine.h"

namespace eligo {
namespace {

// Adds one array to another, in a copy for each width of vector that the processor may have.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
__attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))
#endif
void add(float* __restrict into, const float* __restrict from, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) into[i] += from[i];
}

// Bytes a second that are read and written when two arrays of so many bytes together are gone over again and again.
double measure_bandwidth(std::int64_t bytes, int rounds) {
  const std::int64_t n = bytes / 8 / 16 * 16;  // floats of one array
  const auto aligned = [&] {
    auto* p = static_cast<float*>(std::aligned_alloc(64, static_cast<std::size_t>(n) * 4));
    std::fill(p, p + n, 1e-3F);
    return std::unique_ptr<float, decltype(&std::free)>(p, &std::free);
  };
  const auto into = aligned(), from = aligned();
  const std::int64_t repeats = std::max<std::int64_t>(1, (std::int64_t{32} << 20) / bytes);
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const double start = now(Clock::processor);
    for (std::int64_t r = 0; r < repeats; ++r) {
      add(into.get(), from.get(), n);
      asm volatile("" : : "r"(into.get()) : "memory");
    }
    best = std::max(
        best, 12.0 * static_cast<double>(n * repeats) / (now(Clock::processor) - start));  // two reads and a write
  }
  return best;
}

std::int64_t cache_bytes(int name, std::int64_t otherwise) {
  const long bytes = sysconf(name);
  return bytes > 0 ? bytes : otherwise;
}

}  // namespace

static const Level* level_of(const std::vector<Level>& levels, double bytes) {
  for (const Level& level : levels)
    if (level.bytes == 0 || bytes <= static_cast<double>(level.bytes)) return &level;
  return levels.empty() ? nullptr : &levels.back();
}

double Machine::bandwidth(double bytes) const {
  const Level* level = level_of(levels, bytes);
  return level ? level->rate : 0;
}

std::string Machine::level(double bytes) const {
  const Level* level = level_of(levels, bytes);
  return level ? level->name : "";
}

Machine measure_machine(bool quick) {
  Machine m;
  m.processor = fmt::format("{} ({})", processor_name(), compiler::llvm_backend().processor("native"));
  m.cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  m.peak_f32 = peak_flops(compiler::loops::DType::f32);
  m.peak_f64 = peak_flops(compiler::loops::DType::f64);
  const int rounds = quick ? 3 : 9;
  const std::int64_t l1 = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, 32 << 10),
                     l2 = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 1 << 20),
                     l3 = cache_bytes(_SC_LEVEL3_CACHE_SIZE, 32 << 20);
  // Half of a cache fits for certain; of one that others share, less.
  m.levels = {{"L1", l1, measure_bandwidth(l1 / 2, rounds)},
              {"L2", l2, measure_bandwidth(l2 / 2, rounds)},
              {"L3", l3, measure_bandwidth(std::max(l3 / 8, 2 * l2), rounds)},
              {"memory", 0, measure_bandwidth(std::max<std::int64_t>(4 * l3, 128 << 20), rounds)}};
  return m;
}

nlohmann::json to_json(const Machine& m) {
  nlohmann::json j = {
      {"processor", m.processor}, {"cores", m.cores}, {"peak_f32", m.peak_f32}, {"peak_f64", m.peak_f64}};
  for (const Level& level : m.levels) j["bandwidth"][level.name] = level.rate;
  return j;
}

std::string text(const Machine& m) {
  std::string out = fmt::format("{}, {} core{}; one core: {:.0f} GFLOP/s float32, {:.0f} float64", m.processor, m.cores,
                                m.cores == 1 ? "" : "s", m.peak_f32 / 1e9, m.peak_f64 / 1e9);
  for (const Level& level : m.levels) out += fmt::format(", {} {:.0f} GB/s", level.name, level.rate / 1e9);
  return out;
}

}  // namespace eligo
