#include "runtime/data/mapped_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "support/error.h"

namespace eligo {

MappedFile::MappedFile(const std::string& path) {
  const auto fail = [&](const std::string& reason) {
    throw Error(fmt::format("{}: cannot be read: {}", path, reason));
  };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (file < 0 || fstat(file, &status) != 0) {
    const std::string reason = std::strerror(errno);
    if (file >= 0) close(file);
    fail(reason);
  }
  const bool plain = S_ISREG(status.st_mode);
  void* bytes = nullptr;
  if (plain && status.st_size > 0)
    bytes = mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  const std::string reason = std::strerror(errno);
  close(file);
  if (!plain) fail(S_ISDIR(status.st_mode) ? "it is a folder" : "it is no plain file");
  if (bytes == MAP_FAILED) fail(reason);
  data_ = static_cast<const char*>(bytes);
  size_ = static_cast<std::uint64_t>(status.st_size);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
}

}  // namespace eligo
