// The text of a program at a point of the pipeline: `eligo dump --stage`.
#pragma once

#include <string>
#include <vector>

#include "compiler/driver/pipeline.h"

namespace eligo::compiler {

// Points with a name of their own, in order: graph, derivatives, simplified, schedule, distributed, timetable, loops, and
// the backend's forms (llvm, asm).
std::vector<std::string> stage_names(const CompileOptions& options);
// Names of passes: the text after each.
std::vector<std::string> pass_names();

// Runs the passes (in place) as far as the stage or pass needs. Throws std::runtime_error for another name.
std::string dump_stage(Program& program, const CompileOptions& options, const std::string& stage);

}  // namespace eligo::compiler
