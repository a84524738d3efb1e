// The meaning of the loop form, in the slowest and most obvious way: what the kernels are tested against.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/loops/loops.h"

namespace eligo::compiler::loops {

// What a buffer holds; `real` or `integer` is filled according to its element type.
struct Contents {
  std::vector<double> real;
  std::vector<std::int32_t> integer;
};

// Runs `function` over `memory` (one entry per buffer of the module) for `examples` examples.
void evaluate(const Module& module, const Function& function, std::vector<Contents>& memory, std::int64_t examples);

}  // namespace eligo::compiler::loops
