#include "runtime/checkpoint.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "runtime/session.h"

namespace eligo {
namespace {

static_assert(std::endian::native == std::endian::little, "the archive's numbers are written as they lie in memory");

// --- little-endian fields -------------------------------------------------------------------------------------------

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

std::uint32_t checksum(std::string_view bytes) {
  uLong crc = crc32(0, nullptr, 0);
  for (std::size_t done = 0; done < bytes.size();) {
    const auto piece = static_cast<uInt>(std::min<std::size_t>(bytes.size() - done, 1U << 30));
    crc = crc32(crc, reinterpret_cast<const Bytef*>(bytes.data() + done), piece);
    done += piece;
  }
  return static_cast<std::uint32_t>(crc);
}

// A cursor over the bytes of an archive; leaving them is an error, never a read.
class Cursor {
 public:
  Cursor(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}
  std::uint64_t number(std::size_t at, int bytes) const {
    const std::string_view field = slice(at, static_cast<std::size_t>(bytes));
    std::uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; --i)
      value = value << 8 | static_cast<unsigned char>(field[static_cast<std::size_t>(i)]);
    return value;
  }
  std::string_view slice(std::size_t at, std::size_t count) const {
    if (at > bytes_.size() || count > bytes_.size() - at) fail(at, "the file ends too early");
    return bytes_.substr(at, count);
  }
  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    throw Error(fmt::format("{}: byte {}: {}; take another checkpoint", where_, at, what));
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  std::string where_;
};

// --- .npy members ---------------------------------------------------------------------------------------------------

std::string npy_bytes(const std::string& name, const Tensor& tensor) {
  std::uint64_t count = 1;
  for (const auto size : tensor.shape) count *= static_cast<std::uint64_t>(size);
  if (count != tensor.values.size()) {
    throw Error(fmt::format("checkpoint: {} has {} values, its shape asks for {}", name, tensor.values.size(), count));
  }
  std::string shape;
  for (const auto size : tensor.shape) shape += fmt::format("{}, ", size);
  std::string header = fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}), }}", shape);
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  put(bytes, header.size(), 2);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(double));
  return bytes;
}

// The text behind 'key': in a header such as {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }.
std::string_view header_value(std::string_view header, std::string_view key) {
  const std::size_t at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return "";
  std::string_view rest = header.substr(at + key.size() + 3);
  while (rest.starts_with(" ")) rest.remove_prefix(1);
  const char close = rest.starts_with("(") ? ')' : ',';
  return rest.substr(0, rest.find(close));
}

template <class T>
void append_values(std::string_view bytes, std::vector<double>& values) {
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    values.push_back(static_cast<double>(value));
  }
}

Tensor parse_npy(const Cursor& member) {
  if (member.slice(0, 6) != "\x93NUMPY") member.fail(0, "not an .npy member");
  const bool long_header = member.number(6, 1) >= 2;
  const std::size_t length = member.number(8, long_header ? 4 : 2), begin = long_header ? 12 : 10;
  const std::string_view header = member.slice(begin, length);
  if (header_value(header, "fortran_order") != "False")
    member.fail(begin, "the array is in Fortran order, expected C order");
  Tensor tensor;
  std::uint64_t count = 1;
  const std::string_view shape = header_value(header, "shape");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < '0' || shape[i] > '9') continue;
    std::uint64_t size = 0;
    for (; i < shape.size() && shape[i] >= '0' && shape[i] <= '9'; ++i) {
      size = size * 10 + static_cast<std::uint64_t>(shape[i] - '0');
      if (size > member.size()) member.fail(begin, "the shape asks for more than the file holds");
    }
    tensor.shape.push_back(static_cast<std::int64_t>(size));
    count *= size;
    if (count > member.size()) member.fail(begin, "the shape asks for more than the file holds");
  }
  const std::string_view type = header_value(header, "descr");
  const std::size_t width = type.size() == 5 && type[4] == '\'' ? static_cast<std::size_t>(type[3] - '0') : 0;
  if (width != 4 && width != 8) member.fail(begin, fmt::format("values of type {}, expected '<f8' or '<f4'", type));
  const std::string_view data = member.slice(begin + length, count * width);
  tensor.values.reserve(count);
  if (type == "'<f8'") append_values<double>(data, tensor.values);
  else if (type == "'<f4'") append_values<float>(data, tensor.values);
  else if (type == "'<i8'") append_values<std::int64_t>(data, tensor.values);
  else if (type == "'<i4'") append_values<std::int32_t>(data, tensor.values);
  else member.fail(begin, fmt::format("values of type {}, expected '<f8' or '<f4'", type));
  return tensor;
}

// --- the zip around them --------------------------------------------------------------------------------------------

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint64_t kUtf8 = 1 << 11, kDate = 0x0021;  // 1 January 1980: equal tensors give equal files

// The fields that the local and the central header share, from "version needed" to the length of the extra field.
void put_common(std::string& out, const std::string& member, std::uint32_t crc, std::uint64_t size) {
  put(out, 20, 2);
  put(out, kUtf8, 2);
  put(out, 0, 2);  // stored
  put(out, 0, 2);
  put(out, kDate, 2);
  put(out, crc, 4);
  put(out, size, 4);
  put(out, size, 4);
  put(out, member.size(), 2);
  put(out, 0, 2);
}

std::string zip_bytes(const Archive& archive, const std::string& path) {
  std::string out, directory;
  for (const auto& [name, tensor] : archive) {
    const std::string member = name + ".npy", bytes = npy_bytes(name, tensor);
    const std::uint32_t crc = checksum(bytes);
    const std::size_t offset = out.size();
    if (out.size() + bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
      throw Error(fmt::format("{}: the checkpoint would exceed 4 GiB at {}; shrink the model", path, name));
    }
    put(out, kLocal, 4);
    put_common(out, member, crc, bytes.size());
    out += member + bytes;
    put(directory, kCentral, 4);
    put(directory, 20, 2);
    put_common(directory, member, crc, bytes.size());
    put(directory, 0, 2);  // comment
    put(directory, 0, 2);  // disk
    put(directory, 0, 2);  // internal attributes
    put(directory, 0, 4);  // external attributes
    put(directory, offset, 4);
    directory += member;
  }
  const std::size_t begin = out.size();
  out += directory;
  put(out, kEnd, 4);
  put(out, 0, 4);  // disks
  put(out, archive.size(), 2);
  put(out, archive.size(), 2);
  put(out, directory.size(), 4);
  put(out, begin, 4);
  put(out, 0, 2);
  return out;
}

std::size_t find_end(const Cursor& file) {
  constexpr std::size_t kLength = 22, kLongestComment = 65535;
  if (file.size() < kLength) file.fail(0, "not an archive (too short)");
  for (std::size_t back = kLength; back <= std::min(file.size(), kLength + kLongestComment); ++back) {
    if (file.number(file.size() - back, 4) == kEnd) return file.size() - back;
  }
  file.fail(file.size(), "not an archive, or truncated (its directory is missing)");
}

// One member by its entry in the directory at `at`; moves `at` to the next entry.
void read_member(const Cursor& file, const std::string& path, std::size_t& at, Archive& archive) {
  if (file.number(at, 4) != kCentral) file.fail(at, "the directory is damaged");
  const std::uint64_t method = file.number(at + 10, 2), crc = file.number(at + 16, 4), size = file.number(at + 24, 4);
  const std::uint64_t name_size = file.number(at + 28, 2), offset = file.number(at + 42, 4);
  std::string name(file.slice(at + 46, name_size));
  at += 46 + name_size + file.number(at + 30, 2) + file.number(at + 32, 2);
  if (method != 0)
    file.fail(at, fmt::format("{} is compressed; write it with numpy.savez, not savez_compressed", name));
  if (file.number(offset, 4) != kLocal)
    file.fail(offset, fmt::format("{} does not begin where the directory says", name));
  const std::size_t begin = offset + 30 + file.number(offset + 26, 2) + file.number(offset + 28, 2);
  const std::string_view bytes = file.slice(begin, size);
  if (checksum(bytes) != crc) file.fail(begin, fmt::format("{} is damaged (another checksum)", name));
  if (name.ends_with(".npy")) name.resize(name.size() - 4);
  archive[name] = parse_npy(Cursor(bytes, path + ": " + name));
}

std::string reason() { return std::strerror(errno); }

bool write_all(int file, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t wrote = write(file, bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return fsync(file) == 0 || errno == EINVAL;
}

}  // namespace

void write_file_atomically(const std::string& path, const std::string& bytes) {
  const std::string temporary = fmt::format("{}.tmp{}", path, getpid());
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) {
    throw Error(fmt::format("{}: cannot be written: {}; make the folder writable or choose another with --out", path,
                            reason()));
  }
  bool good = write_all(file, bytes);
  std::string why = good ? "" : reason();
  if (close(file) != 0 && good) {
    good = false;
    why = reason();
  }
  if (good && rename(temporary.c_str(), path.c_str()) != 0) {
    good = false;
    why = reason();
  }
  if (good) return;
  unlink(temporary.c_str());
  throw Error(fmt::format(
      "{}: cannot be written: {}; what was there before is kept, free space or choose another folder", path, why));
}

std::string read_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw Error(fmt::format("{}: is a folder, expected a file", path));
  if (!in || !(text << in.rdbuf() || in.peek() == EOF)) {
    throw Error(fmt::format("{}: cannot be read: {}", path, errno != 0 ? reason() : "read error"));
  }
  return std::move(text).str();
}

void write_npz(const std::string& path, const Archive& archive) {
  if (archive.size() > 0xFFFF) throw Error(fmt::format("{}: more than 65535 tensors", path));
  write_file_atomically(path, zip_bytes(archive, path));
}

Archive read_npz(const std::string& path) {
  const std::string bytes = read_file(path);
  const Cursor file(bytes, path);
  const std::size_t end = find_end(file);
  const std::uint64_t count = file.number(end + 10, 2);
  std::size_t at = file.number(end + 16, 4);
  Archive archive;
  for (std::uint64_t i = 0; i < count; ++i) read_member(file, path, at, archive);
  return archive;
}

}  // namespace eligo
