// metrics.csv: one row at a time, on the disk before the next batch runs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace eligo {

// One row. Values that a row does not have stay empty in the file.
struct MetricsRow {
  std::string variant;
  std::uint64_t seed = 0, epoch = 0;  // epochs count from 1
  std::uint64_t batch = 0;            // batches trained so far
  std::string split;                  // train, validation, test
  double loss = 0;               // summed over the steps, mean over the examples; of the batches since the last row
  std::optional<double> score;   // the task's, such as accuracy in 0..1
  std::optional<double> cosine;  // of what ψ learns with the loss's gradient
  std::optional<double> milliseconds;  // of a training batch
  // Of episodes: the share whose goal was reached, and their steps, mean.
  std::optional<double> success, length;
  // Of a curriculum: the number of the level that was tried, and of the last that had been passed (0: none).
  std::optional<double> option, solved;
};

// What a file has beside the columns of every run.
struct MetricsColumns {
  bool episodes = false;    // success, episode_steps
  bool curriculum = false;  // option
  bool solved = false;      // of a curriculum, unless an older version wrote the file
};

class MetricsFile {
 public:
  // Opens for appending; writes the header if the file is new, of these columns; a file that is there keeps its own. A
  // row that a crash cut short is removed.
  // Throws eligo::Error with the system's reason.
  explicit MetricsFile(std::string path, MetricsColumns columns = {});
  ~MetricsFile();
  MetricsFile(const MetricsFile&) = delete;
  MetricsFile& operator=(const MetricsFile&) = delete;

  // Throws eligo::Error if the row did not reach the file (a full disk); all earlier rows are safe.
  void append(const MetricsRow& row);
  // Each row that is appended from now on is given there too, when the file has it.
  void copy_to(std::function<void(const MetricsRow&)> other) { other_ = std::move(other); }
  // Throws eligo::Error if the rows are not on the disk itself.
  void sync();
  // Takes rows out, in one step; the file is read first. Throws eligo::Error.
  void remove_if(const std::function<bool(const MetricsRow&)>& unwanted);

  const std::string& path() const { return path_; }

 private:
  void open_file();

  std::string path_;
  MetricsColumns columns_;
  int file_ = -1;
  std::function<void(const MetricsRow&)> other_;
};

// All rows of a file. Throws eligo::Error naming the line that cannot be read.
std::vector<MetricsRow> read_metrics(const std::string& path);
// The same of a file's text; `path` is for messages.
std::vector<MetricsRow> parse_metrics(const std::string& text, const std::string& path);
// Replaces a file by these rows in one step.
void write_metrics(const std::string& path, const std::vector<MetricsRow>& rows, MetricsColumns columns = {});

}  // namespace eligo
