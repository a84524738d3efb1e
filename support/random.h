// Counter-based random numbers: a draw is a pure function of (seed, purpose, step, example, index).
//
// Nothing is advanced and nothing is stored, so a run is the same bit for bit after a resume and on any number of
// threads. The generator is Philox4x32-10 (Salmon et al. 2011), one block of 128 bits per index.
//
//   Key key = make_key(seed, "data order", epoch);
//   double u = uniform(key, i);                       // in [0, 1)
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace eligo {

// Ten rounds of Philox4x32: the 128-bit counter encrypted under the 64-bit key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// What a stream of draws is for. Two keys that differ anywhere give independent streams.
struct Key {
  std::uint64_t seed = 0;
  std::uint64_t purpose = 0;  // purpose_hash of a word such as "net.W" or "data order"
  std::uint64_t step = 0;
  std::uint64_t example = 0;
};

// FNV-1a of the words, the same on every machine.
std::uint64_t purpose_hash(std::string_view words);
Key make_key(std::uint64_t seed, std::string_view purpose, std::uint64_t step = 0, std::uint64_t example = 0);

// The draw with this index: 64 random bits.
std::uint64_t bits(const Key& key, std::uint64_t index);
// In [0, 1), a multiple of 2^-53.
double uniform(const Key& key, std::uint64_t index);
// In [low, high).
double uniform(const Key& key, std::uint64_t index, double low, double high);
// All draws from index `first` on.
void uniform(const Key& key, std::uint64_t first, double low, double high, std::span<double> draws);
// Mean 0, standard deviation 1 (Box and Muller).
double normal(const Key& key, std::uint64_t index);
void normal(const Key& key, std::uint64_t first, std::span<double> draws);
// In 0..bound-1; the bias is below bound / 2^64. `bound` is at least 1.
std::uint64_t integer(const Key& key, std::uint64_t index, std::uint64_t bound);
// -1 or 1.
double random_sign(const Key& key, std::uint64_t index);
void random_sign(const Key& key, std::uint64_t first, std::span<double> draws);
// 0..n-1 in random order (Fisher and Yates).
std::vector<std::uint64_t> permutation(const Key& key, std::uint64_t n);

// One uniform draw without a key of its own.
double draw(std::uint64_t seed, std::string_view purpose, std::uint64_t step, std::uint64_t example,
            std::uint64_t index);

}  // namespace eligo
