// Measured kernels as tables for people and as JSON for programs.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "runtime/kernels/kernels.h"
#include "support/table.h"

namespace eligo {

// One of several that are measured beside each other; `name` says what is different about it.
struct NamedReport {
  std::string name;
  KernelReport report;
};

// "bptt: cell lstm, ...", what was called, and the machine.
std::string kernel_heading(const KernelReport& report);
// A row for each phase, followed by one for each of its statements; with `top`, of the statements that take most of a
// sequence's time only so many.
Table kernel_table(const KernelReport& report, std::size_t top = 0);
// "12.3 ms in a sequence of 100 steps, 123 µs a step".
std::string kernel_total(const KernelReport& report);
// Time in a sequence by phase, side by side, against the first.
Table comparison_table(const std::vector<NamedReport>& reports);
std::string comparison_heading(const std::vector<NamedReport>& reports);

// All of it, as it is printed.
std::string kernels_text(const std::vector<NamedReport>& reports, std::size_t top = 0);
nlohmann::ordered_json kernels_json(const std::vector<NamedReport>& reports);

// "6x64" numbers, of the nest with the largest tile: rows by columns; "4x2 Σ16" where the vectors lie along a sum.
std::string tile_text(const compiler::StatementCode& code);

// The instructions that a call of a statement executes, by basic block of its code; empty where nothing was counted.
std::vector<double> executed_instructions(const StatementKernel& statement, const compiler::StatementCode& code);

// The statements of this name, or of this equation: phase and statement. Throws eligo::Error where there is none.
struct FoundStatement {
  const PhaseKernel* phase;
  const StatementKernel* statement;
};
std::vector<FoundStatement> find_statements(const KernelReport& report, const std::string& name);
// Their code after a stage: loops, or a form of the backend. Throws eligo::Error for another word.
std::string code_text(const KernelReport& report, const std::string& name, const std::string& stage);

}  // namespace eligo
