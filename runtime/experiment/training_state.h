// What a checkpoint says of how far a training has come, beside the session's tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/data/npz.h"

namespace eligo {

// What came out. Values that do not apply stay empty.
struct Outcome {
  bool complete = false, diverged = false;
  std::string divergence;  // where it began: "L.loss at step 5 of example 1 is inf"
  std::uint64_t epochs = 0, batches = 0;
  // With the parameters after the last epoch: of validation; without a validation set, of training.
  double final_loss = 0;
  std::optional<double> final_score;  // the task's, of validation
  // With the parameters after the epoch of lowest validation loss, of episodes of highest return, the first of several;
  // of validation.
  std::uint64_t best_epoch = 0;  // from 1 on; 0: none yet, or the task has no validation set
  double best_loss = 0;
  std::optional<double> best_score;
  std::optional<double> test_loss, test_score;  // with the same; without a validation set, with the last parameters
  // Of episodes, shares whose goal was reached: with the last parameters in validation, with the tested ones in the test.
  std::optional<double> final_success, test_success;
  std::optional<double> cosine;                 // of what ψ learns with the loss's gradient, mean over the epochs
  double milliseconds = 0;                      // of a training batch, mean
  std::uint64_t level = 0;                      // of the curriculum
  std::optional<double> option, solved;         // the number of this level, and of the last that was passed (0: none)
};

struct TrainingState {
  struct Sums {  // since the last row of the metrics
    double loss = 0, examples = 0, score = 0, counted = 0, seconds = 0, batches = 0;
    double successes = 0, lengths = 0;  // of episodes
    void add(const Sums& more);
  };
  Outcome outcome;
  std::uint64_t index = 0;                  // batches done of the current epoch
  double cosine_sum = 0, cosine_count = 0;  // of the epochs
  double seconds = 0, train_loss = 0;       // of all batches; of the last row
  std::uint64_t sequence = 0;    // of the session
  Sums sums;
};

// What the counters of a training's checkpoint must agree with.
struct TrainingLimits {
  std::uint64_t seed = 0, epochs = 0, batches_per_epoch = 0;
  std::uint64_t identity = 0;  // RunFolder::identity
};

void write_state(NpzWriter& to, const TrainingState& state, const TrainingLimits& limits);
// Throws eligo::Error naming what is missing, no number that it could be, or of another training.
TrainingState read_state(const NpzReader& from, const TrainingLimits& limits);
// Whether an array is one of these, none of the session's.
bool is_of_state(const std::string& name);

}  // namespace eligo
