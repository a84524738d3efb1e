// What the elementary functions are made of: arithmetic on a scalar or a vector of either format, as straight-line IR.
#pragma once

#include <cstdint>

#include "compiler/llvm/types.h"

namespace eligo::compiler::codegen {

class Arithmetic {
 public:
  using Value = llvm::Value;

  Arithmetic(Builder& builder, const Target& target, llvm::Type* type);

  Value* real(double value) { return llvm::ConstantFP::get(type_, value); }
  Value* integer(std::int64_t value) { return llvm::ConstantInt::getSigned(integers_, value); }
  Value* absolute(Value* x) { return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x); }
  Value* negate(Value* x) { return b.CreateFNeg(x); }
  Value* with_sign_of(Value* x, Value* size) { return b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, size, x); }
  Value* fma(Value* x, Value* y, Value* z) { return multiply_add(b, target_, x, y, z); }
  Value* polynomial(llvm::ArrayRef<double> coefficients, Value* x);  // from the constant one up

  Value* truth(Value* condition) { return b.CreateSelect(condition, real(1), real(0)); }
  Value* nonzero(Value* x) { return b.CreateFCmpUNE(x, real(0)); }
  Value* relu(Value* x) { return b.CreateSelect(b.CreateFCmpUGT(x, real(0)), x, real(0)); }
  Value* keep_nan(Value* x, Value* result) { return b.CreateSelect(b.CreateFCmpUNO(x, x), x, result); }
  // Both bounds keep NaN.
  Value* at_least(Value* x, double low) { return b.CreateSelect(b.CreateFCmpOLT(x, real(low)), real(low), x); }
  Value* at_most(Value* x, double high) { return b.CreateSelect(b.CreateFCmpOGT(x, real(high)), real(high), x); }

 protected:
  struct Pair {
    Value *high, *low;  // a number as the sum of two, |low| <= ulp(high)/2
  };
  Pair quick_sum(Value* x, Value* y);  // |x| >= |y|, or x is 0
  Pair exact_sum(Value* x, Value* y);
  // x*y - product, exactly (but for the last bit without fused multiply-add).
  Value* product_error(Value* x, Value* y, Value* product);
  Pair product(Pair x, Pair y);

  bool is_f32() const { return type_->getScalarType()->isFloatTy(); }
  // As many f64 as there are lanes of the type.
  llvm::Type* wide() const;

  Builder& b;
  const Target& target_;
  llvm::Type *type_, *integers_;  // the integers are as wide as the reals
};

}  // namespace eligo::compiler::codegen
