#include "runtime/data/mnist.h"

#include <fmt/core.h>

#include <filesystem>

#include "runtime/data/idx.h"
#include "support/error.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

// The first spelling of a file's name that exists, e.g. train-images-idx3-ubyte.gz.
std::string find_file(const fs::path& folder, const std::string& set, const std::string& content) {
  for (const char* joint : {"-", "."}) {
    for (const char* ending : {"", ".gz"}) {
      const fs::path path = folder / (set + "-" + content.substr(0, 6) + joint + content.substr(7) + ending);
      std::error_code error;
      if (fs::is_regular_file(path, error)) return path.string();
    }
  }
  throw Error(
      fmt::format("{}: there is no {}-{} in this folder (nor with .gz); give the folder of the four MNIST files "
                  "with --data, or leave --data out to train on drawn digits",
                  folder.string(), set, content));
}

ImageSet read_set(const fs::path& folder, const std::string& set) {
  const std::string image_path = find_file(folder, set, "images-idx3-ubyte");
  const std::string label_path = find_file(folder, set, "labels-idx1-ubyte");
  IdxFile images = read_idx(image_path, 3);
  IdxFile labels = read_idx(label_path, 1);
  if (images.shape[0] != labels.shape[0]) {
    throw Error(
        fmt::format("{}: {} labels for the {} images of {}; the two files do not belong together, fetch both again",
                    label_path, labels.shape[0], images.shape[0], image_path));
  }
  for (std::uint64_t i = 0; i < labels.values.size(); ++i) {
    if (labels.values[i] <= 9) continue;
    throw Error(fmt::format("{}: byte {}: label {} of image {} is out of range, expected 0 to 9; fetch the file again",
                            label_path, 8 + i, labels.values[i], i));
  }
  return {images.shape[0], images.shape[1], images.shape[2], std::move(images.values), std::move(labels.values)};
}

}  // namespace

ImageData read_mnist(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw Error(
        fmt::format("{}: there is no such folder; give the folder of the four MNIST files with --data", folder));
  }
  ImageData data;
  data.train = read_set(folder, "train");
  data.test = read_set(folder, "t10k");
  if (data.train.rows != data.test.rows || data.train.columns != data.test.columns) {
    throw Error(fmt::format("{}: the training images are {} x {}, the test images {} x {}; they must be of one size",
                            folder, data.train.rows, data.train.columns, data.test.rows, data.test.columns));
  }
  data.origin = fmt::format("{} + {} images of {} x {} from {}", data.train.count, data.test.count, data.train.rows,
                            data.train.columns, folder);
  return data;
}

}  // namespace eligo
