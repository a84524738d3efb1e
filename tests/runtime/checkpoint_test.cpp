
#include "runtime/data/npz_archive.h"
#include "support/text_file.h"
#include "temporary.h"
#include <cmath>
#include <limits>

namespace eligo::test {
namespace {

Archive sample() {
  return {{"net.W", {{2, 3}, {1, -2, 3.5, 1e-300, 1e300, 0.1}}},
          {"net.h[start]", {{1}, {7}}},
          {"optimiser.θ.m", {{0}, {}}},
          {"progress.epochs", {{}, {12}}},
          {"special", {{4}, {0.0, -0.0, std::numeric_limits<double>::infinity(), std::nan("")}}}};
}

TEST(Npz, RoundTripIsExact) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.npz";
  write_npz(path, sample());
  const Archive back = read_npz(path);
  ASSERT_EQ(back.size(), 5U);
  for (const auto& [name, tensor] : sample()) {
    EXPECT_EQ(back.at(name).shape, tensor.shape) << name;
    ASSERT_EQ(back.at(name).values.size(), tensor.values.size()) << name;
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(back.at(name).values[i]), std::bit_cast<std::uint64_t>(tensor.values[i]))
          << name;
    }
  }
  const std::string again = folder / "b.npz";
  write_npz(again, back);
  EXPECT_EQ(read_file(path), read_file(again));  // equal tensors, equal files
}

// /usr/bin/python3 has Debian's numpy.
TEST(Npz, NumpyReadsAndWritesIt) {
  const TemporaryFolder folder;
  write_npz(folder / "a.npz", sample());
  const std::string script =
      folder.write("check.py",
                   "import sys, numpy as np\n"
                   "a = np.load(sys.argv[1])\n"
                   "assert a['net.W'].shape == (2, 3) and a['net.W'][1, 2] == 0.1\n"
                   "assert a['optimiser.θ.m'].shape == (0,) and a['progress.epochs'].shape == ()\n"
                   "assert a['net.h[start]'][0] == 7 and np.isnan(a['special'][3])\n"
                   "np.savez(sys.argv[2], f=np.arange(6, dtype=np.float32).reshape(3, 2), i=np.int64(5))\n"
                   "np.savez_compressed(sys.argv[3], f=np.zeros(100))\n");
  const std::string command =
      "/usr/bin/python3 " + script + " " + (folder / "a.npz") + " " + (folder / "b.npz") + " " + (folder / "c.npz");
  ASSERT_EQ(std::system(command.c_str()), 0);
  const Archive back = read_npz(folder / "b.npz");
  EXPECT_EQ(back.at("f").shape, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(back.at("f").values[5], 5);
  EXPECT_EQ(back.at("i").values[0], 5);
  EXPECT_MENTIONS(error_of([&] { read_npz(folder / "c.npz"); }), "is compressed");
}

TEST(Npz, DamageIsFoundWhereverItIs) {
  const TemporaryFolder folder;
  write_npz(folder / "a.npz", {{"w", {{3}, {1, 2, 3}}}});
  const std::string whole = read_file(folder / "a.npz");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = folder.write("cut.npz", whole.substr(0, size));
    EXPECT_MENTIONS(error_of([&] { read_npz(cut); }), cut);
  }
  int unnoticed = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    const std::string bad = folder.write("bad.npz", bytes);
    try {
      const Archive back = read_npz(bad);
      if (back.contains("w") && back.at("w").values != std::vector<double>{1, 2, 3}) ++unnoticed;
    } catch (const Error&) {}
  }
  EXPECT_EQ(unnoticed, 0);
  EXPECT_MENTIONS(error_of([&] { read_npz(folder / "none.npz"); }), "cannot be read");
  EXPECT_MENTIONS(error_of([&] { read_npz(folder.path()); }), "is a folder");
}

TEST(Npz, ShapesMustFit) {
  const TemporaryFolder folder;
  EXPECT_MENTIONS(error_of([&] {
                    write_npz(folder / "a.npz", {{"w", {{2, 2}, {1}}}});
                  }),
                  "w has 1 values, its shape asks for 4");
}

TEST(AtomicWrite, KeepsTheOldFileWhereItCannotWrite) {
  const TemporaryFolder folder;
  EXPECT_MENTIONS(error_of([&] { write_file_atomically(folder / "no/such/file", "x"); }), "cannot be written");
  const std::string path = folder.write("a", "old");
  write_file_atomically(path, "new");
  EXPECT_EQ(read_file(path), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);  // no temporary file stays
  EXPECT_EQ(read_file(folder.write("empty", "")), "");
}

}  // namespace
}  // namespace eligo::test
