// What to compile: a rule, its parts and their sizes, and how its kernels are to be made.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace eligo {

enum class Update { step, window, sequence };

// What to compile. Names are of the library, or "file.eli:name", or a path of a file with one such item.
struct ProgramSpec {
  std::string rule, cell, readout, synth;     // readout and synth may stay empty where the rule has no such role;
                                              // several synthesisers: "g=linear, fb=feedback"
  std::map<std::string, std::int64_t> sizes;  // the cell's, readout's and synth's free sizes: n, m, k; or "g.hidden"
  std::map<std::string, std::int64_t>
      header;  // the rule's integers (n = 5); `window` of an experiment is the rule's n; -1 is `all`
  std::string optimiser = "sgd";
  Update update = Update::sequence;
  bool float64 = false;
  bool interpreter = false;    // the oracle instead of compiled kernels
  std::string cpu = "native";  // native, avx512, avx2, baseline, or LLVM's name of a processor
  std::map<std::string, std::string> schedule;  // by recurrence, or "" for all: dense, replay, reverse, auto, or
                                                // "approximate replay(5)"; see compiler/schedule/schedule.h
  // For Session::step: no schedule that waits for a sequence's end or keeps all of it. Unset: if every step updates.
  std::optional<bool> online;
  std::vector<std::string> show;        // equations to keep for reading back after a run
  std::vector<std::string> rule_paths;  // folders searched before the installed library
  std::string cache;                    // object cache folder; empty: the user's; "none": no cache
  std::int64_t batch_hint = 32;         // examples of a typical batch, for choices by cost
  std::int64_t steps_hint = 32;         // steps of a typical sequence
  std::uint64_t memory = 0;             // bytes that a session may take; 0: what the machine has, for such choices
  std::vector<std::string> starts;      // forward recurrences whose value before the first step a batch gives: "P"
  bool valid = false;                   // batches say which steps count: Batch::valid
  bool outputs = false;                 // shows each readout's output, "L.output", as Session::forward returns it
};

}  // namespace eligo
