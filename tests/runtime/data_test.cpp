#include <zlib.h>

#include "runtime/data/digits.h"
#include "runtime/data/idx.h"
#include "runtime/data/mnist.h"
#include "temporary.h"

namespace eligo::test {
namespace {

std::string word(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string labels(std::uint32_t count, const std::string& values) { return word(0x00000801) + word(count) + values; }
std::string images(std::uint32_t count, std::uint32_t side) {
  std::string bytes = word(0x00000803) + word(count) + word(side) + word(side);
  for (std::uint32_t i = 0; i < count * side * side; ++i) bytes += static_cast<char>(i % 251);
  return bytes;
}

void write_gzip(const std::string& path, const std::string& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

TEST(Idx, ReadsPlainAndGzippedAlike) {
  const TemporaryFolder folder;
  const std::string plain = folder.write("plain", images(5, 4));
  write_gzip(folder / "packed", images(5, 4));
  const IdxFile a = read_idx(plain, 3), b = read_idx(folder / "packed", 3);
  EXPECT_EQ(a.shape, (std::vector<std::uint64_t>{5, 4, 4}));
  EXPECT_EQ(a.values[17], 17);
  EXPECT_EQ(a.values, b.values);
}

TEST(Idx, ErrorsNameFilePlaceAndMend) {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& bytes, std::size_t dimensions) {
    const std::string path = folder.write("bad", bytes);
    const std::string text = error_of([&] { read_idx(path, dimensions); });
    EXPECT_MENTIONS(text, path);
    return text;
  };
  EXPECT_MENTIONS(message("hello, this is text", 1), "not an IDX file");
  EXPECT_MENTIONS(message(word(0x00000D01) + word(1) + "abcd", 1), "32-bit floats");
  EXPECT_MENTIONS(message(images(2, 2), 1), "3 dimensions, expected 1");
  EXPECT_MENTIONS(message(images(5, 4).substr(0, 60), 3), "truncated or damaged");
  EXPECT_MENTIONS(message(labels(3, "abcd"), 1), "more bytes than the header says");
  EXPECT_MENTIONS(message(labels(0, ""), 1), "dimension 1 is 0");
  EXPECT_MENTIONS(message(word(0x00000801), 1), "the file ends within the header");
  EXPECT_MENTIONS(message("", 1), "ends within the header");
  EXPECT_MENTIONS(error_of([&] { read_idx(folder / "none", 1); }), "cannot be read");
}

// A header that asks for 2^96 bytes must be refused by arithmetic, not by the allocator.
TEST(Idx, AbsurdSizesAreRefusedBeforeAllocation) {
  const TemporaryFolder folder;
  const std::string header = word(0x00000803) + word(0xFFFFFFFF) + word(0xFFFFFFFF) + word(0xFFFFFFFF);
  EXPECT_MENTIONS(error_of([&] { read_idx(folder.write("absurd", header), 3); }), "holds");
  write_gzip(folder / "absurd.gz", header);
  EXPECT_MENTIONS(error_of([&] { read_idx(folder / "absurd.gz", 3); }), "holds");
  // 16 million values fit what a gzip file of this size could hold; the data then end too early.
  write_gzip(folder / "large.gz", word(0x00000801) + word(20000) + std::string(100, 'a'));
  EXPECT_MENTIONS(error_of([&] { read_idx(folder / "large.gz", 1); }), "100 of 20000 bytes");
}

TEST(Idx, DamagedCompressionIsSaid) {
  const TemporaryFolder folder;
  write_gzip(folder / "whole", images(40, 8));
  std::ifstream in(folder / "whole", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const std::string cut = folder.write("cut", bytes.substr(0, bytes.size() - 60));
  EXPECT_MENTIONS(error_of([&] { read_idx(cut, 3); }), "fetch the file again");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
  const std::string wrong = folder.write("wrong", bytes);
  EXPECT_MENTIONS(error_of([&] { read_idx(wrong, 3); }), wrong);
}

TemporaryFolder mnist_folder() {
  TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte", images(20, 28));
  folder.write("train-labels.idx1-ubyte", labels(20, std::string(20, '\x03')));
  write_gzip(folder / "t10k-images-idx3-ubyte.gz", images(4, 28));
  write_gzip(folder / "t10k-labels.idx1-ubyte.gz", labels(4, std::string(4, '\x09')));
  return folder;
}

TEST(Mnist, AllSpellingsOfTheFileNames) {
  const TemporaryFolder folder = mnist_folder();
  const ImageData data = read_mnist(folder.path());
  EXPECT_EQ(data.train.count, 20U);
  EXPECT_EQ(data.test.labels[3], 9);
  EXPECT_EQ(data.train.pixel(0, 1, 2), 30);
  EXPECT_MENTIONS(data.origin, folder.path());
}

TEST(Mnist, FaultsOfTheSet) {
  EXPECT_MENTIONS(error_of([] { read_mnist("/nowhere/at/all"); }), "no such folder");
  const TemporaryFolder folder = mnist_folder();
  const auto message = [&] { return error_of([&] { read_mnist(folder.path()); }); };
  folder.write("train-labels.idx1-ubyte", labels(20, std::string(7, '\x01') + '\x0a' + std::string(12, '\x01')));
  EXPECT_MENTIONS(message(), "byte 15: label 10 of image 7 is out of range");
  folder.write("train-labels.idx1-ubyte", labels(19, std::string(19, '\x01')));
  EXPECT_MENTIONS(message(), "19 labels for the 20 images");
  std::filesystem::remove(folder / "train-labels.idx1-ubyte");
  EXPECT_MENTIONS(message(), "no train-labels-idx1-ubyte");
}

TEST(Digits, AreReproducibleAndOfAllKinds) {
  const ImageSet a = draw_digits(1, "train", 300), b = draw_digits(1, "train", 300), c = draw_digits(2, "train", 300);
  EXPECT_EQ(a.pixels, b.pixels);
  EXPECT_NE(a.pixels, c.pixels);
  std::array<int, 10> count{};
  for (const auto label : a.labels) ++count.at(label);
  for (const int n : count) EXPECT_GT(n, 10);
  double ink = 0;
  for (const auto pixel : a.pixels) ink += pixel;
  EXPECT_GT(ink / static_cast<double>(a.pixels.size()), 10);  // MNIST has 33
  EXPECT_LT(ink / static_cast<double>(a.pixels.size()), 60);
  EXPECT_MENTIONS(drawn_digits(0, 10, 10).origin, "not MNIST");
}

}  // namespace
}  // namespace eligo::test
