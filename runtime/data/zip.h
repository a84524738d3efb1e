// The directory of a zip file, with the long fields of zip64, and the bytes of its members as they are stored.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace eligo {

class ZipFile {
 public:
  struct Member {
    std::string name;
    int method = 0;  // 0: stored, 8: deflated
    std::uint32_t crc = 0;
    std::uint64_t begin = 0, stored = 0;  // its bytes in the file
    std::uint64_t size = 0;               // once unpacked
  };

  // Throws eligo::Error naming the file, the place, what is wrong and `advice`: truncated, damaged, members that
  // overlap.
  ZipFile(std::string path, std::string advice);
  ~ZipFile();
  ZipFile(const ZipFile&) = delete;
  ZipFile& operator=(const ZipFile&) = delete;

  const std::string& path() const { return path_; }
  const std::vector<Member>& members() const { return members_; }
  // Bytes of the file. Throws eligo::Error: it ends too early, or cannot be read.
  std::string bytes(std::uint64_t at, std::uint64_t count) const;
  [[noreturn]] void fail(std::uint64_t at, const std::string& what) const;

 private:
  void open_file();
  void read_members();
  std::uint64_t find_directory(std::uint64_t& begin, std::uint64_t& end) const;
  Member read_entry(std::uint64_t& at) const;

  std::string path_, advice_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::vector<Member> members_;
};

// The checksum of a zip member, carried on over `size` more bytes; 0 to begin with.
std::uint32_t zip_checksum(std::uint32_t before, const void* data, std::size_t size);

}  // namespace eligo
