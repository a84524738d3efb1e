// The ways in which a recurrence can be computed, with what each costs: the table that `eligo explain` prints.
#pragma once

#include <string>
#include <vector>

namespace eligo::compiler {

struct ScheduleChoice {
  std::string name;                  // "dense", "replay", "replay(5)", "reverse"
  double operations = 0, bytes = 0;  // of a step and example; bytes that are moved
  double memory = 0;                 // bytes, of the whole session
  bool exact = false;
  std::string reason;  // why it is refused, or what is not exact about it
  bool chosen = false;
};

struct RecurrenceSchedules {
  std::string name;
  std::vector<ScheduleChoice> choices;
};

}  // namespace eligo::compiler
