// Runs an experiment: every variant with every seed, one after the other, into one run folder.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/experiment/experiment.h"
#include "runtime/experiment/records.h"
#include "runtime/experiment/run_facts.h"
#include "runtime/experiment/run_folder.h"
#include "runtime/experiment/training.h"

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
  ScoreForm score;                      // how their scores are told
};

class Trainer {
 public:
  // Compiles every variant and makes its sessions once, so that what is wrong with one, or takes too much memory, is said
  // before anything is written or trained. Throws eligo::Error or dsl::SourceError. The experiment must outlive the
  // trainer. `resumed`: the folder with what has been trained already; what is complete there is not compiled.
  Trainer(const Experiment& experiment, TrainerOptions options, const RunFolder* resumed = nullptr);
  ~Trainer();

  // Trains into the folder and draws the picture. Throws eligo::Error; what was written before is kept. Of a folder that
  // is complete nothing is changed.
  ExperimentResult run(const RunFolder& folder);

 private:
  struct Ready {  // made before it is its turn
    std::size_t index = 0;
    std::uint64_t seed = 0;
    std::unique_ptr<Training> training;
  };
  ScoreForm score();
  // The names of the variants' tasks, and what they are; each once.
  std::vector<std::pair<std::string, std::string>> tasks();
  BatchSource& source(const Variant& variant, std::uint64_t seed);
  std::optional<Outcome> complete(std::size_t index, std::uint64_t seed, const RunFolder& folder);
  void compile_variant(std::size_t index);
  std::unique_ptr<Training> make(std::size_t index, std::uint64_t seed);
  bool train(std::size_t index, std::uint64_t seed, const RunFolder& folder, MetricsFile& metrics, Records& records,
             ExperimentResult& result);
  void begin_facts(const RunFolder& folder);
  void note_facts(std::size_t index, const Training& training, const RunFolder& folder);
  void warn_of_lost_rows(const Variant& variant, std::uint64_t seed, const Outcome& outcome, const RunFolder& folder);

  const Experiment& experiment_;
  TrainerOptions options_;
  Progress progress_;
  std::vector<std::shared_ptr<const Program>> programs_;  // of the variants; null: complete
  std::set<std::string> warned_;                          // each warning once
  Ready ready_;
  RunFacts facts_;
  std::map<std::string, std::unique_ptr<BatchSource>> sources_;  // kept: variants mostly share theirs
};

// The program that trains a variant, with what its task's score needs shown.
ProgramSpec program_for(const Experiment& experiment, const Variant& variant, const BatchSource& source);

// Of an experiment: as many as it says, or the machine has.
int thread_count(const Experiment& experiment);

// Whether there is nothing left to do in a run's folder: every training is complete, and the pictures are drawn. Throws
// eligo::Error if a checkpoint cannot be read.
bool is_complete(const Experiment& experiment, const RunFolder& folder);

// The last words: a line for each variant, means over the seeds with their standard errors.
std::string result_table(const Experiment& experiment, const std::vector<TrainingResult>& results,
                         const ScoreForm& form);

}  // namespace eligo
