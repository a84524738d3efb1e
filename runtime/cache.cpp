#include "runtime/cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

namespace eligo {
namespace {

namespace fs = std::filesystem;

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

std::string read_all(const std::string& path) {
  std::string all;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const auto size = in.tellg();
  if (!in || size < 0) return all;
  all.resize(static_cast<std::size_t>(size));
  in.seekg(0);
  if (!in.read(all.data(), size)) all.clear();
  return all;
}

// The files of a cache in a folder: entries, and what writers that died left of theirs.
struct Entry {
  fs::path path;
  std::uint64_t bytes = 0;
  fs::file_time_type used;
  bool finished = true;
};

std::vector<Entry> entries_of(const std::string& folder) {
  std::vector<Entry> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), none; !error && it != none; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool part = name.ends_with(unfinished) && name.find(extension) != std::string::npos;
    if (!part && !name.ends_with(extension)) continue;
    std::error_code gone;  // another process may have removed it
    Entry entry{it->path(), it->file_size(gone), it->last_write_time(gone), !part};
    if (!gone) entries.push_back(std::move(entry));
  }
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

std::string Cache::path(const std::string& name, std::string_view key) const {
  std::string safe;
  for (const char c : name.substr(0, 60))
    safe += std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ? c : '_';
  Checksum sum;
  sum.add(key);
  return fmt::format("{}/{}-{:016x}{}", folder_, safe, sum.value(), extension);
}

std::optional<std::string> Cache::load(const std::string& name, std::string_view key) const {
  if (!used()) return std::nullopt;
  const std::string place = path(name, key);
  std::string all = read_all(place);
  Header found;
  if (all.size() < sizeof found) return std::nullopt;
  std::memcpy(&found, all.data(), sizeof found);
  if (found.key != key.size() || all.size() - sizeof found < key.size()) return std::nullopt;
  const std::string_view rest = std::string_view(all).substr(sizeof found);
  const std::string_view contents = rest.substr(key.size());
  if (rest.substr(0, key.size()) != key) return std::nullopt;
  const Header expected = header(key, contents);
  if (std::memcmp(&found, &expected, sizeof found) != 0) return std::nullopt;
  std::error_code ignored;
  fs::last_write_time(place, fs::file_time_type::clock::now(), ignored);
  return all.substr(sizeof found + key.size());
}

void Cache::store(const std::string& name, std::string_view key, std::string_view contents) const {
  if (!used()) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  static std::atomic<unsigned> count = 0;
  const std::string place = path(name, key);
  const std::string beside =
      fmt::format("{}.{}.{}.{:08x}{}", place, ::getpid(), count++, std::random_device{}(), unfinished);
  bool written = false;
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    const Header h = header(key, contents);
    out.write(reinterpret_cast<const char*>(&h), sizeof h);
    out.write(key.data(), static_cast<std::streamsize>(key.size()));
    out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
    out.close();
    written = !out.fail();
  }
  if (written) fs::rename(beside, place, error);
  if (!written || error) fs::remove(beside, error);
  else make_room();
}

// Files that a writer left unfinished go after an hour: no living one takes that long.
void Cache::make_room() const {
  std::vector<Entry> entries = entries_of(folder_);
  const auto now = fs::file_time_type::clock::now();
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used > b.used; });
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (const Entry& entry : entries) {
    if (!entry.finished) {
      if (now - entry.used > std::chrono::hours(1)) fs::remove(entry.path, ignored);
      continue;
    }
    bytes += entry.bytes;
    if (bytes > limit_) fs::remove(entry.path, ignored);
  }
}

Cache::Size Cache::size() const {
  Size size;
  for (const Entry& entry : entries_of(folder_)) {
    size.entries += entry.finished;
    size.bytes += entry.bytes;
  }
  return size;
}

Cache::Size Cache::clear() const {
  Size removed;
  for (const Entry& entry : entries_of(folder_)) {
    std::error_code error;
    if (!fs::remove(entry.path, error) || error) continue;
    removed.entries += entry.finished;
    removed.bytes += entry.bytes;
  }
  return removed;
}

}  // namespace eligo
