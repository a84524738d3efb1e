// Damaged files of a user's own sequences, in every form.
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>

#include "runtime/data/npz_archive.h"
#include "runtime/data/sequences.h"
#include "runtime/tasks/pieces.h"
#include "tests/fuzz/file_target.h"
#include "tests/fuzz/mutate.h"

namespace eligo::fuzz {
namespace {

// The first byte of an input says which form the others are in.
enum Form : char { steps = 'c', lines = 'r', series = 't', archive = 'z', array = 'n' };

const std::vector<std::string>& pieces_of_text() {
  static const std::vector<std::string> pieces = {",", ":",  "\n",    "\"", ";",    "?", "1e400", "nan",
                                                  "-", "x1", "@data", "",   "\r\n", "0", "a"};
  return pieces;
}

std::string text_of(Form form) {
  switch (form) {
    case steps:
      return "sequence,step,x1,x2,y\na,1,0.5,1,\na,2,0.25,-1,up\nb,1,3,0,down\nb,2,1e-3,0,\"d,\"\nc,1,1,2,up\n";
    case lines: return "x1,x2,x3,y\n1,2,3,0.5\n4,5,,1.5\n6,,,2\n";
    default: return "# c\n@problemName p\n@timeStamps false\n@classLabel true a b\n@data\n1,2,3:4,5,6:a\n7,8:9,1:b\n";
  }
}

class SequencesTarget : public FileTarget {
 public:
  std::string input(std::uint64_t seed) override {
    Random random(seed);
    const Form form = random.one_of(std::vector<Form>{steps, lines, series, archive, array});
    if (form == archive || form == array) return std::string(1, form) + bytes(form, random);
    std::string text = text_of(form);
    const TextMutator mutator({text}, pieces_of_text());
    if (!random.chance(10)) mutator.damage(text, random);
    return std::string(1, form) + text;
  }
  int least_accepted() const override { return 5; }

 private:
  std::string bytes(Form form, Random& random) {
    Archive all;
    const auto count = static_cast<std::int64_t>(1 + random.below(4)),
               longest = static_cast<std::int64_t>(1 + random.below(4));
    all["x"] = numbers({count, longest, 2}, random);
    all["y"] = numbers(
        random.chance(50) ? std::vector<std::int64_t>{count} : std::vector<std::int64_t>{count, longest, 1}, random);
    if (random.chance(30)) {
      all["lengths"] = numbers({count}, random);
      for (double& length : all["lengths"].values)
        length = static_cast<double>(random.between(random.chance(5) ? 0 : 1, longest));
    }
    write_npz(folder_ / "whole.npz", all);
    std::ifstream in(folder_ / "whole.npz", std::ios::binary);
    std::string out{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (form == array) {  // the member of x alone: no checksum guards it
      const std::size_t at = out.find("\x93NUMPY", out.find("x.npy"));
      out = out.substr(at, 128 + all["x"].values.size() * 8);
    }
    if (random.chance(80)) damage_bytes(out, random);
    return out;
  }

  static Tensor numbers(std::vector<std::int64_t> shape, Random& random) {
    Tensor tensor{std::move(shape), {}};
    const auto count = std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1}, std::multiplies<>());
    for (std::int64_t i = 0; i < count; ++i) tensor.values.push_back(static_cast<double>(random.between(-9, 9)) / 2);
    return tensor;
  }

  void read(const std::string& path) override {
    std::ifstream in(path, std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const char form = all.empty() ? static_cast<char>(steps) : all[0];
    SequenceFile file;
    const char* ending = form == archive ? "npz" : form == array ? "npy" : form == series ? "ts" : "csv";
    file.path = folder_.write(fmt::format("input.{}", ending), all.empty() ? "" : all.substr(1));
    if (form == lines) file.rows = "sequences";
    if (form == array) file.y = "input.npy";  // itself: a target for each input
    check(read_sequences(file));
  }

  static void check(const Sequences& data) {
    std::vector<std::uint64_t> every(data.lengths.size());
    std::iota(every.begin(), every.end(), std::uint64_t{0});
    const auto pieces = eligo::pieces_of(data, every, 0);
    for (const char* how : {"none", "standard", "range"}) {
      const Batch batch = batch_of(pieces.data(), pieces.size(), scaling_of(how, pieces));
      const auto rows = static_cast<std::size_t>(batch.steps * batch.examples);
      expect(rows > 0 && batch.x.size() == rows * static_cast<std::size_t>(data.x.channels), "a batch of another size");
      expect(batch.y.size() == rows * static_cast<std::size_t>(data.targets()), "targets of another size");
      for (const auto* values : {&batch.y, &batch.loss_mask})
        for (const double value : *values) expect(std::isfinite(value), "a value that is not finite");
    }
  }
};

}  // namespace

std::unique_ptr<Target> make_sequences_target() { return std::make_unique<SequencesTarget>(); }

}  // namespace eligo::fuzz
