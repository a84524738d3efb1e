// What holds of every timetable: each instruction stands where its times are known and where only its own scope is at
// work, each phase is called as it is made to be, and none that has something to do is forgotten.
#pragma once

#include <string>
#include <vector>

#include "compiler/timetable/timetable.h"

namespace eligo::compiler {

// What is wrong, a sentence each; empty: nothing.
std::vector<std::string> verify(const Plan& plan, const Timetable& timetable);

}  // namespace eligo::compiler
