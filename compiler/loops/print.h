// The readable form of the loop form, one line per statement:
//
//   buffer 3 h: real[30] batched
//   function forward
//     # h[i] = tanh(Wh[i, j] * h'[j] + bias[i])
//     for b<batch 10>, i<30>: h[b*30 + i] = tanh((Σ j<30>: Wt[j*30 + i] * h_1[b*30 + j]) + bias[i])
//
// It says everything about a module that its kernels depend on (constants to the last bit), so the kernel cache hashes
// it.
#pragma once

#include <string>

#include "compiler/loops/loops.h"

namespace eligo::compiler::loops {

std::string text(const Module& module);
std::string text(const Module& module, const Function& function);
std::string text(const Module& module, const Statement& statement, bool fused = false);  // fused: without its first loop
std::string text(const Module& module, const Statement& statement, const Access& access);

}  // namespace eligo::compiler::loops
