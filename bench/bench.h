// `eligo bench`: rules beside other implementations of the same, and beside the machine's limits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/library/program_spec.h"
#include "support/error.h"

namespace eligo::bench {

struct BenchOptions {
  std::vector<std::string> rules;  // empty: the suite
  std::vector<std::string> only;   // of the suite: rows whose names contain one of these
  ProgramSpec program;             // parts, sizes, folders of `rules`
  std::map<std::string, double> hypers;
  std::vector<std::int64_t> units = {100};
  std::int64_t batch = 50, steps = 28;
  std::int64_t inputs = 10, targets = 10;
  std::vector<std::string> peers;  // with no rules and none named: all that are here
  bool no_peers = false;
  bool quick = false;
  std::string json, picture, markdown;  // files
  int threads = 1;
};

// Prints the tables as they come. Throws eligo::Error or dsl::SourceError.
int bench(const BenchOptions& options);

}  // namespace eligo::bench
