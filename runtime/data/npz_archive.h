// Whole archives in memory, for those that are small; checkpoints go through NpzWriter and NpzReader (npz.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "support/files.h"

namespace eligo {

struct Tensor {
  std::vector<std::int64_t> shape;  // row-major; empty: one number
  std::vector<double> values;
};
using Archive = std::map<std::string, Tensor>;

// As float64. Throws eligo::Error: the folder or disk does not take it (the old file is kept), a tensor whose shape and
// values differ.
void write_npz(const std::string& path, const Archive& archive);

// Reads what write_npz or numpy.savez wrote (float32, float64 and integers, C order). Throws eligo::Error naming the
// file, the member and what is wrong: truncated, another checksum, compressed, another type.
Archive read_npz(const std::string& path);

}  // namespace eligo
