#include "runtime/data/zip.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/data/little_endian.h"
#include "support/error.h"

namespace eligo {
namespace {

constexpr std::uint32_t kCentral = 0x02014b50, kEnd = 0x06054b50, kLongEnd = 0x06064b50, kLocator = 0x07064b50;
constexpr std::uint64_t kMost = 0xFFFFFFFF, kMostMembers = 0xFFFF;
constexpr std::uint64_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kLongEndBytes = 56, kLocatorBytes = 20;
constexpr std::uint64_t kLongestComment = 0xFFFF, kLargestDirectory = 1 << 26;

}  // namespace

std::uint32_t zip_checksum(std::uint32_t before, const void* data, std::size_t size) {
  const auto* at = static_cast<const Bytef*>(data);
  uLong crc = before;
  while (size > 0) {
    const auto piece = static_cast<uInt>(std::min<std::size_t>(size, 1U << 30));
    crc = crc32(crc, at, piece);
    at += piece;
    size -= piece;
  }
  return static_cast<std::uint32_t>(crc);
}

ZipFile::ZipFile(std::string path, std::string advice) : path_(std::move(path)), advice_(std::move(advice)) {
  file_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file_ < 0) throw Error(fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
  try {
    open_file();
    read_members();
  } catch (...) {
    close(file_);
    throw;
  }
}

ZipFile::~ZipFile() { close(file_); }

void ZipFile::open_file() {
  struct stat status {};
  if (fstat(file_, &status) != 0) throw Error(fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
  if (S_ISDIR(status.st_mode)) throw Error(fmt::format("{}: is a folder, expected a file", path_));
  if (!S_ISREG(status.st_mode)) throw Error(fmt::format("{}: is no plain file", path_));
  size_ = static_cast<std::uint64_t>(status.st_size);
}

void ZipFile::read_members() {
  std::uint64_t at = 0, end = 0;
  const std::uint64_t count = find_directory(at, end), first = at;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
  for (std::uint64_t i = 0; i < count; ++i) {
    Member entry = read_entry(at);
    if (at > end) fail(at, "the directory is damaged");
    const std::uint64_t local_at = entry.begin;
    const std::string local = bytes(local_at, kLocalBytes);
    if (local.substr(0, 4) != std::string("PK\x03\x04", 4))
      fail(local_at, fmt::format("{} does not begin where the directory says", entry.name));
    entry.begin += kLocalBytes + number_at(local, 26, 2) + number_at(local, 28, 2);
    if (entry.begin > first || entry.stored > first - entry.begin)
      fail(local_at, fmt::format("{} reaches into the directory", entry.name));
    places.emplace_back(local_at, entry.begin + entry.stored);
    members_.push_back(std::move(entry));
  }
  std::sort(places.begin(), places.end());
  for (std::size_t i = 1; i < places.size(); ++i)
    if (places[i].first < places[i - 1].second) fail(places[i].first, "two members overlap");
}

void ZipFile::fail(std::uint64_t at, const std::string& what) const {
  throw Error(fmt::format("{}: byte {}: {}; {}", path_, at, what, advice_));
}

std::string ZipFile::bytes(std::uint64_t at, std::uint64_t count) const {
  if (at > size_ || count > size_ - at) fail(at, "the file ends too early");
  std::string out(static_cast<std::size_t>(count), '\0');
  for (std::size_t done = 0; done < out.size();) {
    const ssize_t got = pread(file_, out.data() + done, out.size() - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
    if (got == 0) fail(at + done, "the file ends too early");
    done += static_cast<std::size_t>(got);
  }
  return out;
}

// Where the directory lies, and how many members it has.
std::uint64_t ZipFile::find_directory(std::uint64_t& begin, std::uint64_t& end) const {
  if (size_ < kEndBytes) fail(0, "not an archive (too short)");
  const std::uint64_t from = size_ - std::min(size_, kEndBytes + kLongestComment);
  const std::string tail = bytes(from, size_ - from);
  std::size_t at = tail.size() - kEndBytes;
  while (number_at(tail, at, 4) != kEnd)
    if (at-- == 0) fail(size_, "not an archive, or truncated (its directory is missing)");
  std::uint64_t count = number_at(tail, at + 10, 2), size = number_at(tail, at + 12, 4);
  begin = number_at(tail, at + 16, 4);
  end = from + at;
  if (count == kMostMembers || size == kMost || begin == kMost) {
    if (end < kLocatorBytes) fail(end, "the directory is damaged");
    const std::string locator = bytes(end - kLocatorBytes, kLocatorBytes);
    const std::uint64_t place = number_at(locator, 8, 8);
    if (number_at(locator, 0, 4) != kLocator) fail(end, "the directory is damaged");
    const std::string last = bytes(place, kLongEndBytes);
    if (number_at(last, 0, 4) != kLongEnd) fail(place, "the directory is damaged");
    count = number_at(last, 32, 8);
    size = number_at(last, 40, 8);
    begin = number_at(last, 48, 8);
    end = place;
  }
  if (begin > end || size > end - begin) fail(begin, "the directory lies outside of the file");
  if (size > kLargestDirectory || count > size / kCentralBytes) fail(begin, "the directory is damaged");
  end = begin + size;
  return count;
}

// The entry at `at`, which moves to the next.
ZipFile::Member ZipFile::read_entry(std::uint64_t& at) const {
  const std::string fixed = bytes(at, kCentralBytes);
  if (number_at(fixed, 0, 4) != kCentral) fail(at, "the directory is damaged");
  const std::uint64_t name_size = number_at(fixed, 28, 2), extra_size = number_at(fixed, 30, 2);
  Member entry;
  entry.name = bytes(at + kCentralBytes, name_size);
  entry.crc = static_cast<std::uint32_t>(number_at(fixed, 16, 4));
  entry.method = static_cast<int>(number_at(fixed, 10, 2));
  entry.stored = number_at(fixed, 20, 4);
  entry.size = number_at(fixed, 24, 4);
  entry.begin = number_at(fixed, 42, 4);  // of its local header
  const std::string extra = bytes(at + kCentralBytes + name_size, extra_size);
  for (std::size_t i = 0; i + 4 <= extra.size();) {
    const std::size_t length = number_at(extra, i + 2, 2);
    if (length > extra.size() - i - 4) break;
    std::size_t field = i + 4;
    for (std::uint64_t* value : {&entry.size, &entry.stored, &entry.begin}) {
      if (number_at(extra, i, 2) != 1 || *value != kMost || field + 8 > i + 4 + length) continue;
      *value = number_at(extra, field, 8);
      field += 8;
    }
    i += 4 + length;
  }
  if (entry.method == 0 && entry.stored != entry.size)
    fail(at, fmt::format("{} is stored in another size than it has", entry.name));
  at += kCentralBytes + name_size + extra_size + number_at(fixed, 32, 2);
  return entry;
}

}  // namespace eligo
