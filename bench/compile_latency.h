// How long a rule takes to compile: from nothing, and from kernels that an earlier process left on the disk.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "runtime/library/compile.h"

namespace eligo::bench {

struct CompileLatency {
  std::string rule, parts;
  // Seconds in a process that has compiled nothing before, the best of several: until compile() returns, while phases
  // are still being compiled, and until a session is made and has learned from a first batch.
  double cold = 0, cold_batch = 0, warm = 0, warm_batch = 0;
  std::string fault;
};

// On an LSTM of 100 where the rule takes one, each time in a process of its own.
std::vector<CompileLatency> compile_latencies(const std::vector<std::string>& rules, int repeats);
nlohmann::json to_json(const CompileLatency& latency);

// What such a process does: compiles the specification that it reads from a file, learns from a batch, and prints the
// seconds of both.
int compile_once(const std::string& file);

}  // namespace eligo::bench
