// Curves of several seeds as one: their mean, and the standard error of it.
#pragma once

#include <cstddef>
#include <vector>

#include "runtime/plot/canvas.h"

namespace eligo {

struct BandPoint {
  double x = 0, mean = 0;
  double error = 0;  // the standard error of the mean; 0 of a single line
  std::size_t count = 0;
};
using Band = std::vector<BandPoint>;

// At every x that all of the lines have, so as far as all of them reach; points that are not finite count as missing,
// and of several at one x of a line the last one counts. Lines without any point are left out.
Band band_of(const std::vector<std::vector<Point>>& lines);

// At most `most` points: neighbours are averaged, so that a long run stays a small file.
Band thinned(const Band& band, std::size_t most);
std::vector<Point> thinned(const std::vector<Point>& line, std::size_t most);

}  // namespace eligo
