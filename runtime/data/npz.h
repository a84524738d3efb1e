// Archives of named arrays that numpy.load reads, written and read piece by piece.
//
// The archive is a zip file of .npy members, stored without compression; those that lie beyond 4 GiB have the long
// fields of zip64, as numpy writes them. Equal arrays give equal files.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/data/zip.h"
#include "runtime/engine/session.h"
#include "support/files.h"

namespace eligo {

class NpzWriter {
 public:
  static constexpr std::uint64_t kLongFrom = 0xFFFFFFFF;
  // Sizes and offsets from `long_from` on are written in the long fields. Throws eligo::Error, here and below: the
  // folder or the disk does not take it; the old file is kept then.
  explicit NpzWriter(const std::string& path, std::uint64_t long_from = kLongFrom) : file_(path), long_from_(long_from) {}

  // The array's bytes go from where they lie to the file.
  void add(const std::string& name, const std::vector<std::int64_t>& shape, const Stored& values);
  void add(const std::string& name, double value);
  void commit();

 private:
  void put(const std::string& bytes);

  AtomicFile file_;
  std::uint64_t long_from_, written_ = 0, members_ = 0;
  bool long_any_ = false;
  std::string directory_;
};

class NpzReader {
 public:
  // Reads the directory. Throws eligo::Error naming the file, the place and what is wrong: truncated, members that
  // overlap or have one name, compressed, more dimensions or a longer header than any array has.
  explicit NpzReader(const std::string& path);

  struct Array {
    std::vector<std::int64_t> shape;
    std::uint64_t count = 0;           // of values
    std::string type;                  // "<f4", "<f8", "<i4", "<i8"
    std::uint64_t begin = 0, end = 0;  // of the whole member, in the file
    std::uint64_t data = 0;
    std::uint32_t crc = 0;
  };
  const std::string& path() const { return file_.path(); }
  const std::map<std::string, Array>& arrays() const { return arrays_; }
  const Array* find(const std::string& name) const;
  // Hands over an array's values in order, a piece at a time. Throws eligo::Error: damaged (another checksum).
  void read(const std::string& name,
            const std::function<void(std::uint64_t first, std::span<const double> values)>& take) const;
  // An array of one value. Throws eligo::Error: there is none, or more than one.
  double number(const std::string& name) const;

 private:
  Array read_header(const std::string& name, const ZipFile::Member& member) const;

  ZipFile file_;
  std::map<std::string, Array> arrays_;
};

}  // namespace eligo
