// Archives piece by piece: long fields, values as they lie in memory, and what no archive may claim.

#include "runtime/data/npz.h"
#include "runtime/data/npz_archive.h"
#include "support/text_file.h"
#include "temporary.h"
#include <algorithm>
#include <cstring>

namespace eligo::test {
namespace {

void put(std::string& bytes, std::size_t at, std::uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.at(at + static_cast<std::size_t>(i)) = static_cast<char>(value >> (8 * i));
}

std::vector<double> values_of(const NpzReader& reader, const std::string& name) {
  std::vector<double> all;
  reader.read(name, [&](std::uint64_t first, std::span<const double> some) {
    EXPECT_EQ(first, all.size());
    all.insert(all.end(), some.begin(), some.end());
  });
  return all;
}

// An archive of "a" = 1, 2, 3 as float32, "b" = 4, 5 as int32 and "c" = 0.1.
std::string write(const TemporaryFolder& folder, std::uint64_t long_from) {
  const std::string path = folder / "archive.npz";
  const std::vector<float> a = {1, 2, 3};
  const std::vector<std::int32_t> b = {4, 5};
  NpzWriter writer(path, long_from);
  writer.add("a", {3, 1}, {Stored::Type::f32, a.data(), a.size()});
  writer.add("b", {2}, {Stored::Type::i32, b.data(), b.size()});
  writer.add("c", 0.1);
  writer.commit();
  return path;
}

// Long fields are what an archive beyond 4 GiB has; here from its first, second, ... byte on.
TEST(Npz, LongFieldsSayTheSame) {
  const TemporaryFolder folder;
  for (const std::uint64_t long_from : {NpzWriter::kLongFrom, std::uint64_t{0}, std::uint64_t{150}, std::uint64_t{400}}) {
    const NpzReader reader(write(folder, long_from));
    ASSERT_EQ(reader.arrays().size(), 3U) << long_from;
    EXPECT_EQ(values_of(reader, "a"), (std::vector<double>{1, 2, 3}));
    EXPECT_EQ(reader.find("a")->shape, (std::vector<std::int64_t>{3, 1}));
    EXPECT_EQ(reader.find("a")->type, "<f4");
    EXPECT_EQ(values_of(reader, "b"), (std::vector<double>{4, 5}));
    EXPECT_EQ(reader.number("c"), 0.1);
    EXPECT_MENTIONS(error_of([&] { reader.number("d"); }), "d is missing");
    const std::string script = folder.write(
        "check.py",
        "import sys, zipfile, numpy as np\n"
        "a = np.load(sys.argv[1])\n"
        "assert zipfile.ZipFile(sys.argv[1]).testzip() is None\n"
        "assert a['a'].dtype == np.float32 and a['a'].shape == (3, 1) and a['a'].sum() == 6\n"
        "assert a['b'].dtype == np.int32 and list(a['b']) == [4, 5] and a['c'] == 0.1\n");
    EXPECT_EQ(std::system(("/usr/bin/python3 " + script + " " + reader.path()).c_str()), 0) << long_from;
  }
}

TEST(Npz, LargeArraysComeInPieces) {
  const TemporaryFolder folder;
  std::vector<float> many(200001);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i) / 3;
  NpzWriter writer(folder / "a.npz");
  writer.add("many", {200001}, {Stored::Type::f32, many.data(), many.size()});
  writer.commit();
  const auto back = values_of(NpzReader(folder / "a.npz"), "many");
  ASSERT_EQ(back.size(), many.size());
  EXPECT_TRUE(std::equal(many.begin(), many.end(), back.begin()));
}

TEST(Npz, NothingIsLeftOfAnArchiveThatIsNotFinished) {
  const TemporaryFolder folder;
  const std::string old = folder.write("a.npz", "old");
  { NpzWriter(old).add("x", 1); }
  EXPECT_EQ(read_file(old), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

class Claims : public testing::Test {
 protected:
  void SetUp() override {
    whole = read_file(write(folder, NpzWriter::kLongFrom));
    end = whole.size() - 22;
    for (std::size_t at = whole.find("PK\x01\x02"); at != std::string::npos; at = whole.find("PK\x01\x02", at + 1))
      entries.push_back(at);
    ASSERT_EQ(entries.size(), 3U);
  }
  std::string fault(const std::string& bytes) {
    const std::string path = folder.write("bad.npz", bytes);
    const std::string text = error_of([&] { read_npz(path); });
    EXPECT_TRUE(text.empty() || text.find(path) != std::string::npos) << text;
    return text;
  }
  std::string changed(std::size_t at, std::uint64_t value, int count) {
    std::string bytes = whole;
    put(bytes, at, value, count);
    return fault(bytes);
  }
  TemporaryFolder folder;
  std::string whole;
  std::size_t end = 0;
  std::vector<std::size_t> entries;
};

TEST_F(Claims, MembersMayNotOverlap) {
  // The second entry as the first: the same bytes under another name.
  std::string bytes = whole;
  bytes.replace(entries[1] + 16, 12, whole, entries[0] + 16, 12);
  bytes.replace(entries[1] + 42, 4, whole, entries[0] + 42, 4);
  EXPECT_MENTIONS(fault(bytes), "two members overlap");
  // A first member that reaches over the second.
  bytes = whole;
  const std::uint64_t longer = 400;
  put(bytes, entries[0] + 20, longer, 4);
  put(bytes, entries[0] + 24, longer, 4);
  EXPECT_NE(fault(bytes), "");
}

TEST_F(Claims, NamesAreDistinct) {
  std::string bytes = whole;
  bytes.at(entries[1] + 46) = 'a';
  EXPECT_MENTIONS(fault(bytes), "there are two of a");
}

TEST_F(Claims, SizesLieInTheFile) {
  EXPECT_MENTIONS(changed(entries[2] + 42, 0xFFFFFF00, 4), "the file ends too early");
  EXPECT_NE(changed(entries[2] + 24, 0xFFFFFF00, 4), "");
  EXPECT_NE(changed(entries[0] + 28, 0xFFFF, 2), "");       // a name of 64 KiB
  EXPECT_NE(changed(end + 10, 60000, 2), "");               // more members than the directory has room for
  EXPECT_NE(changed(end + 12, 0x7FFFFFFF, 4), "");          // a directory of 2 GiB
  EXPECT_NE(changed(end + 16, 0xFFFFFFFF, 4), "");          // long fields that are not there
  EXPECT_NE(changed(end + 10, 0xFFFF, 2), "");
}

TEST_F(Claims, HeadersAreShort) {
  const std::size_t header = whole.find("\x93NUMPY");
  EXPECT_MENTIONS(changed(header + 8, 0xFFF0, 2), "longer than the member");
  EXPECT_NE(changed(header + 6, 2, 1), "");  // a header with four bytes of length
  const auto with_shape = [&](const std::string& shape) {
    std::string bytes = whole;
    const std::size_t at = bytes.find("(3, 1, )");
    bytes.replace(at, 8, "        ").replace(bytes.find("'shape': ") + 9, shape.size(), shape);
    return fault(bytes);
  };
  EXPECT_MENTIONS(with_shape("(99999999999999999999, )"), "more than the file holds");
  EXPECT_MENTIONS(with_shape("(4294967296, 4294967297, )"), "more than the file holds");
  EXPECT_MENTIONS(with_shape("(2, )"), "longer than its shape");
  EXPECT_MENTIONS(with_shape("(0, 9999999999999, )"), "longer than its shape");
}

// With the checksums made right, so that nothing else finds it.
TEST_F(Claims, EveryByteMayBeAnything) {
  int read = 0;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const int value : {0x00, 0x7F, 0xFF}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(value);
      const std::string path = folder.write("any.npz", bytes);
      try {
        read_npz(path);
        ++read;
      } catch (const Error&) {}
    }
  EXPECT_GT(read, 0);  // dates and the like
}

}  // namespace
}  // namespace eligo::test
