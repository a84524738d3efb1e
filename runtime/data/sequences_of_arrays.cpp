// Arrays of NumPy's formats and IDX files as sequences.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/data/idx.h"
#include "runtime/data/sequence_forms.h"
#include "support/error.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

NumberArray read_idx_array(const std::string& path) {
  const auto owner = std::make_shared<IdxFile>(read_idx(path, 0));
  NumberArray array;
  array.type = NumberArray::Type::u8;
  array.data = reinterpret_cast<const char*>(owner->values.data());
  array.strides.resize(owner->shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = owner->shape.size(); i-- > 0;) {
    array.shape.insert(array.shape.begin(), static_cast<std::int64_t>(owner->shape[i]));
    array.strides[i] = stride;
    stride *= array.shape[0];
  }
  array.owner = owner;
  array.name = path;
  return array;
}

NumberArray read_single(const std::string& path) {
  return fs::path(path).extension() == ".npy" ? read_npy(path) : read_idx_array(path);
}

// "train-labels-idx1-ubyte.gz" of "train-images-idx3-ubyte.gz": how MNIST and its relatives name what belongs together.
std::string labels_of(std::string name) {
  for (const auto& [from, to] : {std::pair{"images", "labels"}, {"idx3", "idx1"}})
    if (const auto at = name.find(from); at != std::string::npos) name.replace(at, std::string_view(from).size(), to);
  return name;
}

// A file beside another; ".npy" may be left out beside an .npy file.
std::string beside(const std::string& path, const std::string& name) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  if (fs::is_regular_file(folder / name, error)) return (folder / name).string();
  const fs::path other = folder / (name + ".npy");
  return fs::path(path).extension() == ".npy" && fs::is_regular_file(other, error) ? other.string() : "";
}

// The arrays of a file, or of files beside it, by what they are for.
class Arrays {
 public:
  explicit Arrays(const SequenceFile& file) : file_(file), archive_(fs::path(file.path).extension() == ".npz") {
    if (archive_) all_ = read_npz_arrays(file.path, {file.x, file.y, file.mask, file.lengths});
  }

  NumberArray inputs() const { return archive_ ? *find("x", file_.x, true) : read_single(file_.path); }
  std::optional<NumberArray> targets() const { return find("y", file_.y, file_.targets_needed); }
  std::optional<NumberArray> optional(const char* option, const std::string& name) const {
    return find(option, name, name != option);  // one that the user named must be there
  }

 private:
  std::optional<NumberArray> find(const char* option, const std::string& name, bool needed) const {
    if (archive_) {
      if (const auto found = all_.arrays.find(name); found != all_.arrays.end()) return found->second;
      if (!needed) return std::nullopt;
      throw Error(fmt::format("{}: there is no array {}{}; task.{} names it", file_.path, name,
                              nearest_of(name, all_.keys), option));
    }
    std::string path = beside(file_.path, name);
    const std::string own = fs::path(file_.path).filename().string(), labels = labels_of(own);
    if (path.empty() && option == std::string("y") && labels != own) path = beside(file_.path, labels);
    if (!path.empty()) return read_single(path);
    if (!needed) return std::nullopt;
    throw Error(fmt::format("{}: there is no file {} beside it; task.{} names it", file_.path, name, option));
  }

  const SequenceFile& file_;
  bool archive_;
  NpzArrays all_;
};

StepValues inputs_of(NumberArray array) {
  if (array.shape.size() != 2 && array.shape.size() != 3)
    throw Error(
        fmt::format("{}: the shape is {}, expected [sequences, steps, inputs], or [sequences, steps] of one input",
                    array.name, array.shape_text()));
  for (const std::int64_t size : array.shape)
    if (size == 0)
      throw Error(fmt::format("{}: the shape is {}: there is nothing in it", array.name, array.shape_text()));
  StepValues x;
  x.channels = array.shape.size() == 3 ? array.shape[2] : 1;
  x.array = std::move(array);
  return x;
}

// [N], [N, k] and [N, 1, k] are one target a sequence; [N, T] and [N, T, k] one each step.
StepValues targets_of(NumberArray array, std::int64_t sequences, std::int64_t steps) {
  const auto wrong = [&] {
    throw Error(
        fmt::format("{}: the shape is {}, expected [{}] or [{}, k] for a target at the last step, [{}, {}] or [{}, {}, "
                    "k] for one at "
                    "every step",
                    array.name, array.shape_text(), sequences, sequences, sequences, steps, sequences, steps));
  };
  const auto& shape = array.shape;
  if (shape.empty() || shape.size() > 3 || shape[0] != sequences) wrong();
  StepValues y;
  y.each_step = shape.size() > 1 && shape[1] == steps && (steps > 1 || shape.size() == 3);
  if (shape.size() == 3 && !y.each_step && shape[1] != 1) wrong();
  y.channels = shape.size() == 1 || (shape.size() == 2 && y.each_step) ? 1 : shape.back();
  if (y.channels == 0) wrong();
  y.array = std::move(array);
  return y;
}

StepValues mask_of(NumberArray array, std::int64_t sequences, std::int64_t steps) {
  if (array.shape != std::vector<std::int64_t>{sequences, steps})
    throw Error(fmt::format("{}: the shape is {}, expected [{}, {}]: a weight for each step", array.name,
                            array.shape_text(), sequences, steps));
  StepValues mask;
  mask.channels = 1;
  mask.array = std::move(array);
  return mask;
}

std::vector<std::int64_t> lengths_of(const NumberArray& array, std::int64_t sequences, std::int64_t steps) {
  if (array.shape != std::vector<std::int64_t>{sequences})
    throw Error(fmt::format("{}: the shape is {}, expected [{}]: the steps of each sequence", array.name,
                            array.shape_text(), sequences));
  std::vector<std::int64_t> lengths;
  for (std::int64_t i = 0; i < sequences; ++i) {
    const double length = array.at(i * array.strides[0]);
    if (!(length >= 1 && length <= static_cast<double>(steps)) || length != std::floor(length))
      throw Error(fmt::format("{}: sequence {} has the length {}, expected a whole number from 1 to {}", array.name,
                              i + 1, length, steps));
    lengths.push_back(static_cast<std::int64_t>(length));
  }
  return lengths;
}

}  // namespace

Sequences sequences_of_arrays(const SequenceFile& file) {
  const Arrays arrays(file);
  Sequences out;
  out.x = inputs_of(arrays.inputs());
  const std::int64_t sequences = out.x.array.shape[0], steps = out.x.array.shape[1];
  if (auto targets = arrays.targets()) out.y = targets_of(std::move(*targets), sequences, steps);
  if (auto mask = arrays.optional("mask", file.mask)) out.mask = mask_of(std::move(*mask), sequences, steps);
  out.lengths.assign(static_cast<std::size_t>(sequences), steps);
  if (const auto lengths = arrays.optional("lengths", file.lengths))
    out.lengths = lengths_of(*lengths, sequences, steps);
  return out;
}

}  // namespace eligo
