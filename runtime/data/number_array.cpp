#include "runtime/data/number_array.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/data/mapped_file.h"
#include "runtime/data/npy_header.h"
#include "runtime/data/zip.h"
#include "support/error.h"

namespace eligo {
namespace {

static_assert(std::endian::native == std::endian::little, "values are taken as they lie in the file");

using Type = NumberArray::Type;

struct TypeRow {
  Type type;
  const char* numpy;
  const char* words;
  int width;
};
constexpr std::array<TypeRow, 12> types = {{{Type::f64, "<f8", "float64", 8},
                                            {Type::f32, "<f4", "float32", 4},
                                            {Type::f16, "<f2", "float16", 2},
                                            {Type::i64, "<i8", "int64", 8},
                                            {Type::i32, "<i4", "int32", 4},
                                            {Type::i16, "<i2", "int16", 2},
                                            {Type::i8, "|i1", "int8", 1},
                                            {Type::u64, "<u8", "uint64", 8},
                                            {Type::u32, "<u4", "uint32", 4},
                                            {Type::u16, "<u2", "uint16", 2},
                                            {Type::u8, "|u1", "uint8", 1},
                                            {Type::boolean, "|b1", "bool", 1}}};

const TypeRow& row_of(Type type) { return types[static_cast<std::size_t>(type)]; }

template <class T>
double value_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return static_cast<double>(value);
}

// An IEEE half: 1 bit of sign, 5 of exponent, 10 of fraction.
double half_at(const char* bytes) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, 2);
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double value = std::ldexp(exponent == 0 ? fraction : fraction + 1024, std::max(exponent, 1) - 25);
  if (exponent == 31) value = fraction == 0 ? HUGE_VAL : std::nan("");
  return (bits & 0x8000) != 0 ? -value : value;
}

// The type of a header's text; throws for what holds no numbers, or in another byte order.
Type type_of(const NpyHeader& header, const std::string& name) {
  for (const TypeRow& row : types)
    if (header.type == row.numpy) return row.type;
  const bool swapped = header.type.starts_with(">");
  throw Error(fmt::format("{}: values of type '{}'; {}", name, header.type,
                          swapped ? "convert them with x.astype(x.dtype.newbyteorder(\"<\"))"
                                  : "save it as float32, float64, an integer type or bool"));
}

// Small files are copied, so that nothing that happens to them later matters.
std::shared_ptr<const void> keep(const char*& values, std::uint64_t size, std::shared_ptr<const void> file) {
  constexpr std::uint64_t mapped_from = 64ULL << 20;
  if (size >= mapped_from) return file;
  const auto copy = std::make_shared<std::string>(values, size);
  values = copy->data();
  return copy;
}

// An array of the values behind a header.
NumberArray array_of(const NpyHeader& header, const char* values, std::shared_ptr<const void> owner,
                     const std::string& name) {
  NumberArray array;
  array.type = type_of(header, name);
  array.shape = header.shape;
  array.strides.resize(header.shape.size());
  std::int64_t stride = header.width;
  for (std::size_t i = 0; i < array.shape.size(); ++i) {
    const std::size_t axis = header.fortran ? i : array.shape.size() - 1 - i;
    array.strides[axis] = stride;
    stride *= array.shape[axis];
  }
  array.data = values;
  array.owner = std::move(owner);
  array.name = name;
  return array;
}

// A deflated member's bytes. Nothing is allocated beyond what deflate can make of what is stored.
std::shared_ptr<std::string> inflated(const ZipFile& zip, const ZipFile::Member& member, const char* stored) {
  constexpr std::uint64_t most_compression = 1032;
  const auto damaged = [&] { zip.fail(member.begin, fmt::format("{}: the compressed data are damaged", member.name)); };
  if (member.size > (member.stored + 1) * most_compression) damaged();
  auto out = std::make_shared<std::string>(static_cast<std::size_t>(member.size), '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error(fmt::format("{}: zlib cannot start", zip.path()));
  std::uint64_t read = 0, written = 0;
  int state = Z_OK;
  constexpr std::uint64_t piece = 1U << 30;
  while (state == Z_OK) {
    const std::uint64_t in = std::min(member.stored - read, piece), room = std::min(member.size - written, piece);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(stored + read));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(out->data() + written);
    stream.avail_out = static_cast<uInt>(room);
    state = inflate(&stream, Z_NO_FLUSH);
    if (stream.avail_in == in && stream.avail_out == room && state == Z_OK) state = Z_BUF_ERROR;
    read += in - stream.avail_in;
    written += room - stream.avail_out;
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END || written != member.size) damaged();
  return out;
}

NumberArray member_array(const ZipFile& zip, const ZipFile::Member& member, const std::shared_ptr<MappedFile>& file,
                         const std::string& key) {
  if (member.method != 0 && member.method != 8)
    zip.fail(member.begin, fmt::format("{} is compressed by method {}, expected deflate", member.name, member.method));
  std::shared_ptr<const void> owner = file;
  const char* bytes = file->data() + member.begin;
  if (member.method == 8) {
    const auto out = inflated(zip, member, bytes);
    bytes = out->data();
    owner = out;
  }
  if (zip_checksum(0, bytes, member.size) != member.crc)
    zip.fail(member.begin, fmt::format("{} is damaged (another checksum)", member.name));
  const NpyHeader header = read_npy_header(
      member.size, [&](std::uint64_t at, std::uint64_t count) { return std::string(bytes + at, count); },
      [&](const std::string& what) { zip.fail(member.begin, fmt::format("{}: {}", member.name, what)); });
  const char* values = bytes + header.bytes;
  if (member.method == 0) owner = keep(values, member.size - header.bytes, std::move(owner));
  const bool mapped = owner == file;
  NumberArray array = array_of(header, values, std::move(owner), fmt::format("{} of {}", key, zip.path()));
  array.mapped = mapped;
  return array;
}

}  // namespace

const char* type_name(Type type) { return row_of(type).words; }
int width_of(Type type) { return row_of(type).width; }

std::uint64_t NumberArray::count() const {
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) count *= static_cast<std::uint64_t>(size);
  return count;
}

std::uint64_t NumberArray::bytes() const { return mapped ? 0 : count() * static_cast<std::uint64_t>(width_of(type)); }

double NumberArray::at(std::int64_t offset) const {
  const char* bytes = data + offset;
  switch (type) {
    case Type::f64: return value_at<double>(bytes);
    case Type::f32: return value_at<float>(bytes);
    case Type::f16: return half_at(bytes);
    case Type::i64: return value_at<std::int64_t>(bytes);
    case Type::i32: return value_at<std::int32_t>(bytes);
    case Type::i16: return value_at<std::int16_t>(bytes);
    case Type::i8: return value_at<std::int8_t>(bytes);
    case Type::u64: return value_at<std::uint64_t>(bytes);
    case Type::u32: return value_at<std::uint32_t>(bytes);
    case Type::u16: return value_at<std::uint16_t>(bytes);
    case Type::u8: return value_at<std::uint8_t>(bytes);
    case Type::boolean: return *bytes != 0 ? 1 : 0;
  }
  return 0;
}

std::string NumberArray::shape_text() const { return fmt::format("[{}]", fmt::join(shape, ", ")); }

NumberArray read_npy(const std::string& path) {
  const auto file = std::make_shared<MappedFile>(path);
  const auto wrong = [&](const std::string& what) {
    throw Error(fmt::format("{}: {}; write it with numpy.save", path, what));
  };
  const NpyHeader header = read_npy_header(
      file->size(), [&](std::uint64_t at, std::uint64_t count) { return std::string(file->data() + at, count); },
      wrong);
  const char* values = file->data() + header.bytes;
  const auto owner = keep(values, file->size() - header.bytes, file);
  NumberArray array = array_of(header, values, owner, path);
  array.mapped = owner == file;
  return array;
}

NpzArrays read_npz_arrays(const std::string& path, const std::vector<std::string>& wanted) {
  const ZipFile zip(path, "write it again with numpy.savez");
  const auto file = std::make_shared<MappedFile>(path);
  NpzArrays out;
  for (const ZipFile::Member& member : zip.members()) {
    if (!member.name.ends_with(".npy")) continue;
    if (member.begin + member.stored > file->size()) zip.fail(member.begin, "the file has become shorter");
    const std::string key = member.name.substr(0, member.name.size() - 4);
    out.keys.push_back(key);
    if (std::find(wanted.begin(), wanted.end(), key) == wanted.end()) continue;
    if (!out.arrays.emplace(key, member_array(zip, member, file, key)).second)
      zip.fail(member.begin, fmt::format("there are two of {}", key));
  }
  return out;
}

}  // namespace eligo
