// A block of memory that begins as zeros. A large one is the system's own zero pages, which cost nothing until they are
// touched, in huge pages where the system has them: a translation then covers 2 MiB.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace eligo {

class ZeroedMemory {
 public:
  ZeroedMemory() = default;
  // Aligned to 64 bytes. Throws std::bad_alloc.
  explicit ZeroedMemory(std::size_t bytes);

  std::span<std::byte> bytes() const { return {static_cast<std::byte*>(block_.get()), block_.get_deleter().bytes}; }

 private:
  struct Free {
    Free() : bytes(0), mapped(false) {}
    Free(std::size_t count, bool is_mapped) : bytes(count), mapped(is_mapped) {}
    void operator()(void* p) const;
    std::size_t bytes;
    bool mapped;
  };
  std::unique_ptr<void, Free> block_;
};

}  // namespace eligo
