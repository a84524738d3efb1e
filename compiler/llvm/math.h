// The scalar operations as straight-line IR, on a scalar or on a vector of any width: no library is called, so results
// are the same bits for every vector width, and on every target with fused multiply-add (x86-64-v3 and up, AArch64). A
// target without it multiplies, then adds: other bits, the same bounds below.
//
// Largest errors over the whole range, in units in the last place (measured by tests/llvm/math_test.cpp), NaN,
// infinities, -0 and denormals included:
//
//            exp  log  tanh  sigmoid  softplus  pow  sin, cos  atan  expm1  log1p  erf   sqrt, recip, div
//   f32       2    2    3       3        3       1      1       2      1      2     2    as IEEE: half
//   f64       2    2    3       3        3       2      1       2      1      2     2
//
// Sine and cosine keep theirs for every finite argument, however large.
// Comparisons, step and select treat NaN as C does; max, min and relu propagate it.
#pragma once

#include "compiler/operations/operation.h"
#include "compiler/llvm/types.h"

namespace eligo::compiler::codegen {

llvm::Value* emit_op(Builder& b, const Target& target, Op op, llvm::ArrayRef<llvm::Value*> x);

}  // namespace eligo::compiler::codegen
