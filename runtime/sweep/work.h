// One line of a plan, run in this process.
#pragma once

#include <functional>
#include <string>

#include "runtime/sweep/plan.h"

namespace eligo {

struct WorkOptions {
  std::string runs;                                          // the folder of the run folders
  int threads = 0;                                           // where the plan does not say; 0: the machine's
  bool quiet = false;                                        // no progress
  std::function<bool()> interrupted = [] { return false; };  // asked between batches
};

// The exit status of a process that was told to end and saved its line.
inline constexpr int kWorkInterrupted = 130;

enum class WorkEnd { done, was_done, failed, busy, interrupted };

struct WorkResult {
  WorkEnd end;
  std::string message;  // of a line that failed, or is run by another process
};

// Goes on where the line's run folder stands. A line that cannot be run is no exception: its message is kept beside the
// folder, and is in the result.
WorkResult work_on(const Plan& plan, const PlanLine& line, const WorkOptions& options);

// The lines of one call of many: `pack` of them from index * pack on. Throws eligo::Error where there is none.
std::vector<std::uint64_t> lines_of_pack(const Plan& plan, std::uint64_t index, std::uint64_t pack);

}  // namespace eligo
