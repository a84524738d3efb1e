#include "support/files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "support/error.h"

namespace eligo {

namespace fs = std::filesystem;

int (*before_file_operation)(FileOperation operation) = nullptr;

namespace {

// False with errno set if a test wants the operation to fail.
bool allowed(FileOperation operation) {
  if (before_file_operation == nullptr) return true;
  const int fault = before_file_operation(operation);
  if (fault != 0) errno = fault;
  return fault == 0;
}

// A name in a folder is on the disk when the folder is. File systems that cannot do that (EINVAL) are left alone.
void sync_folder_of(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  const int folder = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  fsync(folder);
  close(folder);
}

constexpr const char* kTemporary = ".tmp";

// "metrics.csv.tmp4711"
bool is_temporary(const std::string& name) {
  const std::size_t at = name.rfind(kTemporary);
  if (at == std::string::npos || at == 0) return false;
  const std::string number = name.substr(at + std::strlen(kTemporary));
  return !number.empty() && std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool write_all(int file, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    if (!allowed(FileOperation::write)) return false;
    const ssize_t wrote = write(file, at, std::min<std::size_t>(size, 1U << 30));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    at += wrote;
    size -= static_cast<std::size_t>(wrote);
  }
  return true;
}

bool sync_file(int file) {
  if (!allowed(FileOperation::sync)) return false;
  return fsync(file) == 0 || errno == EINVAL || errno == EROFS;
}

bool truncate_file(int file, std::size_t size) {
  return allowed(FileOperation::truncate) && ftruncate(file, static_cast<off_t>(size)) == 0;
}

AtomicFile::AtomicFile(std::string path)
    : path_(std::move(path)), temporary_(fmt::format("{}{}{}", path_, kTemporary, getpid())) {
  struct stat there {};  // a device would become a file
  if (stat(path_.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    temporary_.clear();
    throw Error(fmt::format("{}: is no plain file; choose another to write to", path_));
  }
  if (allowed(FileOperation::open)) file_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_ >= 0) return;
  throw Error(fmt::format("{}: cannot be written: {}; make the folder writable or choose another place", path_,
                          std::strerror(errno)));
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) close(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::fail() {
  throw Error(fmt::format(
      "{}: cannot be written: {}; what was there before is kept, free space or choose another folder", path_,
      std::strerror(errno)));
}

void AtomicFile::write(const void* data, std::size_t size) {
  if (!write_all(file_, data, size)) fail();
}

void AtomicFile::commit() {
  if (!sync_file(file_)) fail();
  const int closed = close(file_);
  file_ = -1;
  if (closed != 0) fail();
  if (!allowed(FileOperation::rename) || rename(temporary_.c_str(), path_.c_str()) != 0) fail();
  temporary_.clear();
  sync_folder_of(path_);
}

void write_file_atomically(const std::string& path, const std::string& bytes) {
  AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

void remove_temporary_files(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder, error), none; !error && it != none; it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored) && is_temporary(it->path().filename().string())) found.push_back(it->path());
  }
  for (const auto& path : found) fs::remove(path, error);
}

}  // namespace eligo
