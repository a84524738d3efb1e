#include "runtime/data/idx.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "support/error.h"

namespace eligo {
namespace {

// Deflate cannot shrink anything by more than this factor.
constexpr std::uint64_t kMostCompression = 1032;

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {
    std::error_code error;
    bytes_on_disk_ = std::filesystem::file_size(path_, error);
    if (error) fail(0, fmt::format("cannot be read: {}; check the path and its permissions", error.message()));
    file_.reset(gzopen(path_.c_str(), "rb"));
    if (!file_) fail(0, fmt::format("cannot be opened: {}; check its permissions", std::strerror(errno)));
  }

  [[noreturn]] void fail(std::uint64_t place, const std::string& what) const {
    throw Error(place == 0 ? fmt::format("{}: {}", path_, what) : fmt::format("{}: byte {}: {}", path_, place, what));
  }

  // The largest number of bytes that the file can hold once unpacked.
  std::uint64_t most_bytes() const { return bytes_on_disk_ * (gzdirect(file_.get()) != 0 ? 1 : kMostCompression); }

  std::uint32_t word() {
    std::uint8_t b[4];
    read(b, 4, "the header");
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
  }

  void read(std::uint8_t* to, std::uint64_t count, const char* what) {
    constexpr std::uint64_t kPiece = 1 << 24;
    for (std::uint64_t done = 0; done < count;) {
      const auto wanted = static_cast<unsigned>(std::min(count - done, kPiece));
      const int got = gzread(file_.get(), to + done, wanted);
      if (got < 0) fail(at_ + done, fmt::format("the compressed data are damaged ({}); fetch the file again", reason()));
      done += static_cast<std::uint64_t>(got);
      if (static_cast<unsigned>(got) < wanted) {
        fail(at_ + done,
             fmt::format("the file ends within {} ({} of {} bytes are there); fetch the file again", what, done, count));
      }
    }
    at_ += count;
  }

  void expect_end() {
    std::uint8_t extra = 0;
    const int got = gzread(file_.get(), &extra, 1);
    if (got > 0) fail(at_, "there are more bytes than the header says; is it the right file?");
    if (got < 0) fail(at_, fmt::format("the compressed data are damaged ({}); fetch the file again", reason()));
  }

 private:
  std::string reason() const {
    int code = 0;
    const char* text = gzerror(file_.get(), &code);
    return code == Z_ERRNO ? std::strerror(errno) : text;
  }

  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::string path_;
  std::uint64_t bytes_on_disk_ = 0;
  std::unique_ptr<gzFile_s, Close> file_;
  std::uint64_t at_ = 0;
};

const char* type_name(std::uint32_t type) {
  switch (type) {
    case 0x08: return "unsigned bytes";
    case 0x09: return "signed bytes";
    case 0x0B: return "16-bit integers";
    case 0x0C: return "32-bit integers";
    case 0x0D: return "32-bit floats";
    case 0x0E: return "64-bit floats";
    default: return "an unknown type";
  }
}

}  // namespace

IdxFile read_idx(const std::string& path, std::size_t dimensions) {
  Reader reader(path);
  const std::uint32_t magic = reader.word();
  if (magic >> 16 != 0) {
    reader.fail(0, fmt::format("not an IDX file: it begins with {:08x}, expected 00 00, a type and a number of "
                               "dimensions; is it one of the MNIST files?",
                               magic));
  }
  if ((magic >> 8 & 0xFF) != 0x08) {
    reader.fail(2, fmt::format("the file holds {} (type {:#04x}), expected unsigned bytes (0x08)",
                               type_name(magic >> 8 & 0xFF), magic >> 8 & 0xFF));
  }
  if (dimensions == 0 && (magic & 0xFF) >= 1 && (magic & 0xFF) <= 4) dimensions = magic & 0xFF;
  if ((magic & 0xFF) != dimensions) {
    reader.fail(3, fmt::format("the file has {} dimensions, expected {} ({}); are images and labels exchanged?",
                               magic & 0xFF, dimensions, dimensions == 1 ? "labels" : "images"));
  }
  IdxFile file;
  std::uint64_t total = 1;
  for (std::size_t i = 0; i < dimensions; ++i) {
    const std::uint64_t size = reader.word();
    file.shape.push_back(size);
    if (size == 0) reader.fail(4 + 4 * i, fmt::format("dimension {} is 0: the file holds nothing", i + 1));
    if (size > reader.most_bytes() / total) {
      reader.fail(4 + 4 * i, fmt::format("the header asks for {} values or more, but a file of this size holds {} at "
                                         "most; it is truncated or damaged, fetch it again",
                                         fmt::join(file.shape, " x "), reader.most_bytes()));
    }
    total *= size;
  }
  file.values.resize(total);
  reader.read(file.values.data(), total, dimensions == 1 ? "the labels" : "the images");
  reader.expect_end();
  return file;
}

}  // namespace eligo
