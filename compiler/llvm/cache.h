// Compiled kernels in a folder, one file per key. An entry is believed only if its header, length and checksum agree
// with its contents and with the key; anything else is as if it were not there. Nothing here fails: a folder that can't
// be read or written is a cache that never hits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace eligo::compiler {

class KernelCache {
 public:
  explicit KernelCache(std::string folder) : folder_(std::move(folder)) {}  // empty: no cache

  // A key for everything that the kernels depend on, as text.
  static std::string key(std::string_view everything);

  std::optional<std::string> load(const std::string& name, const std::string& key) const;
  // Written beside its place and renamed into it: readers see all of it or nothing.
  void store(const std::string& name, const std::string& key, std::string_view object) const;

 private:
  std::string path(const std::string& name, const std::string& key) const;

  std::string folder_;
};

}  // namespace eligo::compiler
