// What a rule does with a net and most users would not want: parameters that it leaves out (compiler/frontend/unreached.h).
#pragma once

#include <string>
#include <vector>

#include "runtime/library/program_spec.h"

namespace eligo {

class Program;  // runtime/engine/program.h

// Of a compiled program; one sentence each.
std::vector<std::string> warnings_of(const Program& program);
// The same without kernels. Throws as `compile` does.
std::vector<std::string> warnings_of(const ProgramSpec& spec);

// Parts that are named without a file, and found in the current folder although the library has one of the name, too.
std::vector<std::string> hidden_parts(const ProgramSpec& spec);

}  // namespace eligo
