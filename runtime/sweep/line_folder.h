// What there is of a plan's lines: a run folder each, in one folder of them all, and beside it the message of a line
// that failed.
//
//   plan.runs/
//     BP_0-seed0-5be0cd19137e2179/           of `eligo run`, named by the line's digest
//     BP_0-seed1-1f83d9abfb41bd6b.failed     a text
#pragma once

#include <map>
#include <optional>
#include <string>

#include "runtime/sweep/plan.h"

namespace eligo {

// Where the lines of a plan run by default: "plan.runs" of "plan.jsonl".
std::string runs_of(const std::string& plan_path);

std::string folder_of(const PlanLine& line, const std::string& runs);

// A row of the summary of a run, by column; empty cells are left out.
using Summary = std::map<std::string, double>;

enum class LineState { missing, begun, failed, done };

struct LineReport {
  LineState state = LineState::missing;
  Summary summary;      // of a line that is done
  std::string message;  // of one that failed, or whose folder cannot be read
};

// What is on the disk; a folder that another process writes to may be read.
LineReport report_on(const PlanLine& line, const std::string& runs);

// The numbers of the lines that are not done.
std::vector<std::uint64_t> lines_to_do(const Plan& plan, const std::string& runs);
// "3, 5-8, 11"; of more than `most` such pieces the first.
std::string ranges_text(const std::vector<std::uint64_t>& numbers, std::size_t most, const char* between = ", ");

// Keeps, or with an empty message removes, the message of a line that failed. Throws eligo::Error.
void keep_failure(const PlanLine& line, const std::string& runs, const std::string& message);

}  // namespace eligo
