// Which schedule each forward recurrence gets: what was asked for, or the cheapest exact one that fits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/program.h"
#include "compiler/schedule.h"
#include "runtime/session.h"

namespace eligo {

// One way to compute a recurrence, with the numbers of the whole program when it is computed so.
struct ScheduleChoice {
  compiler::Schedule schedule;
  double operations = 0, bytes = 0;  // of a step and example, on average over a sequence; bytes: moved
  double memory = 0;                 // bytes of a session's arena
  bool exact = true;
  bool possible = true;
  std::string reason;  // why it is not possible, not exact or not chosen
  bool chosen = false;
};

struct RecurrenceSchedules {
  std::string name;
  std::vector<ScheduleChoice> choices;
};

// The program with a schedule for each recurrence, ready for the graph's stages. With `table` every schedule of every
// recurrence is costed, not only what the choice needs. Throws eligo::Error for a schedule that is unknown, inexact
// without the word, or impossible, with the reason.
std::shared_ptr<compiler::Program> scheduled(const ProgramSpec& spec,
                                             std::vector<RecurrenceSchedules>* table = nullptr);

}  // namespace eligo
