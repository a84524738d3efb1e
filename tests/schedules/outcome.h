// What two batches teach and leave behind under a schedule, to be held against another schedule's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/oracle/nets.h"

namespace eligo::test {

struct Outcome {
  std::string refusal;  // why the schedule was refused; then the rest is empty
  double loss = 0;
  std::map<std::string, std::vector<double>> numbers;  // "gathered g.A", "g.A", keep values, "shown e"
};

// Unequal lengths and masks; parameters move, so that the second batch starts from what the first one left.
Outcome outcome(const ProgramSpec& spec, const Shape& shape, int threads = 1);

// The largest difference of any of them, relative to its own largest number; `where` says which. Infinite if they do
// not hold the same names.
double apart(const Outcome& got, const Outcome& want, std::string* where = nullptr);

// A specification in float64 with every size that rule, cell and synthesiser have.
ProgramSpec small(const std::string& rule, const std::string& cell, const std::string& synth = "linear",
                  std::int64_t units = 3);
ProgramSpec with(ProgramSpec spec, const std::string& schedule, bool interpreter = false);

}  // namespace eligo::test
