// What a timetable has beside its instructions: when sequences are interrupted, and which tensors need what.
#pragma once

#include "compiler/timetable/timetable.h"

namespace eligo::compiler {

// All of a timetable but its instructions.
Timetable tables_of(const Plan& plan);

// The phase of a kind that has something to do; -1.
int nonempty(const Plan& plan, PhaseKind kind, PhasePart part = PhasePart::core);

}  // namespace eligo::compiler
