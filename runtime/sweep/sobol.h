// Sobol's points: the first n of them fill the unit cube more evenly than as many random ones, whatever n is.
//
// Direction numbers of Joe and Kuo, "Constructing Sobol sequences with better two-dimensional projections" (2008), in
// the order of Gray's code, as they list the points themselves.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace eligo {

class Sobol {
 public:
  static constexpr std::size_t most_dimensions = 16;

  // Of 1 to `most_dimensions` dimensions.
  explicit Sobol(std::size_t dimensions);
  // All points moved by one random vector, bit by bit (exclusive or): as even as before, and no corner of the cube.
  Sobol(std::size_t dimensions, std::uint64_t seed);

  // In [0, 1)^dimensions, multiples of 2^-32. `index` is below 2^32.
  std::vector<double> point(std::uint64_t index) const;

 private:
  std::vector<std::array<std::uint32_t, 32>> directions_;
  std::vector<std::uint32_t> shift_;
};

}  // namespace eligo
