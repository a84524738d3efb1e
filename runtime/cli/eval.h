// `eligo eval`: one batch of any rule on the numbers of a file, or a batch of a task as such a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace eligo::cli {

struct EvalOptions {
  std::string case_path, out;  // "-" is the standard output
  std::vector<std::string> rule_folders;
  // In place of the case's own fields.
  std::string rule, cell, readout, synth;
  std::vector<std::string> sizes, hypers, show;  // "n=4", "lambda=0.5", "e"
  std::int64_t window = 0;                       // 0: as the case says, -1: all
  // Instead of a case: the batch of a task, to be written as one.
  std::string task, data, split = "train";
  std::vector<std::string> task_settings;  // "T=5"
  std::uint64_t batch = 10, seed = 0, epoch = 1, number = 1;
};

// Reads the case, runs it, writes what it asks for; or writes a case. Throws eligo::Error or dsl::SourceError; returns
// the exit status.
int eval(const EvalOptions& options);

}  // namespace eligo::cli
