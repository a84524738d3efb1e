// What a program's phases cost by the compiler's own counts: the operations and memory of the loops they become.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "compiler/loops/loops.h"
#include "compiler/passes/cost.h"

namespace eligo::compiler {

// Of one run over as many examples as the batch loops say. An operation counts once for each turn of the loops that its
// operands depend on, as if all others were hoisted; an element counts once in each statement that touches it.
Cost cost_of_function(const loops::Function& function);

struct PhaseCost {
  PhaseId phase;
  Cost cost;
};

// Of the statements of one equation in a phase; what several equations share counts with the first that needs it.
struct EquationCost {
  PhaseId phase;
  std::string label;
  Cost cost;
  std::set<std::int64_t> kept;  // sizes of the values that it keeps of each example, its result left out
};

// Lowers the program (in place), whose graph is finished; phases without work are left out.
std::vector<PhaseCost> phase_costs(Program& program, std::int64_t batch);
std::vector<EquationCost> equation_costs(Program& program, std::int64_t batch);

}  // namespace eligo::compiler
