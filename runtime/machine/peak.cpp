#include "runtime/machine/peak.h"

#include <algorithm>
#include <cstdint>
#include <ctime>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace eligo {
namespace {

constexpr std::int64_t rounds = 2'000'000;

#if defined(__x86_64__)
constexpr int wide = 24, narrow = 12;  // accumulators: enough to hide the latency, few enough for the registers

// The accumulators go through an empty asm statement so that the compiler keeps each of them in a register.
#define ELIGO_PEAK(name, isa, vector, set1, fmadd, accumulators)             \
  __attribute__((target(isa))) void name() {                                 \
    vector a[accumulators];                                                  \
    for (auto& x : a) x = set1(1);                                           \
    const vector m = set1(0.999), c = set1(0.001);                           \
    for (std::int64_t i = 0; i < rounds; ++i) {                              \
      _Pragma("GCC unroll 24") for (auto& x : a) x = fmadd(x, m, c);         \
      _Pragma("GCC unroll 24") for (auto& x : a) asm volatile("" : "+v"(x)); \
    }                                                                        \
  }
ELIGO_PEAK(avx512_f32, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps, wide)
ELIGO_PEAK(avx512_f64, "avx512f", __m512d, _mm512_set1_pd, _mm512_fmadd_pd, wide)
ELIGO_PEAK(avx2_f32, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps, narrow)
ELIGO_PEAK(avx2_f64, "avx2,fma", __m256d, _mm256_set1_pd, _mm256_fmadd_pd, narrow)
#undef ELIGO_PEAK
#endif

// Of this thread, as the benchmarks' rates: others on the machine take time from neither.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double measure(void (*loop)(), double flops) {
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const double start = cpu_seconds();
    loop();
    best = std::max(best, flops / (cpu_seconds() - start));
  }
  return best;
}

double measure(compiler::loops::DType dtype) {
#if defined(__x86_64__)
  const bool f32 = dtype == compiler::loops::DType::f32;
  const double lanes = f32 ? 16 : 8;
  if (__builtin_cpu_supports("avx512f")) return measure(f32 ? avx512_f32 : avx512_f64, 2.0 * lanes * wide * rounds);
  if (__builtin_cpu_supports("fma")) return measure(f32 ? avx2_f32 : avx2_f64, lanes * narrow * rounds);
#endif
  (void)dtype;
  return 0;
}

}  // namespace

double peak_flops(compiler::loops::DType dtype) {
  static const double f32 = measure(compiler::loops::DType::f32), f64 = measure(compiler::loops::DType::f64);
  return dtype == compiler::loops::DType::f32 ? f32 : f64;
}

}  // namespace eligo
