#include "runtime/library/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <utility>
#include <vector>

#include "support/descriptor.h"

namespace eligo {
namespace {

constexpr std::string_view extension = ".eligo";
constexpr std::string_view unfinished = ".part";

struct Header {
  char magic[16] = {};
  std::uint64_t key = 0, contents = 0;  // lengths
  std::uint64_t checksum = 0;           // of both
};

// Every change of one 8-byte word changes it: each step is one-to-one in the word and in what came before.
class Checksum {
 public:
  void add(std::string_view bytes) {
    add_word(bytes.size());
    std::uint64_t word = 0;
    for (; bytes.size() >= sizeof word; bytes.remove_prefix(sizeof word)) {
      std::memcpy(&word, bytes.data(), sizeof word);
      add_word(word);
    }
    word = 0;
    if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
    add_word(word);
  }
  std::uint64_t value() const { return sum_; }

 private:
  void add_word(std::uint64_t word) {
    sum_ = (sum_ ^ word) * 0x9e3779b97f4a7c15ull;
    sum_ ^= sum_ >> 32;
  }
  std::uint64_t sum_ = 0xcbf29ce484222325ull;
};

Header header(std::string_view key, std::string_view contents) {
  Header h;
  std::memcpy(h.magic, "eligo program 1\n", sizeof h.magic);
  h.key = key.size();
  h.contents = contents.size();
  Checksum sum;
  sum.add(key);
  sum.add(contents);
  h.checksum = sum.value();
  return h;
}

// Machine code is run as it is read, so it must be this user's own: nobody else may have written it.
bool own(const struct stat& about) { return about.st_uid == ::geteuid() && (about.st_mode & (S_IWGRP | S_IWOTH)) == 0; }

// The folder, opened once: what is done through it goes to this folder, whatever its path becomes meanwhile.
// A slash at the end would have a link followed.
Descriptor open_folder(std::string path, std::string* fault) {
  while (path.size() > 1 && (path.ends_with('/') || path.ends_with("/."))) path.pop_back();
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat about{};
  if (!folder) {
    const int error = errno;
    const bool link = ::lstat(path.c_str(), &about) == 0 && S_ISLNK(about.st_mode);
    if (error != ENOENT) *fault = link ? "it is a symbolic link" : std::strerror(error);
    return folder;
  }
  if (::fstat(folder.number(), &about) != 0) *fault = std::strerror(errno);
  else if (about.st_uid != ::geteuid()) *fault = "it belongs to another user";
  else if (!own(about)) *fault = "others may write to it";
  return fault->empty() ? std::move(folder) : Descriptor(-1);
}

// The folder and those that it lies in, as far as they are missing, for this user alone.
void make_folder(const std::string& path) {
  for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1))
    ::mkdir(path.substr(0, end).c_str(), S_IRWXU);
  ::mkdir(path.c_str(), S_IRWXU);
}

bool read_fully(int file, char* to, std::size_t count) {
  while (count > 0) {
    const ssize_t got = ::read(file, to, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_fully(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

// An entry's file, if it is a plain one, of this user, and of a size that an entry may have. Without O_NONBLOCK a pipe
// of that name would be waited for.
Descriptor open_entry(const Descriptor& folder, const std::string& name, std::uint64_t limit, std::uint64_t* size) {
  Descriptor file(::openat(folder.number(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat about{};
  if (!file || ::fstat(file.number(), &about) != 0 || !S_ISREG(about.st_mode) || !own(about)) return Descriptor(-1);
  *size = static_cast<std::uint64_t>(about.st_size);
  return *size < sizeof(Header) || *size > limit ? Descriptor(-1) : std::move(file);
}

// The files of a cache in a folder: entries, and what writers that died left of theirs.
struct Entry {
  std::string name;
  std::uint64_t bytes = 0;
  std::time_t used = 0;
  long used_ns = 0;
  bool finished = true;
};

std::vector<Entry> entries_of(const Descriptor& folder) {
  std::vector<Entry> entries;
  if (!folder) return entries;
  const int again = ::openat(folder.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const list = again < 0 ? nullptr : ::fdopendir(again);
  if (list == nullptr) {
    if (again >= 0) ::close(again);
    return entries;
  }
  while (const dirent* one = ::readdir(list)) {
    const std::string name = one->d_name;
    const bool part = name.ends_with(unfinished) && name.find(extension) != std::string::npos;
    if (!part && !name.ends_with(extension)) continue;
    struct stat about{};  // another process may have removed it
    if (::fstatat(folder.number(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(about.st_mode)) continue;
    entries.push_back({name, static_cast<std::uint64_t>(about.st_size), about.st_mtim.tv_sec, about.st_mtim.tv_nsec,
                       !part});
  }
  ::closedir(list);
  return entries;
}

}  // namespace

std::string cache_folder(const std::string& asked) {
  if (asked == "none") return "";
  if (!asked.empty()) return asked;
  if (const char* set = std::getenv("ELIGO_CACHE")) return std::string(set) == "none" ? "" : set;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) return std::string(xdg) + "/eligo";
  if (const char* home = std::getenv("HOME"); home && *home) return std::string(home) + "/.cache/eligo";
  return "";
}

std::string Cache::file_name(const std::string& name, std::string_view key) {
  std::string safe;
  for (const char c : name.substr(0, 60))
    safe += std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ? c : '_';
  Checksum sum;
  sum.add(key);
  return fmt::format("{}-{:016x}{}", safe, sum.value(), extension);
}

std::optional<std::string> Cache::load(const std::string& name, std::string_view key) const {
  if (!used()) return std::nullopt;
  std::string fault;
  std::uint64_t size = 0;
  const Descriptor folder = open_folder(folder_, &fault);
  if (!folder) return std::nullopt;
  const Descriptor file = open_entry(folder, file_name(name, key), limit_, &size);
  Header found;
  if (!file || !read_fully(file.number(), reinterpret_cast<char*>(&found), sizeof found)) return std::nullopt;
  if (found.key != key.size() || found.contents > size || size != sizeof found + found.key + found.contents)
    return std::nullopt;
  std::string all(found.key + found.contents, '\0');
  if (!read_fully(file.number(), all.data(), all.size())) return std::nullopt;
  const std::string_view contents = std::string_view(all).substr(key.size());
  if (std::string_view(all).substr(0, key.size()) != key) return std::nullopt;
  const Header expected = header(key, contents);
  if (std::memcmp(&found, &expected, sizeof found) != 0) return std::nullopt;
  ::futimens(file.number(), nullptr);  // used now
  return all.substr(key.size());
}

void Cache::store(const std::string& name, std::string_view key, std::string_view contents) const {
  if (!used()) return;
  make_folder(folder_);
  std::string fault;
  const Descriptor folder = open_folder(folder_, &fault);
  if (!folder) return;
  static std::atomic<unsigned> count = 0;
  const std::string place = file_name(name, key);
  const std::string beside =
      fmt::format("{}.{}.{}.{:08x}{}", place, ::getpid(), count++, std::random_device{}(), unfinished);
  bool written = false;
  {
    const Descriptor out(::openat(folder.number(), beside.c_str(),
                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!out) return;
    const Header h = header(key, contents);
    written = write_fully(out.number(), {reinterpret_cast<const char*>(&h), sizeof h}) &&
              write_fully(out.number(), key) && write_fully(out.number(), contents);
  }
  if (written && ::renameat(folder.number(), beside.c_str(), folder.number(), place.c_str()) == 0) make_room();
  else ::unlinkat(folder.number(), beside.c_str(), 0);
}

// Files that a writer left unfinished go after an hour: no living one takes that long.
void Cache::make_room() const {
  std::string fault;
  const Descriptor folder = open_folder(folder_, &fault);
  std::vector<Entry> entries = entries_of(folder);
  const std::time_t now = std::time(nullptr);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.used, a.used_ns) > std::pair(b.used, b.used_ns);
  });
  std::uint64_t bytes = 0;
  for (const Entry& entry : entries) {
    if (!entry.finished) {
      if (now - entry.used > 3600) ::unlinkat(folder.number(), entry.name.c_str(), 0);
      continue;
    }
    bytes += entry.bytes;
    if (bytes > limit_) ::unlinkat(folder.number(), entry.name.c_str(), 0);
  }
}

std::string Cache::fault() const {
  std::string fault;
  if (used()) open_folder(folder_, &fault);
  return fault;
}

Cache::Size Cache::size() const {
  Size size;
  std::string fault;
  for (const Entry& entry : entries_of(open_folder(folder_, &fault))) {
    size.entries += entry.finished;
    size.bytes += entry.bytes;
  }
  return size;
}

Cache::Size Cache::clear() const {
  Size removed;
  std::string fault;
  const Descriptor folder = open_folder(folder_, &fault);
  for (const Entry& entry : entries_of(folder)) {
    if (::unlinkat(folder.number(), entry.name.c_str(), 0) != 0) continue;
    removed.entries += entry.finished;
    removed.bytes += entry.bytes;
  }
  return removed;
}

}  // namespace eligo
