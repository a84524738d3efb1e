// Which schedule each forward recurrence gets: what was asked for, or the cheapest exact one that fits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/program.h"
#include "compiler/schedule_choice.h"
#include "runtime/session.h"

namespace eligo {

// The program with a schedule for each recurrence, ready for the graph's stages. With `table` every schedule of every
// recurrence is costed, not only what the choice needs; its numbers are those of the whole program. Throws eligo::Error
// for a schedule that is unknown, inexact without the word, or impossible, with the reason.
std::shared_ptr<compiler::Program> scheduled(const ProgramSpec& spec,
                                             std::vector<compiler::RecurrenceSchedules>* table = nullptr);

}  // namespace eligo
