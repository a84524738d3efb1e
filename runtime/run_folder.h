// The folder of one run: the resolved experiment, the rule files used, the metrics as they come, checkpoints, the
// picture.
//
//   runs/quick_start-20250131-142501/
//     experiment.toml  metrics.csv  summary.csv  curves.svg  curves.png  rules/  checkpoints/
#pragma once

#include <string>
#include <vector>

namespace eligo {

class RunFolder {
 public:
  // Makes a new folder, its parents included. Throws eligo::Error: it exists and is not empty, or cannot be made or
  // written to.
  static RunFolder create(const std::string& path);
  // runs/NAME-DATE-TIME, with a number behind it if that exists.
  static RunFolder create_fresh(const std::string& name);
  // One that `create` made, to go on with. Throws eligo::Error if it is not one.
  static RunFolder open(const std::string& path);

  const std::string& path() const { return path_; }
  std::string experiment() const { return path_ + "/experiment.toml"; }
  std::string metrics() const { return path_ + "/metrics.csv"; }
  std::string summary() const { return path_ + "/summary.csv"; }
  std::string picture(const std::string& extension) const { return path_ + "/curves." + extension; }
  // The checkpoint of a variant and seed; `what` is "last" or "best".
  std::string checkpoint(const std::string& variant, std::size_t index, std::uint64_t seed,
                         const std::string& what) const;
  // Copies rule files, so that what ran can be read later.
  void keep_rules(const std::vector<std::string>& files) const;

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Letters, digits, dots and dashes of a name, for file names.
std::string file_name(const std::string& name);

}  // namespace eligo
