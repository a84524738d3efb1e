// Compiled object files as functions of this process.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace eligo::compiler {

// Compiled functions; their code lives as long as this does.
class Kernels {
 public:
  using Function = void (*)(void* const* buffers, std::int64_t examples);

  virtual ~Kernels() = default;
  // The function of that name in the module, or null.
  virtual Function find(const std::string& name) const = 0;

  double emit_ms = 0, optimise_ms = 0, codegen_ms = 0, link_ms = 0;
  std::size_t object_bytes = 0;
};

// Throws std::runtime_error where the objects are unsound or do not define the names. ELIGO_GDB=1 shows the kernels to
// gdb.
std::shared_ptr<Kernels> link(const std::vector<std::string>& objects, const std::vector<std::string>& names);

}  // namespace eligo::compiler
