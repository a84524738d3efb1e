#include "runtime/experiment/event_file.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "support/error.h"
#include "support/files.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "events.out.tfevents.";

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// --- protocol buffers: fields one behind the other, each a number with its kind, then the value ---------------------

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

template <class Bits>
std::string little_endian(Bits bits) {
  std::string out;
  for (std::size_t i = 0; i < sizeof bits; ++i) out += static_cast<char>(bits >> (8 * i));
  return out;
}

enum class Wire : unsigned { varint = 0, eight_bytes = 1, bytes = 2, four_bytes = 5 };

std::string key(unsigned field, Wire kind) { return varint(field << 3 | static_cast<unsigned>(kind)); }
std::string number_field(unsigned field, std::uint64_t v) { return key(field, Wire::varint) + varint(v); }
std::string double_field(unsigned field, double v) {
  return key(field, Wire::eight_bytes) + little_endian(std::bit_cast<std::uint64_t>(v));
}
std::string float_field(unsigned field, float v) {
  return key(field, Wire::four_bytes) + little_endian(std::bit_cast<std::uint32_t>(v));
}
std::string bytes_field(unsigned field, const std::string& v) { return key(field, Wire::bytes) + varint(v.size()) + v; }

// google.protobuf.Value
std::string value_message(const HyperValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return double_field(2, *number);
  if (const auto* flag = std::get_if<bool>(&value)) return number_field(4, *flag ? 1 : 0);
  return bytes_field(3, std::get<std::string>(value));
}

// --- records --------------------------------------------------------------------------------------------------------

// Stored checksums are turned and moved, so that one of bytes that hold checksums is no weak one.
std::uint32_t masked(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8U; }

std::string record(const std::string& content) {
  const std::string length = little_endian(static_cast<std::uint64_t>(content.size()));
  return length + little_endian(masked(length)) + content + little_endian(masked(content));
}

[[noreturn]] void fail(const std::string& path) {
  throw Error(
      fmt::format("{}: cannot be written: {}; what was written before is kept, free space or choose another "
                  "folder, then resume",
                  path, std::strerror(errno)));
}

// By the time, then by a number, so that names are in the order in which the files are made.
std::string new_file(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(fmt::format("{}: the folder cannot be made: {}", folder, error.message()));
  const std::string base = fmt::format("{}/{}{:010}.eligo", folder, kPrefix, std::time(nullptr));
  for (int i = 1;; ++i) {
    const std::string path = fmt::format("{}.{:04}", base, i);
    if (!fs::exists(path, error)) return path;
  }
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      std::uint32_t rest = i;
      for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ (rest & 1 ? 0x82f63b78U : 0);
      entries[i] = rest;
    }
    return entries;
  }();
  std::uint32_t sum = ~0U;
  for (const char c : bytes) sum = sum >> 8 ^ table[(sum ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~sum;
}

EventFile::EventFile(const std::string& folder)
    : path_(new_file(folder)), file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666)) {
  if (!file_) fail(path_);
  add(bytes_field(3, "brain.Event:2"), 0);
}

void EventFile::add(const std::string& content, std::uint64_t step) {
  const std::string bytes = record(double_field(1, now()) + number_field(2, step) + content);
  if (!write_all(file_.number(), bytes.data(), bytes.size())) fail(path_);
}

void EventFile::restart(std::uint64_t step) {
  constexpr std::uint64_t start = 1;
  add(bytes_field(7, number_field(1, start)), step);
}

void EventFile::scalar(const std::string& tag, std::uint64_t step, double value) {
  const std::string one = bytes_field(1, tag) + float_field(2, static_cast<float>(value));
  add(bytes_field(5, bytes_field(1, one)), step);
}

void EventFile::add_hypers(const char* tag, const std::string& content) {
  const std::string plugin = bytes_field(1, "hparams") + bytes_field(2, content);
  const std::string one = bytes_field(1, tag) + bytes_field(9, bytes_field(1, plugin));
  add(bytes_field(5, bytes_field(1, one)), 0);
}

void EventFile::begin_session(const std::string& group, const std::map<std::string, HyperValue>& hypers) {
  std::string start;
  for (const auto& [name, value] : hypers)
    start += bytes_field(1, bytes_field(1, name) + bytes_field(2, value_message(value)));
  start += bytes_field(4, group) + double_field(5, now());
  add_hypers("_hparams_/session_start_info", bytes_field(3, start));
}

void EventFile::end_session(bool success) {
  const std::string end = number_field(1, success ? 1 : 2) + double_field(2, now());
  add_hypers("_hparams_/session_end_info", bytes_field(4, end));
}

bool has_event_files(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), none; !error && it != none; it.increment(error))
    if (it->path().filename().string().starts_with(kPrefix)) return true;
  return false;
}

}  // namespace eligo
