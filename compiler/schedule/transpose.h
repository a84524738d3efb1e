// Linear traces walked back instead of carried forward.
//
// A recurrence is recognised from its graph, block by block: each is to be a sum of terms of which some read one block
// of the step before, through products, sums and lazy derivatives only, and leave the columns (the parameters' axes)
// as they are. Cotangents w of what reads it are pulled through those terms; a jvp of the trace becomes a vjp of w, so
// no Jacobian is formed. What is left over, U, meets w where the learn line adds.
//
// Before:  e@t-1 = γλ jvp(s@t-1; s@t-2 := e@t-2) + jac(G@t-1; θ)         gradient.θ += Σ batch δ e@t-1
// After:   w@t = δ + γλ vjp(w@t+1 . s@t+1; s@t)   (phase sweep)          gradient.θ += Σ batch vjp(w@t . G@t; θ)
#pragma once

#include <string>

#include "compiler/ir/program.h"
#include "compiler/schedule/schedule.h"

namespace eligo::compiler {

// Gives a forward recurrence another schedule than dense (before `differentiate`). Returns why it cannot have it, and
// leaves the program as it was; empty if it was done.
std::string transpose(Program& program, int tensor, const Schedule& schedule);

}  // namespace eligo::compiler
