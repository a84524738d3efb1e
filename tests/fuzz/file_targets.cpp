// Damaged files that eligo wrote or reads as they are: checkpoints, IDX files, metrics, entries of the cache.
#include <fmt/core.h>
#include <zlib.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "compiler/driver/executable.h"
#include "compiler/driver/compile.h"
#include "runtime/data/idx.h"
#include "runtime/data/npz_archive.h"
#include "runtime/experiment/metrics.h"
#include "runtime/library/cache.h"
#include "runtime/library/compile.h"
#include "runtime/library/compile_key.h"
#include "tests/fuzz/file_target.h"
#include "tests/fuzz/mutate.h"

namespace eligo::fuzz {
namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void put(std::string& out, std::uint64_t number, int width) {
  for (int i = 0; i < width; ++i) out += static_cast<char>(number >> (8 * i) & 0xFF);
}

std::uint64_t product(const auto& shape) {
  std::uint64_t count = 1;
  for (const auto size : shape) count *= static_cast<std::uint64_t>(size);
  return count;
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

// Zip archives of .npy members, written here so that each field may hold something else while the checksums agree;
// some are damaged afterwards as well.
class NpzTarget : public FileTarget {
 public:
  std::string input(std::uint64_t seed) override {
    Random random(seed);
    std::string out, directory;
    const std::size_t members = random.below(4);
    for (std::size_t i = 0; i < members; ++i) add_member(random, i, out, directory);
    const std::size_t begin = out.size();
    out += directory;
    put(out, 0x06054b50, 4);
    put(out, 0, 4);
    put(out, field(random, members), 2);
    put(out, members, 2);
    put(out, field(random, directory.size()), 4);
    put(out, field(random, begin), 4);
    put(out, 0, 2);
    if (random.chance(40))
      for (std::size_t i = 1 + random.below(3); i > 0; --i) damage_bytes(out, random);
    return out;
  }
  int least_accepted() const override { return 5; }

 private:
  // Mostly the right value.
  static std::uint64_t field(Random& random, std::uint64_t right) {
    if (!random.chance(4)) return right;
    switch (random.below(5)) {
      case 0: return 0;
      case 1: return right + 1;
      case 2: return right - 1;
      case 3: return 0xFFFFFFFF;
      default: return random.bits();
    }
  }

  static std::string npy(Random& random) {
    std::string shape;
    std::uint64_t count = 1;
    for (std::size_t i = random.below(4); i > 0; --i) {
      const std::uint64_t size = random.below(5);
      count *= size;
      shape += fmt::format("{}, ", random.chance(3) ? random.bits() : size);
    }
    const bool odd = random.chance(10);
    const std::string type = random.word({"<f8", "<f8", "<f8", "<f4", "<i8", "<i4"});
    std::string header = fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}), }}",
                                     odd ? random.word({">f8", "|O", "<f2", "<c16", "|b1", "<U3", "", "<f"}) : type,
                                     random.chance(3) ? "True" : "False", shape);
    if (random.chance(5)) header += std::string(random.below(70), ' ');
    header += '\n';
    std::string bytes("\x93NUMPY\x01\x00", 8);
    put(bytes, field(random, header.size()), 2);
    bytes += header;
    for (std::uint64_t i = count * (type[2] == '8' ? 8 : 4); i > 0; --i) bytes += static_cast<char>(random.below(256));
    if (random.chance(4)) damage_bytes(bytes, random);
    return bytes;
  }

  static void add_member(Random& random, std::size_t number, std::string& out, std::string& directory) {
    const std::string name = random.chance(5) ? "w.npy" : fmt::format("w{}{}", number, random.chance(3) ? "" : ".npy");
    const std::string bytes = npy(random);
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
    const std::size_t offset = out.size();
    const auto common = [&](std::string& to) {
      put(to, 20, 2);
      put(to, field(random, 0), 2);
      put(to, field(random, 0), 2);  // stored
      put(to, 0, 4);
      put(to, field(random, crc), 4);
      put(to, field(random, bytes.size()), 4);
      put(to, field(random, bytes.size()), 4);
      put(to, field(random, name.size()), 2);
      put(to, field(random, 0), 2);
    };
    put(out, 0x04034b50, 4);
    common(out);
    out += name + bytes;
    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);
    common(directory);
    put(directory, field(random, 0), 2);
    put(directory, 0, 8);
    put(directory, field(random, offset), 4);
    directory += name;
  }

  void read(const std::string& path) override {
    const Archive archive = read_npz(path);
    for (const auto& [name, tensor] : archive)
      expect(product(tensor.shape) == tensor.values.size(), name + " has not as many values as its shape asks for");
    write_npz(folder_ / "again.npz", archive);
    const Archive again = read_npz(folder_ / "again.npz");
    expect(again.size() == archive.size(), "written and read again there are other tensors");
    for (const auto& [name, tensor] : archive)
      expect(again.at(name).shape == tensor.shape && same(again.at(name).values, tensor.values),
             name + " is another one when written and read again");
  }
};

class IdxTarget : public FileTarget {
 public:
  std::string input(std::uint64_t seed) override {
    Random random(seed);
    const std::size_t dimensions = random.chance(90) ? kDimensions : random.below(6);
    std::string bytes{'\0', '\0', random.chance(95) ? '\x08' : static_cast<char>(random.below(256)),
                      static_cast<char>(dimensions)};
    std::uint64_t count = 1;
    for (std::size_t i = 0; i < dimensions; ++i) {
      const std::uint64_t size = random.chance(3) ? random.bits() & 0xFFFFFFFF : 1 + random.below(12);
      for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 0xFF);
      count *= size;
    }
    for (std::uint64_t i = std::min<std::uint64_t>(count, 2000); i > 0; --i)
      bytes += static_cast<char>(random.below(7));
    if (random.chance(20)) damage_bytes(bytes, random);
    if (random.chance(50)) {
      bytes = packed(bytes);
      if (random.chance(40)) damage_bytes(bytes, random);
    }
    return bytes;
  }
  int least_accepted() const override { return 20; }

 private:
  static constexpr std::size_t kDimensions = 3;

  static std::string packed(const std::string& bytes) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, bytes.size()) + 32, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
  }

  void read(const std::string& path) override {
    const IdxFile file = read_idx(path, kDimensions);
    expect(file.shape.size() == kDimensions && product(file.shape) == file.values.size(),
           "not as many values as the header says");
  }
};

// Rows that are read come back the same when written; a row put behind them is found.
class MetricsTarget : public FileTarget {
 public:
  std::string input(std::uint64_t seed) override {
    Random random(seed);
    const std::string path = folder_ / "whole.csv";
    write_metrics(path, rows(random));
    std::string text = bytes_of(path);
    const TextMutator mutator({text}, {",", "\"", "\n", "\r", "\"\"", "nan", "-1", "1e400", "inf", "0x1p3", "e", "\xFF",
                                       "18446744073709551616", "variant,", ",,", std::string(1, '\0')});
    for (std::size_t i = random.below(3); i > 0; --i) mutator.damage(text, random);
    if (random.chance(20)) text.resize(random.below(text.size() + 1));
    return text;
  }
  bool text() const override { return true; }
  std::string extension() const override { return "csv"; }
  int least_accepted() const override { return 20; }

 private:
  static double any_number(Random& random) {
    if (random.chance(10)) return std::bit_cast<double>(random.bits());
    return static_cast<double>(random.between(-1000, 1000)) / 7;
  }

  static std::vector<MetricsRow> rows(Random& random) {
    std::vector<MetricsRow> all(random.below(6));
    for (MetricsRow& row : all) {
      row.variant = random.word({"BP(0)", "a, b", "say \"so\"", "two\nlines", "", "λ = 0.5", "'"});
      row.seed = random.chance(10) ? random.bits() : random.below(5);
      row.epoch = random.below(100);
      row.batch = random.below(1000);
      row.split = random.word({"train", "validation", "test"});
      row.loss = any_number(random);
      if (random.chance(50)) row.score = any_number(random);
      if (random.chance(50)) row.cosine = any_number(random);
      if (random.chance(50)) row.milliseconds = any_number(random);
    }
    return all;
  }

  static bool same_number(const std::optional<double>& a, const std::optional<double>& b) {
    return a.has_value() == b.has_value() && (!a || *a == *b || (std::isnan(*a) && std::isnan(*b)));
  }
  static bool same_row(const MetricsRow& a, const MetricsRow& b) {
    return a.variant == b.variant && a.seed == b.seed && a.epoch == b.epoch && a.batch == b.batch &&
           a.split == b.split && same_number(a.loss, b.loss) && same_number(a.score, b.score) &&
           same_number(a.cosine, b.cosine) && same_number(a.milliseconds, b.milliseconds);
  }
  static void expect_rows(const std::vector<MetricsRow>& got, const std::vector<MetricsRow>& want, const char* when) {
    expect(got.size() == want.size(), fmt::format("{}: {} rows, not {}", when, got.size(), want.size()));
    for (std::size_t i = 0; i < got.size(); ++i)
      expect(same_row(got[i], want[i]), fmt::format("{}: row {} is another one", when, i + 1));
  }

  void read(const std::string& path) override {
    const bool ends = bytes_of(path).ends_with('\n');
    std::vector<MetricsRow> all = read_metrics(path);
    const std::string copy = folder_ / "input-copy.csv";
    write_metrics(copy, all);
    expect_rows(read_metrics(copy), all, "written and read again");
    MetricsRow more;
    more.variant = "one, more";
    more.split = "test";
    MetricsFile(copy).append(more);
    all.push_back(more);
    expect_rows(read_metrics(copy), all, "with a row behind them");
    if (!ends) return;  // opened for more, a row that is not whole goes
    MetricsFile(path).append(more);
    expect_rows(read_metrics(path), all, "with a row behind those of the damaged file");
  }
};

// An entry is either found as it was put there or not found. Its contents, damaged behind a checksum that agrees, make
// no executable or one that can be packed again.
class CacheTarget : public Target {
 public:
  CacheTarget() {
    Cache(folder_.path()).store(kName, kKey, kContents);
    entry_ = std::filesystem::directory_iterator(folder_.path())->path().string();
    whole_ = bytes_of(entry_);
    packed_ = packed_program();
  }

  std::string input(std::uint64_t seed) override {
    Random random(seed);
    const bool program = random.chance(30);
    std::string bytes = program ? packed_ : whole_;
    for (std::size_t i = 1 + random.below(3); i > 0; --i) damage_bytes(bytes, random);
    return (program ? 'p' : 'e') + bytes;
  }

  End run(const std::string& input) override {
    const std::string bytes = input.substr(std::min<std::size_t>(1, input.size()));
    return input.starts_with('p') ? unpack(bytes) : load(bytes);
  }

  bool text() const override { return false; }
  std::string extension() const override { return "bin"; }

 private:
  static constexpr const char* kName = "small";
  static constexpr const char* kKey = "all that the contents depend on, which is\nthe key";
  static constexpr const char* kContents = "a program, or what stands for one: 0123456789 abcdefghijklmnop";

  End load(const std::string& bytes) {
    std::ofstream(entry_, std::ios::binary | std::ios::trunc) << bytes;
    const auto found = Cache(folder_.path()).load(kName, kKey);
    expect(!found || *found == kContents, "another program is taken for the one that is asked for");
    return found ? End::accepted : End::refused;
  }

  static End unpack(const std::string& bytes) {
    compiler::Executable executable;
    try {
      executable = compiler::unpacked(bytes);
    } catch (const std::runtime_error&) {
      return End::refused;
    }
    compiler::packed(executable);
    return End::accepted;
  }

  static std::string packed_program() {
    test::TemporaryFolder kept;
    ProgramSpec spec;
    spec.rule = "bp_lambda";
    spec.cell = "rnn_tanh";
    spec.readout = "linear_mse";
    spec.synth = "linear";
    spec.sizes = {{"n", 2}, {"m", 2}, {"k", 1}};
    spec.cpu = "baseline";
    spec.cache = kept.path();
    compile(spec);
    compiler::CompileOptions options;
    options.cpu = spec.cpu;
    const std::string contents =
        Cache(kept.path()).load(spec.rule, program_key(spec, compiler::code_version(options))).value();
    compiler::unpacked(contents);
    return contents;
  }

  test::TemporaryFolder folder_;
  std::string entry_, whole_, packed_;
};

}  // namespace

std::unique_ptr<Target> make_npz_target() { return std::make_unique<NpzTarget>(); }
std::unique_ptr<Target> make_idx_target() { return std::make_unique<IdxTarget>(); }
std::unique_ptr<Target> make_metrics_target() { return std::make_unique<MetricsTarget>(); }
std::unique_ptr<Target> make_cache_target() { return std::make_unique<CacheTarget>(); }

}  // namespace eligo::fuzz
