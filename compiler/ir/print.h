// The textual form of a program: its phases, each root as an equation over labelled indices.
//
//   phase sweep
//     %1[i] = net.h@t[i]^2
//     r@t[j] = sum(1 * L.dL[j], Σ_i (r@t+1[i] * (1 - %1[i]) * net.W[i, j]))
#pragma once

#include <string>

#include "compiler/ir/program.h"

namespace eligo::compiler {

std::string text(const Program& program);
std::string text(const Program& program, Ref node);
// Which tensors there are, how long they are kept, what runs when: the schedule stage.
std::string schedule_text(const Program& program);

}  // namespace eligo::compiler
