#include "runtime/checkpoint.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/npz.h"
#include "runtime/session.h"

namespace eligo {

std::string read_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw Error(fmt::format("{}: is a folder, expected a file", path));
  if (!in || !(text << in.rdbuf() || in.peek() == EOF)) {
    throw Error(fmt::format("{}: cannot be read: {}", path, errno != 0 ? std::strerror(errno) : "read error"));
  }
  return std::move(text).str();
}

void write_npz(const std::string& path, const Archive& archive) {
  NpzWriter writer(path);
  for (const auto& [name, tensor] : archive)
    writer.add(name, tensor.shape, {Stored::Type::f64, tensor.values.data(), tensor.values.size()});
  writer.commit();
}

Archive read_npz(const std::string& path) {
  const NpzReader reader(path);
  Archive archive;
  for (const auto& [name, array] : reader.arrays()) {
    Tensor& tensor = archive[name];
    tensor.shape = array.shape;
    tensor.values.reserve(array.count);
    reader.read(name, [&](std::uint64_t, std::span<const double> values) {
      tensor.values.insert(tensor.values.end(), values.begin(), values.end());
    });
  }
  return archive;
}

}  // namespace eligo
