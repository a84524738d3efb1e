// Exponentials, logarithms and what is made of them. math.h states the errors.
#pragma once

#include "compiler/llvm/math_arithmetic.h"

namespace eligo::compiler::codegen {

class Exponential : public Arithmetic {
 public:
  struct Format;  // constants of f32 or f64

  Exponential(Builder& builder, const Target& target, llvm::Type* type);

  Value* exp(Value* x) { return exp_of_sum(x, nullptr); }
  Value* log(Value* x);
  Value* tanh(Value* x);
  Value* sigmoid(Value* x);
  Value* softplus(Value* x);
  Value* pow(Value* x, Value* y);
  Value* expm1(Value* x);
  Value* log1p(Value* x);

 private:
  struct Split {
    Value *mantissa, *exponent;  // x = mantissa * 2^exponent, mantissa in [sqrt(1/2), sqrt(2)); both reals
    Value* n;                    // the exponent as an integer
  };
  struct Reduced {
    Value *n, *r;  // x = n ln 2 + r; n as an integer
    Value* rest;   // what rounding took of r
  };
  Reduced reduce(Value* x);
  Split split(Value* x);
  Value* power_of_two(Value* n);
  Value* expm1_short(Value* r);
  Value* exp_of_sum(Value* x, Value* low);
  Value* expm1_negative(Value* x);
  Value* log_of(const Split& m, Value* fraction);
  Value* log_ends(Value* x, Value* result);
  Value* is_whole(Value* x);
  Value* pow_size_wide(Value* x, Value* y);
  Value* pow_size(Value* x, Value* y);
  Pair log_pair(Value* x);
  Pair one_plus(Pair x);

  const Format& f;
};

}  // namespace eligo::compiler::codegen
