// In which order a session calls a program's functions, so that what is needed first is compiled first.
#pragma once

#include <vector>

#include "compiler/ir/manifest.h"
#include "compiler/lower/lower.h"
#include "compiler/timetable/timetable.h"

namespace eligo::compiler {

// Functions of the lowered module, each once: `prepare`, those of a sequence that is learned from as it first calls
// them, and the others that a session may call.
std::vector<int> call_order(const Plan& plan, const Timetable& timetable, const Lowered& lowered);

}  // namespace eligo::compiler
