// The IDX format of the MNIST files: a big-endian header (0, 0, type, number of dimensions, each dimension), then the
// values, row-major. Plain or gzipped, told apart by the content.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace eligo {

struct IdxFile {
  std::vector<std::uint64_t> shape;
  std::vector<std::uint8_t> values;
};

// Reads a file of bytes with this many dimensions; 0: with one to four. Nothing is allocated before the header was held
// against the size of the file. Throws eligo::Error, naming file, place and fix: not an IDX file, another type or number
// of dimensions, a size that the file cannot hold, truncated, damaged compression, bytes left over.
IdxFile read_idx(const std::string& path, std::size_t dimensions);

}  // namespace eligo
