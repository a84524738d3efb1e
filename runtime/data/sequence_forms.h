// The readers of single forms behind read_sequences (sequences.h). Each fills lengths, x, y and mask; classes too where
// labels are texts. What all forms have in common is checked by read_sequences.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/data/sequences.h"

namespace eligo {

Sequences sequences_of_arrays(const SequenceFile& file);       // .npz, .npy, IDX
Sequences sequences_of_table(const SequenceFile& file);        // .csv, .tsv
Sequences sequences_of_time_series(const SequenceFile& file);  // .ts

// Values in memory as rows of so many channels.
StepValues rows_of(std::vector<double> values, std::int64_t channels, std::vector<std::uint64_t> first,
                   std::string name);
// One value for each sequence.
StepValues value_each(std::vector<double> values, std::int64_t channels, std::string name);
// "; did you mean labels?" or "; there are a, b"
std::string nearest_of(const std::string& name, const std::vector<std::string>& names);
// A finite number that is all of the text.
bool read_number(const std::string& text, double& value);

// Labels that are texts: numbered as they come, and in the order of their names in the end.
class LabelNames {
 public:
  double number(const std::string& text) {
    return numbers_.try_emplace(text, static_cast<double>(numbers_.size())).first->second;
  }
  bool empty() const { return numbers_.empty(); }
  // Makes each number the rank of its text, and the texts the classes.
  void finish(std::vector<double>& numbers, Sequences& out) const;

 private:
  std::map<std::string, double> numbers_;
};

}  // namespace eligo
