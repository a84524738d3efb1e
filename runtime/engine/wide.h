// A loop compiled twice: with AVX2, and with what every processor of the kind has. The first is taken where the
// processor has it. Without fused multiply-adds, which round otherwise, the results are the same.
#pragma once

#include <cstddef>
#include <cstdint>

namespace eligo {

#ifdef __x86_64__
inline const bool has_avx2 = __builtin_cpu_supports("avx2");

template <class One>
__attribute__((target("avx2"))) void each_avx2(std::int64_t count, const One& one) {
  for (std::int64_t i = 0; i < count; ++i) one(i);
}
#endif

#ifdef __x86_64__
template <class Sums, class Real>
__attribute__((target("avx2"))) void add_avx2(Sums& sums, const Real* values, std::size_t vectors) {
  sums.add(values, vectors);
}
#endif

// The same of sums over vectors: sums.add(values, vectors), which is inlined.
template <class Sums, class Real>
inline void add_wide(Sums& sums, const Real* values, std::size_t vectors) {
#ifdef __x86_64__
  if (has_avx2) return add_avx2(sums, values, vectors);
#endif
  sums.add(values, vectors);
}

// Calls one(i) for each of `count`. For files that are compiled with -O3.
template <class One>
inline void wide(std::int64_t count, const One& one) {
#ifdef __x86_64__
  if (has_avx2) return each_avx2(count, one);
#endif
  for (std::int64_t i = 0; i < count; ++i) one(i);
}

}  // namespace eligo
