// A trained checkpoint on new sequences: outputs and any equation, step by step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/tasks/task.h"

namespace eligo {

struct PredictOptions {
  std::string run;      // the folder
  std::string data;     // a file; empty: the run's own split
  std::string out;      // .npz
  std::string variant;  // may be left out where there is one; so may the seed
  std::optional<std::uint64_t> seed;
  std::string checkpoint = "best";  // or "last"
  Split split = Split::test;        // of the run's own data
  std::vector<std::string> show;    // equations beside the readout's output
  std::uint64_t sequences = 0;      // the first of them; 0: all
};

struct Prediction {
  std::string task;  // one line: what it was made on
  std::uint64_t sequences = 0, epoch = 0;
  bool judged = false;  // there were targets
  double loss = 0;
  std::optional<double> score;
  std::string score_name;
  bool score_is_share = true;
  std::vector<std::string> arrays;  // of the file, with their shapes
};

// Writes `out`: the readout's output and what is shown, each [sequences][steps][...], float64, padded with zeros; `x`
// and, where there are targets, `y` and `loss_mask`; `lengths`. On the run's own test split the loss and score are
// those of the run, to the bit. Throws eligo::Error: no run, no such variant, seed, checkpoint or equation, data of
// another kind.
Prediction predict(const PredictOptions& options);

}  // namespace eligo
