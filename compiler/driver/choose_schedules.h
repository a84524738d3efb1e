// Which schedule each forward recurrence gets: what was asked for, or the cheapest exact one that fits.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/ir/program.h"
#include "compiler/schedule/schedule_choice.h"

namespace eligo::compiler {

struct ScheduleRequest {
  // By recurrence, or "" for all: dense, replay, reverse, auto, or "approximate replay(5)".
  std::map<std::string, std::string> wanted;
  bool dense = false;   // where nothing is asked for, dense instead of the cheapest
  bool online = false;  // no schedule that waits for a sequence's end or keeps all of it
  bool float64 = false;
  std::int64_t batch = 32;  // examples of a typical batch
  std::int64_t steps = 32;  // of a typical sequence
  double memory = 0;        // bytes that a session may take
};

// Elaborates the rule once more: the program as it is without schedules.
using Elaborate = std::function<std::shared_ptr<Program>()>;

// The program with a schedule for each recurrence, ready for the graph's stages. With `table` every schedule of every
// recurrence is costed, not only what the choice needs; its numbers are those of the whole program. Throws eligo::Error
// for a schedule that is unknown, inexact without the word, or impossible, with the reason.
std::shared_ptr<Program> choose_schedules(const Elaborate& elaborate, const ScheduleRequest& request,
                                          std::vector<RecurrenceSchedules>* table = nullptr);

}  // namespace eligo::compiler
