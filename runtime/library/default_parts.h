// Parts with which a rule can be compiled, for commands that were not told which: the first of the library that fit.
#pragma once

#include <string>
#include <vector>

#include "runtime/library/program_spec.h"

namespace eligo {

// The specification with a cell, a readout, a synthesiser for each role and every size filled in where it leaves them
// open, so that it can be instantiated. `cells` are tried before all others. Throws what the first attempt threw if
// nothing fits.
struct FitSizes {            // those that are not given
  std::int64_t units = 3;    // n, hidden
  std::int64_t inputs = 2;   // m
  std::int64_t targets = 2;  // k
  std::int64_t others = 2;
};
ProgramSpec fitting(ProgramSpec spec, const FitSizes& sizes, const std::vector<std::string>& cells = {"rnn_tanh"});

// "cell rnn_tanh, readout linear_mse, synth g=linear", for the user.
std::string parts_text(const ProgramSpec& spec);

}  // namespace eligo
