// Untied depth: tensors with a value for each step. A leaf of one carries the time of its step; a bundle's axis that
// has such a member carries it too, so that what belongs to the parameters of different steps is never added up.
#pragma once

#include <set>

#include "compiler/ir/program.h"

namespace eligo::compiler {

// Makes the axis one of the parameters of this step.
void set_step(Axis& axis, TimeRef step);

// The steps of the per-step tensors (those in `which`, or all if it is empty) that a value depends on when it is
// followed back through the equations of its own step, up to the cuts.
std::set<TimeRef> steps_below(Program& program, const std::vector<Ref>& roots, const std::vector<Ref>& cuts,
                              TimeRef own, const std::set<int>& which);

// The steps whose copies of a parameter the derivatives in a value are by.
std::set<TimeRef> steps_differentiated(Ref root, int parameter);

// Whether a value holds a derivative by parameters that have a value per step, with the parameters' axes.
bool derives_per_step(const Program& program, Ref root);

}  // namespace eligo::compiler
