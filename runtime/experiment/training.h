// The training of one variant with one seed: batches, validation, metrics, checkpoints; interrupted and resumed
// anywhere between two batches with the same result, bit for bit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/engine/session.h"
#include "runtime/experiment/alignment.h"
#include "runtime/experiment/batch_source.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/metrics.h"
#include "runtime/experiment/progress.h"
#include "runtime/experiment/training_state.h"

namespace eligo {

struct TrainingPlace {
  std::uint64_t seed = 0;
  int threads = 1;
  std::uint64_t memory = 0;          // of this training, all that it takes
  double share = 1;                  // of it, for the trained session; the rest is for those that measure it
  Progress* progress = nullptr;
  std::function<bool()> interrupted;  // asked between batches
  MetricsFile* metrics = nullptr;
  std::string last_path, best_path;  // checkpoints
  std::uint64_t identity = 0;        // RunFolder::identity
};

class Training {
 public:
  // Throws eligo::Error: it would take more memory than it may.
  Training(const Variant& variant, std::shared_ptr<const Program> program, BatchSource& source, TrainingPlace place);

  // Where its rows and checkpoints go, before it runs.
  void put_into(MetricsFile& metrics, std::string last_path, std::string best_path, std::uint64_t identity = 0);
  // Goes on where the checkpoint at last_path stands, if there is one.
  void resume();
  // False if it was interrupted; the state is then at last_path.
  bool run();
  const Outcome& outcome() const { return state_.outcome; }
  // How many numbers the program has as parameters.
  std::uint64_t parameters() const;
  // Bytes that its session takes, those that measure it left out.
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(session_.bytes()); }

 private:
  using Sums = TrainingState::Sums;

  void make_probe();
  bool train_epoch();
  void train_batch();
  bool finish_epoch();
  bool has_ended() const;
  bool out_of_patience() const;
  void keep_if_best(const Sums& validation);
  void rise(bool batch, double loss, const std::optional<double>& score);
  void measure_alignment();
  bool finish();
  void diverge(const std::optional<NonFinite>& found, const std::string& when);
  bool evaluate(Split split, std::uint64_t count, Sums& sums);
  void add_score(const Batch& batch, Sums& sums) const;
  MetricsRow row(Split split, const Sums& sums) const;
  void log_training();
  void show(bool always);
  std::string state_text() const;

  // training_checkpoint.cpp
  void save();
  void save_best();
  void take_best();
  void exchange_best();

  const Variant& variant_;
  BatchSource& source_;
  TrainingPlace place_;
  TaskShape shape_;
  SessionOptions options_;
  std::shared_ptr<const Program> program_;
  Session session_;
  std::optional<ScheduledRates> rates_;
  std::unique_ptr<AlignmentProbe> probe_;
  TrainingState state_;
  std::optional<double> epoch_cosine_;  // after the epoch that has just ended
  // The parameters of the epoch of lowest validation loss, as they lie in the session's memory, in the order of its
  // tensors.
  std::vector<std::vector<std::byte>> best_;
  bool best_saved_ = true;
  std::chrono::steady_clock::time_point saved_, begun_;
  double save_every_ = 0;  // seconds
  std::uint64_t begun_batches_ = 0;
};

// Throws eligo::Error: it is to learn step by step, and its program cannot.
void check_by_step(const Variant& variant, const Session& session);

// What the counters of a checkpoint are held against.
TrainingLimits limits_of(const Variant& variant, const BatchSource& source, std::uint64_t seed,
                         std::uint64_t identity);

// A checkpoint's tensors into a session. All must be there, of their sizes: else eligo::Error.
void restore_tensors(const NpzReader& from, Session& session, bool parameters_only);

// What a session shows of the steps of a batch, without the row at start.
Session::Shown shown_steps(const Session& session, const std::string& name, std::int64_t steps);

// What a program must show for a variant on a task: the readout's output where the task scores it.
std::vector<std::string> shown_for(const Variant& variant, const BatchSource& source);

}  // namespace eligo
