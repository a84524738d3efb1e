// The oracle: the meaning of a program, in float64, in the most obvious way. Evaluates the graph as `instantiate` left
// it, derivatives by forward-mode dual numbers coordinate by coordinate, contractions by their defining sums.
#pragma once

#include "compiler/phase_runner.h"

namespace eligo::compiler {

// The program is not const only because definitions are moved in time as they are needed.
std::unique_ptr<PhaseRunner> make_interpreter(std::shared_ptr<Program> program);

// One node for one example, for tests: leaves come from `where` (float64 memory).
std::vector<double> interpret(Program& program, Ref node, Resolver& where, std::int64_t example);

}  // namespace eligo::compiler
