// Parameters that a rule leaves out: what they do to the loss reaches no learn line, or only a part of it does.
//
// A recurrent net's parameters act on the loss through the state. A cell's `output` line may have parameters of its own,
// behind the state; d(s[t])/d(ψ) does not see those, so a rule learns them by d(L[t])/d(ψ | s[t]) or not at all. Both
// questions below are answered by the structure of the graph, whatever the rule writes.
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

// Before derivatives are taken: parameters with a way to the loss of their step that leads around the state, while no
// derivative that the rule takes by them follows it. `state` and `loss` are the rule's words, for the suggestion.
void note_unfollowed(Program& program, const std::string& state, const std::string& loss);

// After simplification: parameters for which nothing is left to gather, and those without a learn line whose role
// learns others.
void note_unlearned(Program& program);

}  // namespace eligo::compiler
