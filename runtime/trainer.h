// Runs an experiment: every variant with every seed, one after the other, into one run folder.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/experiment.h"
#include "runtime/run_folder.h"
#include "runtime/training.h"

namespace eligo {

struct TrainerOptions {
  bool resume = false;                                       // go on with what the folder holds
  bool quiet = false;                                        // no progress
  std::function<bool()> interrupted = [] { return false; };  // asked between batches
};

struct TrainingResult {
  std::string variant;
  std::uint64_t seed = 0;
  Outcome outcome;
};

struct ExperimentResult {
  bool complete = false;                // false: interrupted; everything so far is in the folder
  std::vector<TrainingResult> results;  // of the trainings that ended
};

class Trainer {
 public:
  // Compiles every variant, so that what is wrong with one is said before anything is written or trained. Throws
  // eligo::Error or dsl::SourceError. The experiment must outlive the trainer.
  Trainer(const Experiment& experiment, TrainerOptions options);

  // Trains into the folder and draws the picture. Throws eligo::Error; what was written before is kept.
  ExperimentResult run(const RunFolder& folder);

 private:
  const Task& task(const Variant& variant, std::uint64_t seed);
  bool train(std::size_t index, std::uint64_t seed, const RunFolder& folder, MetricsFile& metrics,
             ExperimentResult& result);

  const Experiment& experiment_;
  TrainerOptions options_;
  Progress progress_;
  std::vector<std::shared_ptr<const Program>> programs_;  // of the variants
  std::set<std::string> warned_;                          // each warning once
  std::map<std::string, std::unique_ptr<Task>> tasks_;    // kept: variants mostly share theirs
};

// The last words: a line for each variant, means over the seeds with their spread.
std::string result_table(const Experiment& experiment, const std::vector<TrainingResult>& results);

}  // namespace eligo
