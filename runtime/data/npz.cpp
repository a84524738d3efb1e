#include "runtime/data/npz.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "runtime/data/little_endian.h"
#include "runtime/data/npy_header.h"

namespace eligo {
namespace {

static_assert(std::endian::native == std::endian::little, "the archive's numbers are written as they lie in memory");

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kLongEnd = 0x06064b50, kLocator = 0x07064b50;
constexpr std::uint64_t kUtf8 = 1 << 11, kDate = 0x0021;  // 1 January 1980: equal arrays give equal files
constexpr std::uint64_t kShort = 20, kLong = 45;          // versions of the format: without and with long fields
constexpr std::uint64_t kMost = 0xFFFFFFFF, kMostMembers = 0xFFFF;
constexpr std::uint64_t kLongEndBytes = 56;

std::size_t width_of(Stored::Type type) { return type == Stored::Type::f64 ? 8 : 4; }

std::string header_of(const std::vector<std::int64_t>& shape, Stored::Type type) {
  std::string text;
  for (const auto size : shape) text += fmt::format("{}, ", size);
  const char* name = type == Stored::Type::f64 ? "<f8" : type == Stored::Type::f32 ? "<f4" : "<i4";
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", name, text);
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  put_number(bytes, header.size(), 2);
  return bytes + header;
}

// The fields that the local and the central header share, from "version needed" to the length of the extra field.
void put_common(std::string& out, const std::string& member, std::uint32_t crc, std::uint64_t size, bool is_long,
                std::uint64_t extra) {
  put_number(out, is_long ? kLong : kShort, 2);
  put_number(out, kUtf8, 2);
  put_number(out, 0, 2);  // stored
  put_number(out, 0, 2);
  put_number(out, kDate, 2);
  put_number(out, crc, 4);
  put_number(out, is_long ? kMost : size, 4);
  put_number(out, is_long ? kMost : size, 4);
  put_number(out, member.size(), 2);
  put_number(out, extra, 2);
}

template <class T>
double value_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return static_cast<double>(value);
}

using Decode = double (*)(const char*);
Decode decoder(const std::string& type) {
  if (type == "<f8") return value_at<double>;
  if (type == "<f4") return value_at<float>;
  if (type == "<i8") return value_at<std::int64_t>;
  return type == "<i4" ? value_at<std::int32_t> : nullptr;
}

}  // namespace

// --- writing --------------------------------------------------------------------------------------------------------

void NpzWriter::put(const std::string& bytes) {
  file_.write(bytes.data(), bytes.size());
  written_ += bytes.size();
}

void NpzWriter::add(const std::string& name, const std::vector<std::int64_t>& shape, const Stored& values) {
  std::uint64_t count = 1;
  for (const auto size : shape) count *= static_cast<std::uint64_t>(size);
  if (count != values.count)
    throw Error(fmt::format("checkpoint: {} has {} values, its shape asks for {}", name, values.count, count));
  const std::string member = name + ".npy", header = header_of(shape, values.type);
  const std::size_t data = values.count * width_of(values.type);
  const std::uint64_t size = header.size() + data, offset = written_;
  const std::uint32_t crc = zip_checksum(zip_checksum(0, header.data(), header.size()), values.data, data);
  const bool is_long = size >= long_from_ || offset >= long_from_;
  std::string local;
  put_number(local, kLocal, 4);
  put_common(local, member, crc, size, is_long, is_long ? 20 : 0);
  local += member;
  put_number(directory_, kCentral, 4);
  put_number(directory_, is_long ? kLong : kShort, 2);
  put_common(directory_, member, crc, size, is_long, is_long ? 28 : 0);
  put_number(directory_, 0, 2);  // comment
  put_number(directory_, 0, 2);  // disk
  put_number(directory_, 0, 2);  // internal attributes
  put_number(directory_, 0, 4);  // external attributes
  put_number(directory_, is_long ? kMost : offset, 4);
  directory_ += member;
  for (std::string* extra : {&local, &directory_}) {
    if (!is_long) break;
    put_number(*extra, 1, 2);
    put_number(*extra, extra == &local ? 16 : 24, 2);
    put_number(*extra, size, 8);
    put_number(*extra, size, 8);
    if (extra == &directory_) put_number(*extra, offset, 8);
  }
  put(local + header);
  file_.write(values.data, data);
  written_ += data;
  ++members_;
  long_any_ = long_any_ || is_long;
}

void NpzWriter::add(const std::string& name, double value) { add(name, {}, {Stored::Type::f64, &value, 1}); }

void NpzWriter::commit() {
  const std::uint64_t begin = written_;
  const bool is_long = long_any_ || begin >= long_from_ || members_ >= kMostMembers;
  put(directory_);
  std::string end;
  if (is_long) {
    const std::uint64_t at = written_;
    put_number(end, kLongEnd, 4);
    put_number(end, kLongEndBytes - 12, 8);
    put_number(end, kLong, 2);
    put_number(end, kLong, 2);
    put_number(end, 0, 8);  // disks
    put_number(end, members_, 8);
    put_number(end, members_, 8);
    put_number(end, directory_.size(), 8);
    put_number(end, begin, 8);
    put_number(end, kLocator, 4);
    put_number(end, 0, 4);
    put_number(end, at, 8);
    put_number(end, 1, 4);
  }
  put_number(end, kEnd, 4);
  put_number(end, 0, 4);  // disks
  for (int i = 0; i < 2; ++i) put_number(end, is_long ? kMostMembers : members_, 2);
  put_number(end, is_long ? kMost : directory_.size(), 4);
  put_number(end, is_long ? kMost : begin, 4);
  put_number(end, 0, 2);
  put(end);
  file_.commit();
}

// --- reading --------------------------------------------------------------------------------------------------------

NpzReader::NpzReader(const std::string& path) : file_(path, "take another checkpoint") {
  for (const ZipFile::Member& member : file_.members()) {
    if (member.method != 0)
      file_.fail(member.begin, fmt::format("{} is compressed; write it with numpy.savez, not savez_compressed",
                                           member.name));
    const std::string name =
        member.name.ends_with(".npy") ? member.name.substr(0, member.name.size() - 4) : member.name;
    if (!arrays_.emplace(name, read_header(name, member)).second)
      file_.fail(member.begin, fmt::format("there are two of {}", name));
  }
}

NpzReader::Array NpzReader::read_header(const std::string& name, const ZipFile::Member& member) const {
  const auto wrong = [&](const std::string& what) { file_.fail(member.begin, fmt::format("{}: {}", name, what)); };
  const auto read = [&](std::uint64_t at, std::uint64_t count) { return file_.bytes(member.begin + at, count); };
  const NpyHeader header = read_npy_header(member.size, read, wrong);
  if (header.fortran) wrong("the array is in Fortran order, expected C order");
  if (decoder(header.type) == nullptr) wrong(fmt::format("values of type '{}', expected '<f8' or '<f4'", header.type));
  Array array;
  array.shape = header.shape;
  array.count = header.count;
  array.type = header.type;
  array.begin = member.begin;
  array.end = member.begin + member.size;
  array.data = member.begin + header.bytes;
  array.crc = member.crc;
  return array;
}

const NpzReader::Array* NpzReader::find(const std::string& name) const {
  const auto found = arrays_.find(name);
  return found == arrays_.end() ? nullptr : &found->second;
}

void NpzReader::read(
    const std::string& name,
    const std::function<void(std::uint64_t first, std::span<const double> values)>& take) const {
  constexpr std::uint64_t piece = 1 << 16;
  const Array* array = find(name);
  if (array == nullptr) throw Error(fmt::format("{}: {} is missing; take another checkpoint", path(), name));
  const Decode decode = decoder(array->type);
  const auto width = static_cast<std::uint64_t>(array->type[2] - '0');
  const std::string header = file_.bytes(array->begin, array->data - array->begin);
  std::uint32_t crc = zip_checksum(0, header.data(), header.size());
  std::vector<double> values;
  for (std::uint64_t first = 0; first < array->count; first += piece) {
    const std::uint64_t count = std::min(piece, array->count - first);
    const std::string part = file_.bytes(array->data + first * width, count * width);
    crc = zip_checksum(crc, part.data(), part.size());
    values.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = decode(part.data() + i * width);
    take(first, values);
  }
  if (crc != array->crc) file_.fail(array->begin, fmt::format("{} is damaged (another checksum)", name));
}

double NpzReader::number(const std::string& name) const {
  const Array* array = find(name);
  if (array == nullptr || array->count != 1)
    throw Error(fmt::format("{}: {} is missing; this is not the checkpoint of a run", path(), name));
  double value = 0;
  read(name, [&](std::uint64_t, std::span<const double> values) { value = values[0]; });
  return value;
}

}  // namespace eligo
