// `eligo explain RULE`: what the compiler makes of a rule. For each equation how its values are structured, where and
// how often it is computed, what that costs and what bounds it; for each recurrence the schedules that it could have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/schedule/schedule_choice.h"
#include "runtime/library/program_spec.h"

namespace eligo {

// Operations that a core does in the time in which it moves a byte: from its caches, and from memory.
struct Balance {
  double cache = 1, memory = 8;
  std::int64_t cache_bytes = 1 << 20;  // what the caches of a core hold
  std::string source = "nominal, a core with 512-bit multiply-adds";
};

struct ExplainOptions {
  ProgramSpec spec;  // parts and sizes that are not given are chosen
  std::int64_t batch = 32, steps = 100;
  std::uint64_t memory = 0;  // bytes that a session may take; 0: what the machine has
  Balance balance;
};

// What is computed together, at one occasion.
struct Work {
  std::string when;
  std::vector<std::string> phases;
  double operations = 0, bytes = 0;  // of one time and example; of an update of all
  double intensity = 0;              // operations a byte
  bool by_memory = false;            // what bounds it
};

struct EquationReport {
  std::string group;  // net, rule, update
  std::string name, text, shape, remark;
  std::vector<std::pair<std::string, std::string>> structure;  // block (may be empty) and formula
  std::vector<std::string> shared;                             // tensors in it that all examples share
  std::vector<std::string> readers;                            // where its right side stands, if it has no work
  std::vector<Work> work;
};

// Statements of a phase that run together, a part of a loop that they share at a time; or, without statements, that its
// statements run one after another.
struct LoopsReport {
  std::string phase;
  std::vector<std::string> lines;  // whose statements they are
  int statements = 0, shrunk = 0;  // shrunk: scratch buffers that hold what a part needs only
  std::int64_t extent = 0, at_a_time = 0, examples = 0;  // examples at a time; 0: all
  double handed_on = 0;                                  // bytes that statements leave for each other in a call
};

struct Explanation {
  std::string rule, parts, sizes, headline;
  std::int64_t batch = 0, steps = 0;
  bool float64 = false;
  std::vector<EquationReport> equations;
  std::vector<compiler::RecurrenceSchedules> recurrences;
  std::vector<LoopsReport> loops;
  double fused_from = 0;  // bytes that statements have to hand each other before they run together
  std::vector<Work> totals;  // by occasion, the net's and the rule's together
  double memory = 0;         // bytes of the session
  std::vector<std::string> warnings;  // see runtime/library/warnings.h
  Balance balance;
};

// Throws as `compile` does.
Explanation explain(const ExplainOptions& options);

// The tables of the recurrences alone.
std::string schedules_text(const std::vector<compiler::RecurrenceSchedules>& recurrences);
std::string explain_text(const Explanation& explanation);
std::string explain_json(const Explanation& explanation);

}  // namespace eligo
