// What a rule looks like after one of the compiler's stages or passes: `eligo dump --stage`.
#pragma once

#include <string>
#include <vector>

#include "compiler/driver/pipeline.h"
#include "runtime/library/program_spec.h"

namespace eligo {

// How the passes of a specification run, for dumps.
compiler::CompileOptions dump_options(const ProgramSpec& spec);

// parse and check, then those of compiler/driver/dump.h.
std::vector<std::string> stage_names(const ProgramSpec& spec);

// `stage` is one of these, or a pass. Throws eligo::Error for another name, or as `compile` does.
std::string stage_text(const ProgramSpec& spec, const std::string& stage);

}  // namespace eligo
