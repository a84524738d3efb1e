#include "support/philox_lanes.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "support/random.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace eligo {
namespace {

struct Counter {
  std::uint64_t cipher, index;
  std::uint32_t step, example;
};

void one_by_one(const Counter& at, std::span<PhiloxBlock> blocks) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::uint64_t index = at.index + i;
    const auto w = philox({low(index), high(index), at.step, at.example}, {low(at.cipher), high(at.cipher)});
    blocks[i] = {std::uint64_t{w[1]} << 32 | w[0], std::uint64_t{w[3]} << 32 | w[2]};
  }
}

#ifdef __x86_64__

// A lane holds a word in its low half. What is in the high half is never read: products take low halves alone.
constexpr long long kFirst = 0xD2511F53, kSecond = 0xCD9E8D57;
constexpr std::uint32_t kFirstStep = 0x9E3779B9, kSecondStep = 0xBB67AE85;
constexpr int kRounds = 10;

// The key's words at each round.
struct RoundKeys {
  explicit RoundKeys(std::uint64_t cipher) {
    auto a = static_cast<std::uint32_t>(cipher), b = static_cast<std::uint32_t>(cipher >> 32);
    for (int r = 0; r < kRounds; ++r, a += kFirstStep, b += kSecondStep) first[r] = a, second[r] = b;
  }
  std::array<long long, kRounds> first, second;
};

__attribute__((target("avx2"))) std::size_t four_at_a_time(const Counter& at, std::span<PhiloxBlock> blocks) {
  const RoundKeys keys(at.cipher);
  const __m256i by_first = _mm256_set1_epi64x(kFirst), by_second = _mm256_set1_epi64x(kSecond);
  const __m256i low = _mm256_set1_epi64x(0xFFFFFFFF);
  std::size_t done = 0;
  for (; done + 4 <= blocks.size(); done += 4) {
    const __m256i index =
        _mm256_add_epi64(_mm256_set1_epi64x(static_cast<long long>(at.index + done)), _mm256_set_epi64x(3, 2, 1, 0));
    __m256i c0 = index, c1 = _mm256_srli_epi64(index, 32);
    __m256i c2 = _mm256_set1_epi64x(at.step), c3 = _mm256_set1_epi64x(at.example);
    for (int r = 0; r < kRounds; ++r) {
      const __m256i p = _mm256_mul_epu32(c0, by_first), q = _mm256_mul_epu32(c2, by_second);
      c0 = _mm256_xor_si256(_mm256_srli_epi64(q, 32), _mm256_xor_si256(c1, _mm256_set1_epi64x(keys.first[r])));
      c2 = _mm256_xor_si256(_mm256_srli_epi64(p, 32), _mm256_xor_si256(c3, _mm256_set1_epi64x(keys.second[r])));
      c1 = q;
      c3 = p;
    }
    const __m256i first = _mm256_or_si256(_mm256_slli_epi64(c1, 32), _mm256_and_si256(c0, low));
    const __m256i second = _mm256_or_si256(_mm256_slli_epi64(c3, 32), _mm256_and_si256(c2, low));
    const __m256i even = _mm256_unpacklo_epi64(first, second), odd = _mm256_unpackhi_epi64(first, second);
    auto* to = reinterpret_cast<__m256i*>(&blocks[done]);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
  }
  return done;
}

__attribute__((target("avx512f"))) std::size_t eight_at_a_time(const Counter& at, std::span<PhiloxBlock> blocks) {
  const RoundKeys keys(at.cipher);
  const __m512i by_first = _mm512_set1_epi64(kFirst), by_second = _mm512_set1_epi64(kSecond);
  const __m512i low = _mm512_set1_epi64(0xFFFFFFFF);
  const __m512i front = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0), back = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);
  std::size_t done = 0;
  for (; done + 8 <= blocks.size(); done += 8) {
    const __m512i index = _mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(at.index + done)),
                                           _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
    __m512i c0 = index, c1 = _mm512_srli_epi64(index, 32);
    __m512i c2 = _mm512_set1_epi64(at.step), c3 = _mm512_set1_epi64(at.example);
    for (int r = 0; r < kRounds; ++r) {
      const __m512i p = _mm512_mul_epu32(c0, by_first), q = _mm512_mul_epu32(c2, by_second);
      c0 = _mm512_xor_si512(_mm512_srli_epi64(q, 32), _mm512_xor_si512(c1, _mm512_set1_epi64(keys.first[r])));
      c2 = _mm512_xor_si512(_mm512_srli_epi64(p, 32), _mm512_xor_si512(c3, _mm512_set1_epi64(keys.second[r])));
      c1 = q;
      c3 = p;
    }
    const __m512i first = _mm512_or_si512(_mm512_slli_epi64(c1, 32), _mm512_and_si512(c0, low));
    const __m512i second = _mm512_or_si512(_mm512_slli_epi64(c3, 32), _mm512_and_si512(c2, low));
    _mm512_storeu_si512(&blocks[done], _mm512_permutex2var_epi64(first, front, second));
    _mm512_storeu_si512(&blocks[done + 4], _mm512_permutex2var_epi64(first, back, second));
  }
  return done;
}

#endif

// How many were done so; the rest is done one by one.
std::size_t in_vectors(const Counter& at, std::span<PhiloxBlock> blocks) {
#ifdef __x86_64__
  static const bool eight = __builtin_cpu_supports("avx512f"), four = __builtin_cpu_supports("avx2");
  std::size_t done = eight && blocks.size() >= 8 ? eight_at_a_time(at, blocks) : 0;
  if (four && blocks.size() - done >= 4)
    done += four_at_a_time({at.cipher, at.index + done, at.step, at.example}, blocks.subspan(done));
  return done;
#else
  (void)at, (void)blocks;
  return 0;
#endif
}

}  // namespace

void philox_blocks(std::uint64_t cipher, std::uint64_t index, std::uint32_t step, std::uint32_t example,
                   std::span<PhiloxBlock> blocks) {
  const std::size_t done = in_vectors({cipher, index, step, example}, blocks);
  one_by_one({cipher, index + done, step, example}, blocks.subspan(done));
}

}  // namespace eligo
