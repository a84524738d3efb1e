// Denormal numbers make multiplications up to 240 times slower, and decaying traces get there. A kernel's caller holds
// one of these to have them read and written as zero on its thread; the old mode returns when it goes. Within another
// one it costs a comparison.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <cstdint>
#endif

namespace eligo {

class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : before_(_mm_getcsr()) {
    if (changes()) _mm_setcsr(before_ | mode);
  }
  ~FlushDenormals() {
    if (changes()) _mm_setcsr(before_);
  }
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" : : "r"(before_ | flush_to_zero));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(before_)); }
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040,
                            mode = flush_to_zero | denormals_are_zero;
  bool changes() const { return (before_ & mode) != mode; }
  unsigned before_;
#elif defined(__aarch64__)
  static constexpr std::uint64_t flush_to_zero = 1u << 24;
  std::uint64_t before_ = 0;
#endif
};

}  // namespace eligo
