// Sine, cosine and the inverse tangent. math.h states the errors.
#pragma once

#include <vector>

#include "compiler/llvm/math_arithmetic.h"

namespace eligo::compiler::codegen {

class Trigonometric : public Arithmetic {
 public:
  using Arithmetic::Arithmetic;

  Value* sin(Value* x) { return circular(x, false); }
  Value* cos(Value* x) { return circular(x, true); }
  Value* atan(Value* x);

 private:
  struct Angle {
    Value* quadrant;  // as an integer, of which the last two bits count
    Pair r;           // from the middle of the quadrant's side: |x| = quadrant π/2 + r, |r| <= π/4
  };
  Value* circular(Value* x, bool cosine);
  Value* circular_wide(Value* x, bool cosine, bool of_f32);
  Angle reduce(Value* x, bool of_f32);
  std::vector<Value*> window_of_two_over_pi(Value* from, bool of_f32);
  std::vector<Value*> multiply(Value* mantissa, const std::vector<Value*>& words, bool of_f32);
  Value* sine_of(const Angle& a, Value* z, bool of_f32);
  Value* cosine_of(const Angle& a, Value* z, bool of_f32);

  Value* bits_of(Value* x) { return b.CreateBitCast(x, integers_); }
  Value* from_bits(Value* x) { return b.CreateBitCast(x, type_); }
  Value* low_half(Value* x) { return b.CreateAnd(x, integer(0xffffffff)); }
  Value* below_2_52(Value* x);
};

}  // namespace eligo::compiler::codegen
