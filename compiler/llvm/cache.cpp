#include "compiler/llvm/cache.h"

#include <fmt/format.h>
#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/BLAKE3.h>
#include <llvm/Support/xxhash.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace eligo::compiler {
namespace {

constexpr std::string_view magic = "eligo kernel 1\n";

struct Header {
  char magic[16] = {};
  char key[64] = {};
  std::uint64_t length = 0;
  std::uint64_t checksum = 0;
};

Header header(const std::string& key, std::string_view object) {
  Header h;
  std::memcpy(h.magic, magic.data(), magic.size());
  std::memcpy(h.key, key.data(), std::min(key.size(), sizeof h.key));
  h.length = object.size();
  h.checksum = llvm::xxh3_64bits(llvm::StringRef(object.data(), object.size()));
  return h;
}

}  // namespace

std::string KernelCache::key(std::string_view everything) {
  llvm::BLAKE3 hash;
  hash.update(llvm::StringRef(everything.data(), everything.size()));
  const auto digest = hash.final();
  return llvm::toHex(digest, true);
}

std::string KernelCache::path(const std::string& name, const std::string& key) const {
  std::string safe;  // the module's name, for people who look into the folder
  for (const char c : name.substr(0, 60))
    safe += std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ? c : '_';
  return fmt::format("{}/{}-{}.o", folder_, safe, key.substr(0, 32));
}

std::optional<std::string> KernelCache::load(const std::string& name, const std::string& key) const {
  if (folder_.empty()) return std::nullopt;
  std::ifstream in(path(name, key), std::ios::binary);
  if (!in) return std::nullopt;
  const std::string all(std::istreambuf_iterator<char>(in), {});
  if (in.bad() || all.size() < sizeof(Header)) return std::nullopt;
  const std::string_view object = std::string_view(all).substr(sizeof(Header));
  const Header expected = header(key, object);
  if (std::memcmp(all.data(), &expected, sizeof(Header)) != 0) return std::nullopt;
  return std::string(object);
}

void KernelCache::store(const std::string& name, const std::string& key, std::string_view object) const {
  if (folder_.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  static std::atomic<unsigned> count = 0;
  const std::string place = path(name, key), beside = fmt::format("{}.{}.{}", place, ::getpid(), count++);
  bool written = false;
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    const Header h = header(key, object);
    out.write(reinterpret_cast<const char*>(&h), sizeof h);
    out.write(object.data(), static_cast<std::streamsize>(object.size()));
    out.close();
    written = !out.fail();
  }
  if (written) std::filesystem::rename(beside, place, error);
  if (!written || error) std::filesystem::remove(beside, error);
}

}  // namespace eligo::compiler
