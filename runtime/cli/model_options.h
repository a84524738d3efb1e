// The options that name a rule, its parts and sizes and how it is compiled, in one place for all verbs that take them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/library/program_spec.h"
#include "support/error.h"

namespace eligo::cli {

// Whole numbers of this range. (What an option is converted by takes the nearest that it can hold, or wraps.)
CLI::Validator whole(std::int64_t low, std::int64_t high);
// A number of steps, or -1 for all.
CLI::Validator window_steps();

struct ModelOptions {
  std::string rule, cell, readout, synth, optimiser = "sgd";
  std::vector<std::string> sizes, schedules;  // "n=30", "e=reverse"
  std::string dtype = "f32", cpu = "native", update = "sequence";
  std::int64_t window = 0;  // the rule's n; 0: as the rule says, -1: all
  std::vector<std::string> rule_folders;

  // Throws eligo::Error naming the option that cannot be read.
  ProgramSpec spec() const;
};

// RULE, --cell, --readout, --synth, --size, --window, --schedule, --rules.
void add_rule_options(CLI::App* verb, ModelOptions& options);
// --optimiser, --dtype, --cpu, --update.
void add_compile_options(CLI::App* verb, ModelOptions& options);
void add_rules_option(CLI::App* verb, std::vector<std::string>& folders);
CLI::Option* add_schedule_option(CLI::App* verb, std::vector<std::string>& schedules);

// "n=30" -> n, 30.
std::pair<std::string, std::int64_t> read_size(const std::string& text);
// "e=reverse" -> e, reverse; "reverse" -> for all recurrences.
std::pair<std::string, std::string> read_schedule(const std::string& text);
// "lambda=0.5" into hypers.
std::vector<std::pair<std::string, double>> read_hypers(const std::vector<std::string>& texts);
// "2GiB" -> bytes.
std::uint64_t memory_option(const std::string& text);

}  // namespace eligo::cli
