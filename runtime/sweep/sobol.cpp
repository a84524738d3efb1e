#include "runtime/sweep/sobol.h"

#include "support/random.h"

namespace eligo {
namespace {

constexpr unsigned kBits = 32;

// A dimension's primitive polynomial over the integers modulo 2, the inner coefficients as the bits of `inner`, and its
// first direction numbers.
struct Dimension {
  unsigned degree, inner;
  std::array<std::uint32_t, 6> first;
};

// Of the second dimension on; the first has the numbers 1, 1, 1, ...
constexpr Dimension kDimensions[Sobol::most_dimensions - 1] = {
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
};

// The k-th stands for what the k-th bit of a point's number adds, from the highest bit on.
std::array<std::uint32_t, kBits> directions_of(const Dimension& dimension) {
  std::array<std::uint32_t, kBits> v{};
  const unsigned s = dimension.degree;
  for (unsigned k = 0; k < kBits; ++k) {
    if (k < s) {
      v[k] = dimension.first[k] << (kBits - 1 - k);
      continue;
    }
    v[k] = v[k - s] ^ (v[k - s] >> s);
    for (unsigned j = 1; j < s; ++j)
      if ((dimension.inner >> (s - 1 - j) & 1) != 0) v[k] ^= v[k - j];
  }
  return v;
}

}  // namespace

Sobol::Sobol(std::size_t dimensions) : directions_(dimensions), shift_(dimensions) {
  for (unsigned k = 0; k < kBits; ++k) directions_[0][k] = 1U << (kBits - 1 - k);
  for (std::size_t d = 1; d < dimensions; ++d) directions_[d] = directions_of(kDimensions[d - 1]);
}

Sobol::Sobol(std::size_t dimensions, std::uint64_t seed) : Sobol(dimensions) {
  const Key key = make_key(seed, "Sobol shift");
  for (std::size_t d = 0; d < dimensions; ++d) shift_[d] = static_cast<std::uint32_t>(bits(key, d) >> 32);
}

std::vector<double> Sobol::point(std::uint64_t index) const {
  std::vector<double> at(directions_.size());
  const std::uint64_t gray = index ^ (index >> 1);
  for (std::size_t d = 0; d < at.size(); ++d) {
    std::uint32_t x = shift_[d];
    for (unsigned k = 0; k < kBits; ++k)
      if ((gray >> k & 1) != 0) x ^= directions_[d][k];
    at[d] = x * 0x1p-32;
  }
  return at;
}

}  // namespace eligo
