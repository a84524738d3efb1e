// Further forms of metrics.csv, for other programs, as the setting `records` asks for them: metrics.jsonl, the same
// rows as JSON objects, and `tensorboard/`, a folder of events for each variant and seed. metrics.csv stays what a run
// is resumed from: these are brought in line with it whenever a training begins or goes on.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/experiment/event_file.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/metrics.h"
#include "runtime/experiment/run_folder.h"
#include "support/descriptor.h"

namespace eligo {

// What `records` may list.
inline constexpr const char *kJsonLines = "jsonl", *kTensorboard = "tensorboard";

class Records {
 public:
  // Both must outlive it. All members throw eligo::Error if a file cannot be written.
  Records(const RunFolder& folder, const Experiment& experiment);

  // Before the first row of a training, or the next one of a training that goes on after `batches` batches. `score`: what
  // the task calls its score; empty: it has none.
  void begin(std::size_t index, std::uint64_t seed, const std::string& score, std::uint64_t batches);
  // A row that metrics.csv has by now.
  void add(const MetricsRow& row);
  // The training has ended; it may have diverged.
  void end(bool diverged);

 private:
  bool wants(const char* form) const;
  void begin_lines();
  void add_events(const MetricsRow& row);

  const RunFolder& folder_;
  const Experiment& experiment_;
  std::optional<Descriptor> lines_;
  std::optional<EventFile> events_;
  std::string score_;
};

// A row as metrics.jsonl has it, with the line's end.
std::string json_line(const MetricsRow& row);

}  // namespace eligo
