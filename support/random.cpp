#include "support/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "support/philox_lanes.h"

namespace eligo {
namespace {

// Spreads every bit of the input over the output (the finaliser of SplitMix64).
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9U;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

using Words = std::array<std::uint32_t, 4>;

inline Words rounds(Words counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t q = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {high(q) ^ counter[1] ^ key[0], low(q), high(p) ^ counter[3] ^ key[1], low(p)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

std::uint64_t cipher_of(const Key& key) {
  // Steps and examples beyond 32 bits go into the cipher's key, so that no two keys share a stream.
  const std::uint64_t beyond = (key.step >> 32) << 32 | key.example >> 32;
  std::uint64_t cipher = mix(key.seed + 0x9e3779b97f4a7c15U);
  cipher = mix(cipher ^ key.purpose);
  if (beyond != 0) cipher = mix(cipher ^ mix(beyond));
  return cipher;
}

Words block(const Key& key, std::uint64_t index) {
  const std::uint64_t cipher = cipher_of(key);
  return rounds({low(index), high(index), low(key.step), low(key.example)}, {low(cipher), high(cipher)});
}

std::uint64_t join(std::uint32_t first, std::uint32_t second) {
  return static_cast<std::uint64_t>(second) << 32 | first;
}

double unit_interval(std::uint64_t x) { return static_cast<double>(x >> 11) * 0x1.0p-53; }

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  return rounds(counter, key);
}

std::uint64_t purpose_hash(std::string_view words) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : words) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

Key make_key(std::uint64_t seed, std::string_view purpose, std::uint64_t step, std::uint64_t example) {
  return {seed, purpose_hash(purpose), step, example};
}

std::uint64_t bits(const Key& key, std::uint64_t index) {
  const auto words = block(key, index);
  return join(words[0], words[1]);
}

double uniform(const Key& key, std::uint64_t index) { return unit_interval(bits(key, index)); }

double uniform(const Key& key, std::uint64_t index, double low_end, double high_end) {
  return low_end + (high_end - low_end) * uniform(key, index);
}

namespace {

// draws[i] = of(the block with index first + i)
template <class Of>
void each_block(const Key& key, std::uint64_t first, std::span<double> draws, const Of& of) {
  const std::uint64_t cipher = cipher_of(key);
  constexpr std::size_t few = 4;  // too few for vectors
  for (std::size_t i = 0; draws.size() < few && i < draws.size(); ++i) {
    const std::uint64_t index = first + i;
    const Words w = rounds({low(index), high(index), low(key.step), low(key.example)}, {low(cipher), high(cipher)});
    draws[i] = of({join(w[0], w[1]), join(w[2], w[3])});
  }
  if (draws.size() < few) return;
  std::array<PhiloxBlock, 64> blocks;  // stays in the nearest cache
  for (std::size_t at = 0; at < draws.size(); at += blocks.size()) {
    const std::span<double> some = draws.subspan(at, std::min(blocks.size(), draws.size() - at));
    const std::span<PhiloxBlock> drawn(blocks.data(), some.size());
    philox_blocks(cipher, first + at, low(key.step), low(key.example), drawn);
    for (std::size_t i = 0; i < some.size(); ++i) some[i] = of(drawn[i]);
  }
}

double normal_of(const PhiloxBlock& block) {
  const double radius = 1.0 - unit_interval(block.first);  // in (0, 1]: its logarithm is finite
  const double angle = unit_interval(block.second);
  return std::sqrt(-2.0 * std::log(radius)) * std::cos(2.0 * std::numbers::pi * angle);
}

// 1 where the highest bit is set, else -1; without a branch, which nobody could predict.
double sign_of(std::uint64_t bits) {
  constexpr std::uint64_t highest = std::uint64_t{1} << 63;
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(1.0) | (~bits & highest));
}

}  // namespace

void uniform(const Key& key, std::uint64_t first, double low_end, double high_end, std::span<double> draws) {
  each_block(key, first, draws, [&](const PhiloxBlock& block) {
    return low_end + (high_end - low_end) * unit_interval(block.first);
  });
}

double normal(const Key& key, std::uint64_t index) {
  const auto words = block(key, index);
  return normal_of({join(words[0], words[1]), join(words[2], words[3])});
}

void normal(const Key& key, std::uint64_t first, std::span<double> draws) { each_block(key, first, draws, normal_of); }

std::uint64_t integer(const Key& key, std::uint64_t index, std::uint64_t bound) {
  // The high word of a 64 x 64 bit product, in portable halves.
  const std::uint64_t x = bits(key, index);
  const std::uint64_t ll = std::uint64_t{low(x)} * low(bound);
  const std::uint64_t lh = std::uint64_t{low(x)} * high(bound);
  const std::uint64_t hl = std::uint64_t{high(x)} * low(bound);
  const std::uint64_t hh = std::uint64_t{high(x)} * high(bound);
  const std::uint64_t middle = (ll >> 32) + low(lh) + low(hl);
  return hh + (lh >> 32) + (hl >> 32) + (middle >> 32);
}

double random_sign(const Key& key, std::uint64_t index) { return sign_of(bits(key, index)); }

void random_sign(const Key& key, std::uint64_t first, std::span<double> draws) {
  each_block(key, first, draws, [](const PhiloxBlock& block) { return sign_of(block.first); });
}

std::vector<std::uint64_t> permutation(const Key& key, std::uint64_t n) {
  std::vector<std::uint64_t> order(n);
  for (std::uint64_t i = 0; i < n; ++i) order[i] = i;
  for (std::uint64_t i = n; i > 1; --i) std::swap(order[i - 1], order[integer(key, i - 1, i)]);
  return order;
}

double draw(std::uint64_t seed, std::string_view purpose, std::uint64_t step, std::uint64_t example,
            std::uint64_t index) {
  return uniform(make_key(seed, purpose, step, example), index);
}

}  // namespace eligo
