#include "runtime/data/npz_archive.h"

#include <fmt/core.h>

#include "runtime/data/npz.h"
#include "runtime/engine/session.h"

namespace eligo {

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
