// run.json of a run folder: what a run's numbers were made by (versions, machines, times) and what its variants took.
// For people and reports alone: no training depends on it, and a folder without it is as good a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace eligo {

struct RunFacts {
  // A stretch of the run: from when the command began until it ended or was interrupted.
  struct Stretch {
    std::string version, processor, system;
    std::uint64_t cores = 0, memory = 0, threads = 0;  // memory in bytes
    std::string began, ended;  // UTC, 2025-01-31T14:25:01Z; what was last written, if the process was killed
  };
  struct Variant {
    std::string name;
    std::uint64_t parameters = 0;     // numbers that are learned or fixed, of the net and all else
    std::uint64_t session_bytes = 0;  // what its training takes, the largest over its seeds
  };
  std::string task;                // one line: what the data are
  std::string score;               // what the task's score counts ("accuracy"); empty: it has none
  bool score_is_share = false;     // in 0..1, shown in per cent
  std::string level;               // what the levels of its curricula are called ("length"); empty: there are none
  std::vector<Stretch> stretches;  // in the order of time
  std::vector<Variant> variants;   // those that have been trained by now
};

// A stretch that begins now, on this machine.
RunFacts::Stretch begin_stretch(std::uint64_t threads);
// Now, as stretches say it.
std::string time_text();

// Of a folder without the file: nothing but empty fields. Throws eligo::Error naming the file and the field that cannot
// be read.
RunFacts read_run_facts(const std::string& path);
// Replaces the file in one step.
void write_run_facts(const std::string& path, const RunFacts& facts);

}  // namespace eligo
