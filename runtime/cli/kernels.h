// `eligo kernels`: a rule's kernels against the bounds of this machine, alone or side by side.
#pragma once

#include <string>
#include <vector>

#include "runtime/cli/model_options.h"

namespace eligo::cli {

struct KernelsArguments {
  ModelOptions model;               // `cpu` may name several: native,avx2
  std::vector<std::string> beside;  // --vs: a rule, or settings such as schedule=P=dense
  std::string phase;
  std::int64_t batch = 32, steps = 100, top = 0;  // top: statements in the tables; 0: all
  std::string statement, stage = "asm";  // print the code of this one instead
  std::string picture, html, json;       // files
};

// Throws eligo::Error or dsl::SourceError; returns the exit status.
int kernels(const KernelsArguments& arguments);

}  // namespace eligo::cli
