// A plan: a file of lines, each one training, complete. What a line says and the rule files of its digest are all that
// its result depends on, so lines may be run anywhere, in any order, by any number of processes.
//
//   {"eligo": "sweep plan", "version": 1, "name": "mine", "lines": 24, "digest": "…"}
//   {"line": 0, "variant": "BP(0)", "seed": 0, "settings": {"rule.lambda": 0.0}, "experiment": "…TOML…",
//    "rules": "…", "digest": "…"}
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/experiment/experiment.h"
#include "runtime/experiment/progress.h"

namespace eligo {

struct PlanLine {
  std::uint64_t number = 0;  // from 0 on
  std::string variant;
  std::uint64_t seed = 0;
  Settings settings;       // in which the plan's lines differ
  std::string experiment;  // TOML, of this variant and seed alone
  std::string rules;       // a digest of the rule files that take part
  std::string digest;      // of experiment and rules: names the line's run folder
};

struct Plan {
  std::string path, name;
  std::vector<PlanLine> lines;
  std::uint64_t repeated = 0;  // lines that were left out since they were there already; of a new plan
  std::vector<std::string> notes;
};

// As plans write it, of any text.
std::string digest(const std::string& text);
std::string digest_of(const PlanLine& line);

// The product of a file's samples, variants (lists and [[compare]] blocks) and seeds. Every line is read back, checked
// and compiled as it will be to run it. Throws eligo::Error or dsl::SourceError; nothing is written.
Plan make_plan(const std::string& path, const ExperimentOptions& options, Progress& progress);

// Replaces a plan by this one in one step. Throws eligo::Error: cannot be written, or there is a file that is no plan.
void write_plan(const Plan& plan, const std::string& path);

// Throws eligo::Error naming the line: no plan, cut short, changed since it was written.
Plan read_plan(const std::string& path);

// One line as an experiment of one variant and seed. Throws eligo::Error.
Experiment experiment_of(const Plan& plan, const PlanLine& line);
// Throws eligo::Error where the rule files that take part are no longer those of the plan.
void check_rules(const PlanLine& line, const Experiment& experiment);

}  // namespace eligo
