// The folder of one run: the resolved experiment, copies of all rule files that take part, the metrics as they come,
// checkpoints, the picture. Nothing outside of it but the task's data is needed to go on.
//
//   runs/quick_start-20250131-142501/
//     experiment.toml  metrics.csv  summary.csv  run.json  curves.svg  curves.png  rules/  checkpoints/  run.lock
//     and, as the setting `records` asks for them, metrics.jsonl and tensorboard/
//
// experiment.toml is written last: a folder without it is a set-up that was cut short, and may be set up again. One
// process at a time writes; it holds a lock on the folder and on run.lock, which says who it is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "support/error.h"

namespace eligo {

struct Experiment;

// Another process writes to the folder.
class RunFolderBusy : public Error {
 public:
  using Error::Error;
};

class RunFolder {
 public:
  // Makes a new folder, its parents included, and locks it. Throws eligo::Error: there is a run in it, it is not empty,
  // another process is at it, or it cannot be made or written to.
  static RunFolder create(const std::string& path);
  // runs/NAME-DATE-TIME, with a number behind it if that exists.
  static RunFolder create_fresh(const std::string& name);
  // One that was set up, to go on with: locked, and without what a killed process left half written. Throws eligo::Error
  // if it is not one, cannot be written to, or another process writes to it, which is named.
  static RunFolder open(const std::string& path);
  // The same to be read alone.
  static RunFolder read(const std::string& path);

  // Writes the experiment and copies of its rule files. If that fails, what was made is removed again.
  void set_up(const Experiment& experiment) const;

  const std::string& path() const { return path_; }
  bool locked() const { return lock_ != nullptr; }
  std::string experiment() const { return path_ + "/experiment.toml"; }
  std::string metrics() const { return path_ + "/metrics.csv"; }
  std::string summary() const { return path_ + "/summary.csv"; }
  std::string facts() const { return path_ + "/run.json"; }
  std::string rules() const { return path_ + "/rules"; }
  std::string json_lines() const { return path_ + "/metrics.jsonl"; }
  // The folder of a variant's and seed's events, for TensorBoard.
  std::string events(const std::string& variant, std::size_t index, std::uint64_t seed) const;
  // Who writes to it now, as run.lock has it ("process 7 on host, since ..."); empty: nobody that is known.
  std::string writer() const;
  std::string picture(const std::string& extension) const { return path_ + "/curves." + extension; }
  // The checkpoint of a variant and seed; `what` is "last" or "best".
  std::string checkpoint(const std::string& variant, std::size_t index, std::uint64_t seed,
                         const std::string& what) const;
  // A digest of the experiment, its rules and the variant's name: checkpoints bear it, so that one of other settings is
  // not gone on with.
  std::uint64_t identity(const std::string& variant) const;

 private:
  class Lock;
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  static RunFolder create(const std::string& path, bool is_new);
  std::uint64_t content() const;  // a digest of the experiment and its rules
  std::string path_;
  mutable std::optional<std::uint64_t> content_;  // read once: nobody else writes here
  bool made_ = false;  // the folder itself, not only what is in it
  std::shared_ptr<const Lock> lock_;
};

// Letters, digits, dots and dashes of a name, for file names.
std::string file_name(const std::string& name);

}  // namespace eligo
