// Sequences of inputs and targets from a user's file: the one form that all formats are brought to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/data/number_array.h"

namespace eligo {

// Values by sequence, step and channel. Either an array [sequence][step][channel], or the rows of all sequences one
// after the other, [row][channel].
struct StepValues {
  NumberArray array;
  std::vector<std::uint64_t> first;  // of the second form: each sequence's first row, and the number of rows
  std::int64_t channels = 0;         // 0: there are none of these values
  bool each_step = true;             // else one value a sequence, and the step is left aside

  bool given() const { return channels != 0; }
  double operator()(std::uint64_t sequence, std::int64_t step, std::int64_t channel) const;
};

enum class TargetKind { real, binary, label };

struct Sequences {
  std::string path;
  std::vector<std::int64_t> lengths;  // steps of each sequence
  StepValues x, y, mask;              // mask has one channel; y may be absent where targets were not asked for
  std::int64_t target_channels = 0;   // of y, or of what y would be
  TargetKind kind = TargetKind::real;
  // Of labels: the values of y that stand for the classes, ascending, and their names.
  std::vector<double> class_values;
  std::vector<std::string> class_names;

  std::uint64_t bytes() const;
  std::int64_t targets() const;  // channels of the target as a net sees it: a label is one-hot
};

struct SequenceFile {
  std::string path;
  // Keys of an .npz file, columns of a table, or, beside an .npy or IDX file, other files of its folder (the labels of
  // ...images-idx3... are found by themselves). Of a table `x`
  // and `y` are lists ("a, b"), or name the beginning that columns share ("x": x1, x2).
  std::string x = "x", y = "y", mask = "mask", lengths = "lengths";
  std::string targets = "auto";       // real, binary, label; auto: by the type of the values
  std::string rows = "steps";         // of a table: a line is a step, or a whole sequence ("sequences")
  std::string sequence = "sequence";  // column of a table that tells sequences apart; without it there is one
  std::string step = "step";          // column of a table that must ascend within a sequence, if it is there
  std::int64_t channels = 1;          // of a table with a sequence a line: inputs of a step
  bool targets_needed = true;         // else a file without them is taken too, where `like` says what they would be
};

// By the file's ending: .npz, .npy, .csv and .tsv, .ts (the time-series archive), else IDX, gzipped or not. All values
// are looked at. Throws eligo::Error naming file, key or column, and the first value's place: missing, another shape
// than expected, not a number, NaN or infinite, lengths out of range. `like`: sequences read before, whose inputs,
// targets and classes these must have.
Sequences read_sequences(const SequenceFile& file, const Sequences* like = nullptr);

}  // namespace eligo
