#include "support/text_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "support/bytes.h"
#include "support/error.h"
#include "support/files.h"

namespace eligo {
namespace {

class File {
 public:
  File(const std::string& path, int flags) : number_(::open(path.c_str(), flags | O_CLOEXEC)) {}
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void cannot(const std::string& path, const char* what, int reason) {
  throw Error(fmt::format("{}: cannot be {}: {}", path, what, std::strerror(reason)));
}

std::string read_all(int file, const std::string& name, std::uint64_t limit) {
  std::string text;
  while (text.size() <= limit) {
    const std::size_t before = text.size();
    const std::uint64_t piece = std::clamp<std::uint64_t>(before, 16 << 10, 1 << 20);  // most files are short
    text.resize(before + std::min<std::uint64_t>(piece, limit + 1 - before));
    const ssize_t got = ::read(file, text.data() + before, text.size() - before);
    if (got < 0 && errno != EINTR) cannot(name, "read", errno);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return text;
  }
  throw Error(fmt::format("{} is larger than {}, the most that is read of such a file", name,
                          readable_bytes(static_cast<long double>(limit))));
}

bool write_whole(int file, const std::string& text) {
  return write_all(file, text.data(), text.size()) && sync_file(file);
}

bool overwrite(int file, const std::string& text) {
  return ::lseek(file, 0, SEEK_SET) == 0 && write_whole(file, text) &&
         ::ftruncate(file, static_cast<off_t>(text.size())) == 0;
}

// Beside the file, renamed to it. False where that can't be, or would not leave the file its owner: nothing has changed
// then.
bool replace(const std::string& path, const struct stat& is, const std::string& text) {
  std::string beside = path + ".XXXXXX";
  const int file = ::mkostemp(beside.data(), O_CLOEXEC);
  if (file < 0) return false;
  struct stat made{};
  bool good = ::fstat(file, &made) == 0;
  if (good && (made.st_uid != is.st_uid || made.st_gid != is.st_gid)) good = ::fchown(file, is.st_uid, is.st_gid) == 0;
  good = good && ::fchmod(file, is.st_mode & 07777) == 0 && write_whole(file, text);
  good = ::close(file) == 0 && good;
  if (good && ::rename(beside.c_str(), path.c_str()) == 0) return true;
  ::unlink(beside.c_str());
  return false;
}

}  // namespace

std::string read_text_file(const std::string& path, std::uint64_t limit) {
  const File file(path, O_RDONLY);
  struct stat is{};
  if (file.number() < 0 || ::fstat(file.number(), &is) != 0) cannot(path, "read", errno);
  if (S_ISDIR(is.st_mode)) throw Error(fmt::format("{}: is a folder, expected a file", path));
  return read_all(file.number(), path, limit);
}

std::string read_plain_file(const std::string& path, std::uint64_t limit) {
  const File file(path, O_RDONLY | O_NONBLOCK);
  struct stat is{};
  if (file.number() < 0 || ::fstat(file.number(), &is) != 0) cannot(path, "read", errno);
  if (S_ISDIR(is.st_mode)) throw Error(fmt::format("{}: is a folder, expected a file", path));
  if (!S_ISREG(is.st_mode)) throw Error(fmt::format("{}: is no plain file", path));
  return read_all(file.number(), path, limit);
}

std::string read_file(const std::string& path) { return read_plain_file(path, std::uint64_t{1} << 30); }

std::string read_standard_input(std::uint64_t limit) { return read_all(STDIN_FILENO, "standard input", limit); }

void rewrite_text_file(const std::string& path, const std::string& text) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr) cannot(path, "written", errno);
  const File file(resolved, O_RDWR);
  struct stat is{};
  if (file.number() < 0 || ::fstat(file.number(), &is) != 0) cannot(path, "written", errno);
  if (!S_ISREG(is.st_mode)) throw Error(fmt::format("{}: is no plain file, so it cannot be rewritten", path));
  if (is.st_nlink == 1 && replace(resolved, is, text)) return;
  const std::string before = read_all(file.number(), path, static_cast<std::uint64_t>(is.st_size));
  if (overwrite(file.number(), text)) return;
  const int reason = errno;
  overwrite(file.number(), before);
  cannot(path, "written", reason);
}

}  // namespace eligo
