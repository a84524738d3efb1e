// `eligo dump`: what a rule looks like after one of the compiler's stages.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace eligo::cli {

struct DumpOptions {
  std::string rule, cell, readout, synth, optimiser = "sgd";
  std::string stage;                          // parse, graph, derivatives, simplified, schedule, loops, llvm, asm
  std::map<std::string, std::int64_t> sizes;  // n, m, k or g.hidden; those not given are the stage's own choice
  std::string dtype = "f32";                  // f32 or f64
  std::string cpu = "native";
  std::string update = "sequence";  // step, window or sequence
  std::int64_t window = 0;          // the rule's n; 0: as the rule says, -1: all
  std::string out;                  // a file; empty: standard output
  std::vector<std::string> rule_folders;
};

// Throws eligo::Error or dsl::SourceError; returns the exit status.
int dump(const DumpOptions& options);

}  // namespace eligo::cli
