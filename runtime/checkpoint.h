// Checkpoints: named tensors in an .npz archive that numpy.load reads.
//
// The archive is a zip file of .npy members, stored without compression, all values float64. It is written to a
// temporary file beside its place and renamed, so a reader finds the old one or the new one, whole.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace eligo {

struct Tensor {
  std::vector<std::int64_t> shape;  // row-major; empty: one number
  std::vector<double> values;
};
using Archive = std::map<std::string, Tensor>;

// Throws eligo::Error: the folder or disk does not take it (the old file is kept), a tensor whose shape and values
// differ, more than 4 GiB.
void write_npz(const std::string& path, const Archive& archive);

// Reads what write_npz or numpy.savez wrote (float32, float64 and integers, C order). Throws eligo::Error naming the
// file, the member and what is wrong: truncated, another checksum, compressed, another type.
Archive read_npz(const std::string& path);

// Replaces a file by these bytes in one step. Throws eligo::Error with the system's reason.
void write_file_atomically(const std::string& path, const std::string& bytes);
// The bytes of a file. Throws eligo::Error.
std::string read_file(const std::string& path);

}  // namespace eligo
