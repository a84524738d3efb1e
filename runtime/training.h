// The training of one variant with one seed: batches, validation, metrics, checkpoints; interrupted and resumed
// anywhere between two batches with the same result, bit for bit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/alignment.h"
#include "runtime/checkpoint.h"
#include "runtime/experiment.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "runtime/session.h"
#include "runtime/tasks/task.h"

namespace eligo {

// What came out. Values that do not apply stay empty.
struct Outcome {
  bool complete = false, diverged = false;
  std::uint64_t epochs = 0, batches = 0;
  double final_loss = 0;                        // of validation after the last epoch; without one, of training
  std::optional<double> final_score;            // the same of the task's score
  std::optional<double> test_loss, test_score;  // with the parameters of the epoch of lowest validation loss
  std::optional<double> cosine;                 // of what ψ learns with the loss's gradient, mean over the epochs
  double milliseconds = 0;                      // of a training batch, mean
};

struct TrainingPlace {
  std::uint64_t seed = 0;
  int threads = 1;
  std::uint64_t memory = 0;
  std::string last_path, best_path;  // checkpoints
  MetricsFile* metrics = nullptr;
  Progress* progress = nullptr;
  std::function<bool()> interrupted;  // asked between batches
};

class Training {
 public:
  Training(const Variant& variant, std::shared_ptr<const Program> program, const Task& task, TrainingPlace place);

  // Goes on where the checkpoint at last_path stands, if there is one.
  void resume();
  // False if it was interrupted; the state is then at last_path.
  bool run();
  const Outcome& outcome() const { return outcome_; }
  // Batches trained when the checkpoint was made, for the metrics' rows to keep.
  std::uint64_t batches() const { return outcome_.batches; }

 private:
  struct Sums {  // since the last row of the metrics
    double loss = 0, examples = 0, score = 0, counted = 0, seconds = 0, batches = 0;
  };

  bool train_epoch();
  void train_batch();
  bool finish_epoch();
  void measure_alignment();
  bool finish();
  bool evaluate(Split split, std::uint64_t count, Sums& sums);
  void add_score(const Batch& batch, Sums& sums) const;
  MetricsRow row(Split split, const Sums& sums) const;
  void log_training();
  void save();
  void show(bool always);
  Archive parameters() const;
  std::string state_text() const;

  const Variant& variant_;
  const Task& task_;
  TrainingPlace place_;
  TaskShape shape_;
  SessionOptions options_;
  std::shared_ptr<const Program> program_;
  Session session_;
  Outcome outcome_;
  std::unique_ptr<AlignmentProbe> probe_;        // made when it is first asked
  std::optional<double> epoch_cosine_;        // after the epoch that has just ended
  double cosine_sum_ = 0, cosine_count_ = 0;  // of the epochs
  std::uint64_t index_ = 0;                   // batches done of the current epoch
  Sums sums_;
  double seconds_ = 0, train_loss_ = 0;  // of all batches; of the last row
  double best_loss_ = 0;
  std::uint64_t best_epoch_ = 0;  // 0: none yet
  Archive best_;
  bool best_saved_ = true;
  std::chrono::steady_clock::time_point saved_, begun_;
  std::uint64_t begun_batches_ = 0;
};

// What a program must show for a variant on a task: the readout's output where the task scores it.
std::vector<std::string> shown_for(const Variant& variant, const Task& task);

}  // namespace eligo
