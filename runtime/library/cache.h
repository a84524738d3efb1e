// Compiled programs in a folder, one file per key. An entry is believed only if the key in it is the whole key asked
// for and its length and checksum agree with its contents; anything else is as if it were not there. Nothing here
// fails: a folder that can't be read or written is a cache that never hits.
//
// What is loaded is run, so only what this user alone can have written is believed: the folder and the entry belong to
// the user and nobody else may write to them, the entry is a plain file. No symbolic link is followed to either. Folders
// that are made here have the mode 0700.
//
// Processes may share the folder: an entry is written beside its place and renamed into it, so readers see all of it or
// nothing, whoever writes, and whenever a writer dies. What has not been used for longest goes when the folder is full.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eligo {

class Cache {
 public:
  static constexpr std::uint64_t default_limit = 256u << 20;

  explicit Cache(std::string folder, std::uint64_t limit = default_limit)  // empty: no cache
      : folder_(std::move(folder)), limit_(limit) {}

  bool used() const { return !folder_.empty(); }
  const std::string& folder() const { return folder_; }
  // `name` is for people who look into the folder, `key` all that the contents depend on.
  std::optional<std::string> load(const std::string& name, std::string_view key) const;
  void store(const std::string& name, std::string_view key, std::string_view contents) const;

  struct Size {
    std::uint64_t entries = 0, bytes = 0;
  };
  Size size() const;
  // Why a folder that is there is not used; empty: it is.
  std::string fault() const;
  // Removes all entries; how many there were. Nothing else in the folder is touched.
  Size clear() const;

 private:
  static std::string file_name(const std::string& name, std::string_view key);
  void make_room() const;

  std::string folder_;
  std::uint64_t limit_;
};

// The folder of compiled programs: the one asked for, $ELIGO_CACHE, or the user's cache; empty: none ("none").
std::string cache_folder(const std::string& asked);

}  // namespace eligo
