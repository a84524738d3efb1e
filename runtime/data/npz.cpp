#include "runtime/data/npz.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace eligo {
namespace {

static_assert(std::endian::native == std::endian::little, "the archive's numbers are written as they lie in memory");

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kLongEnd = 0x06064b50, kLocator = 0x07064b50;
constexpr std::uint64_t kUtf8 = 1 << 11, kDate = 0x0021;  // 1 January 1980: equal arrays give equal files
constexpr std::uint64_t kShort = 20, kLong = 45;          // versions of the format: without and with long fields
constexpr std::uint64_t kMost = 0xFFFFFFFF, kMostMembers = 0xFFFF;
constexpr std::uint64_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kLongEndBytes = 56, kLocatorBytes = 20;
constexpr std::uint64_t kLongestComment = 0xFFFF, kLongestHeader = 1 << 16, kMostDimensions = 32;
constexpr std::uint64_t kLargestDirectory = 1 << 26;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

std::uint64_t number_at(const std::string& bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i)
    value = value << 8 | static_cast<unsigned char>(bytes.at(at + static_cast<std::size_t>(i)));
  return value;
}

std::uint32_t checksum(std::uint32_t before, const void* data, std::size_t size) {
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

std::size_t width_of(Stored::Type type) { return type == Stored::Type::f64 ? 8 : 4; }

std::string header_of(const std::vector<std::int64_t>& shape, Stored::Type type) {
  std::string text;
  for (const auto size : shape) text += fmt::format("{}, ", size);
  const char* name = type == Stored::Type::f64 ? "<f8" : type == Stored::Type::f32 ? "<f4" : "<i4";
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", name, text);
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  put(bytes, header.size(), 2);
  return bytes + header;
}

// The fields that the local and the central header share, from "version needed" to the length of the extra field.
void put_common(std::string& out, const std::string& member, std::uint32_t crc, std::uint64_t size, bool is_long,
                std::uint64_t extra) {
  put(out, is_long ? kLong : kShort, 2);
  put(out, kUtf8, 2);
  put(out, 0, 2);  // stored
  put(out, 0, 2);
  put(out, kDate, 2);
  put(out, crc, 4);
  put(out, is_long ? kMost : size, 4);
  put(out, is_long ? kMost : size, 4);
  put(out, member.size(), 2);
  put(out, extra, 2);
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
  const std::uint32_t crc = checksum(checksum(0, header.data(), header.size()), values.data, data);
  const bool is_long = size >= long_from_ || offset >= long_from_;
  std::string local;
  eligo::put(local, kLocal, 4);
  put_common(local, member, crc, size, is_long, is_long ? 20 : 0);
  local += member;
  eligo::put(directory_, kCentral, 4);
  eligo::put(directory_, is_long ? kLong : kShort, 2);
  put_common(directory_, member, crc, size, is_long, is_long ? 28 : 0);
  eligo::put(directory_, 0, 2);  // comment
  eligo::put(directory_, 0, 2);  // disk
  eligo::put(directory_, 0, 2);  // internal attributes
  eligo::put(directory_, 0, 4);  // external attributes
  eligo::put(directory_, is_long ? kMost : offset, 4);
  directory_ += member;
  for (std::string* extra : {&local, &directory_}) {
    if (!is_long) break;
    eligo::put(*extra, 1, 2);
    eligo::put(*extra, extra == &local ? 16 : 24, 2);
    eligo::put(*extra, size, 8);
    eligo::put(*extra, size, 8);
    if (extra == &directory_) eligo::put(*extra, offset, 8);
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
    eligo::put(end, kLongEnd, 4);
    eligo::put(end, kLongEndBytes - 12, 8);
    eligo::put(end, kLong, 2);
    eligo::put(end, kLong, 2);
    eligo::put(end, 0, 8);  // disks
    eligo::put(end, members_, 8);
    eligo::put(end, members_, 8);
    eligo::put(end, directory_.size(), 8);
    eligo::put(end, begin, 8);
    eligo::put(end, kLocator, 4);
    eligo::put(end, 0, 4);
    eligo::put(end, at, 8);
    eligo::put(end, 1, 4);
  }
  eligo::put(end, kEnd, 4);
  eligo::put(end, 0, 4);  // disks
  for (int i = 0; i < 2; ++i) eligo::put(end, is_long ? kMostMembers : members_, 2);
  eligo::put(end, is_long ? kMost : directory_.size(), 4);
  eligo::put(end, is_long ? kMost : begin, 4);
  eligo::put(end, 0, 2);
  put(end);
  file_.commit();
}

// --- reading --------------------------------------------------------------------------------------------------------

// One of the directory.
struct NpzReader::Entry {
  std::string name;
  std::uint64_t offset = 0, size = 0;
  std::uint32_t crc = 0;
};

NpzReader::NpzReader(std::string path) : path_(std::move(path)) {
  file_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (file_ < 0 || fstat(file_, &status) != 0)
    throw Error(fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
  try {
    if (S_ISDIR(status.st_mode)) throw Error(fmt::format("{}: is a folder, expected a file", path_));
    if (!S_ISREG(status.st_mode)) throw Error(fmt::format("{}: is no plain file", path_));
    size_ = static_cast<std::uint64_t>(status.st_size);
    std::uint64_t at = 0, end = 0;
    const std::uint64_t count = find_directory(at, end), first = at;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
    for (std::uint64_t i = 0; i < count; ++i) {
      const Entry entry = read_entry(at);
      if (at > end) fail(at, "the directory is damaged");
      if (bytes(entry.offset, kLocalBytes).substr(0, 4) != std::string("PK\x03\x04", 4))
        fail(entry.offset, fmt::format("{} does not begin where the directory says", entry.name));
      const std::string local = bytes(entry.offset, kLocalBytes);
      Array array;
      array.crc = entry.crc;
      array.begin = entry.offset + kLocalBytes + number_at(local, 26, 2) + number_at(local, 28, 2);
      if (array.begin > first || entry.size > first - array.begin)
        fail(entry.offset, fmt::format("{} reaches into the directory", entry.name));
      array.end = array.begin + entry.size;
      places.emplace_back(entry.offset, array.end);
      const std::string name =
          entry.name.ends_with(".npy") ? entry.name.substr(0, entry.name.size() - 4) : entry.name;
      read_header(name, array);
      if (!arrays_.emplace(name, std::move(array)).second) fail(at, fmt::format("there are two of {}", name));
    }
    std::sort(places.begin(), places.end());
    for (std::size_t i = 1; i < places.size(); ++i)
      if (places[i].first < places[i - 1].second) fail(places[i].first, "two members overlap");
  } catch (...) {
    close(file_);
    throw;
  }
}

NpzReader::~NpzReader() { close(file_); }

void NpzReader::fail(std::uint64_t at, const std::string& what) const {
  throw Error(fmt::format("{}: byte {}: {}; take another checkpoint", path_, at, what));
}

std::string NpzReader::bytes(std::uint64_t at, std::uint64_t count) const {
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
std::uint64_t NpzReader::find_directory(std::uint64_t& begin, std::uint64_t& end) const {
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
NpzReader::Entry NpzReader::read_entry(std::uint64_t& at) const {
  const std::string fixed = bytes(at, kCentralBytes);
  if (number_at(fixed, 0, 4) != kCentral) fail(at, "the directory is damaged");
  const std::uint64_t name_size = number_at(fixed, 28, 2), extra_size = number_at(fixed, 30, 2);
  Entry entry;
  entry.name = bytes(at + kCentralBytes, name_size);
  entry.crc = static_cast<std::uint32_t>(number_at(fixed, 16, 4));
  if (number_at(fixed, 10, 2) != 0)
    fail(at, fmt::format("{} is compressed; write it with numpy.savez, not savez_compressed", entry.name));
  std::uint64_t stored = number_at(fixed, 20, 4);
  entry.size = number_at(fixed, 24, 4);
  entry.offset = number_at(fixed, 42, 4);
  const std::string extra = bytes(at + kCentralBytes + name_size, extra_size);
  for (std::size_t i = 0; i + 4 <= extra.size();) {
    const std::size_t length = number_at(extra, i + 2, 2);
    if (length > extra.size() - i - 4) break;
    std::size_t field = i + 4;
    for (std::uint64_t* value : {&entry.size, &stored, &entry.offset}) {
      if (number_at(extra, i, 2) != 1 || *value != kMost || field + 8 > i + 4 + length) continue;
      *value = number_at(extra, field, 8);
      field += 8;
    }
    i += 4 + length;
  }
  if (stored != entry.size) fail(at, fmt::format("{} is stored in another size than it has", entry.name));
  at += kCentralBytes + name_size + extra_size + number_at(fixed, 32, 2);
  return entry;
}

void NpzReader::read_header(const std::string& name, Array& array) const {
  const auto wrong = [&](const std::string& what) { fail(array.begin, fmt::format("{}: {}", name, what)); };
  const std::uint64_t all = array.end - array.begin;
  if (all < 12) wrong("not an .npy member");
  const std::string start = bytes(array.begin, 12);
  if (start.substr(0, 6) != "\x93NUMPY") wrong("not an .npy member");
  const bool long_header = start[6] >= 2;
  const std::uint64_t first = long_header ? 12 : 10, length = number_at(start, 8, long_header ? 4 : 2);
  if (length > kLongestHeader || length > all - first) wrong("its header is longer than the member");
  const std::string header = bytes(array.begin + first, length);
  if (header_value(header, "fortran_order") != "False") wrong("the array is in Fortran order, expected C order");
  const std::string_view type = header_value(header, "descr");
  if (type.size() >= 2) array.type = type.substr(1, type.size() - 2);
  if (decoder(array.type) == nullptr) wrong(fmt::format("values of type {}, expected '<f8' or '<f4'", type));
  array.data = array.begin + first + length;
  const std::uint64_t most = (array.end - array.data) / static_cast<std::uint64_t>(array.type[2] - '0');
  const std::string_view shape = header_value(header, "shape");
  array.count = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < '0' || shape[i] > '9') continue;
    std::uint64_t size = 0;
    for (; i < shape.size() && shape[i] >= '0' && shape[i] <= '9'; ++i)
      if (size <= most) size = size * 10 + static_cast<std::uint64_t>(shape[i] - '0');
    array.shape.push_back(static_cast<std::int64_t>(size));
    if (array.shape.size() > kMostDimensions) wrong("more than 32 dimensions");
    // An empty array's other sizes ask for nothing.
    array.count = size != 0 && array.count > most / size ? most + 1 : array.count * size;
  }
  if (array.count > most) wrong("the shape asks for more than the file holds");
  if (array.count * static_cast<std::uint64_t>(array.type[2] - '0') != array.end - array.data)
    wrong("the member is longer than its shape asks for");
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
  if (array == nullptr) throw Error(fmt::format("{}: {} is missing; take another checkpoint", path_, name));
  const Decode decode = decoder(array->type);
  const auto width = static_cast<std::uint64_t>(array->type[2] - '0');
  const std::string header = bytes(array->begin, array->data - array->begin);
  std::uint32_t crc = checksum(0, header.data(), header.size());
  std::vector<double> values;
  for (std::uint64_t first = 0; first < array->count; first += piece) {
    const std::uint64_t count = std::min(piece, array->count - first);
    const std::string part = bytes(array->data + first * width, count * width);
    crc = checksum(crc, part.data(), part.size());
    values.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = decode(part.data() + i * width);
    take(first, values);
  }
  if (crc != array->crc) fail(array->begin, fmt::format("{} is damaged (another checksum)", name));
}

double NpzReader::number(const std::string& name) const {
  const Array* array = find(name);
  if (array == nullptr || array->count != 1)
    throw Error(fmt::format("{}: {} is missing; this is not the checkpoint of a run", path_, name));
  double value = 0;
  read(name, [&](std::uint64_t, std::span<const double> values) { value = values[0]; });
  return value;
}

}  // namespace eligo
