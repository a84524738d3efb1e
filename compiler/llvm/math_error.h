// The error function. math.h states its error.
#pragma once

#include "compiler/llvm/math_exponential.h"

namespace eligo::compiler::codegen {

// erf(x) = 2/sqrt(π) ∫ exp(-u²) du from 0 to x.
llvm::Value* error_function(Exponential m, Builder& b, llvm::Value* x, bool f32);

}  // namespace eligo::compiler::codegen
