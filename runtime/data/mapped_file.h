// A file's bytes in the address space, read from the disk when they are looked at.
#pragma once

#include <cstdint>
#include <string>

namespace eligo {

class MappedFile {
 public:
  // Throws eligo::Error with the system's reason: no such file, a folder, a pipe.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const char* data() const { return data_; }
  std::uint64_t size() const { return size_; }

 private:
  const char* data_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace eligo
