// Runs a module's kernel and the evaluator side by side.
#pragma once

#include <random>

#include "build.h"
#include "compiler/codegen/codegen.h"
#include "compiler/loops/evaluate.h"

namespace eligo::testing {

// Random contents for every buffer: reals in [-1, 1], rounded to `dtype`; integers in [0, below).
std::vector<Contents> random_memory(const Module& m, std::int64_t examples, DType dtype, std::mt19937_64& random,
                                    int below = 1);

// Runs the first function as a kernel. Buffers lie between NaN: a read beyond an end that matters shows, a write fails.
void run_kernel(const compiler::Kernels& kernels, const Module& m, DType dtype, std::vector<Contents>& memory,
                std::int64_t examples);

// Compiles for each target that this machine runs and each dtype, and compares with the evaluator.
void check(const Module& m, const std::vector<std::int64_t>& examples, std::uint64_t seed = 1, int below = 1);

// avx512, avx2, baseline: those that run here.
std::vector<std::string> targets_here();

}  // namespace eligo::testing
