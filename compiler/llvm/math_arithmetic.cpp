#include "compiler/llvm/math_arithmetic.h"

namespace eligo::compiler::codegen {

Arithmetic::Arithmetic(Builder& builder, const Target& target, llvm::Type* type)
    : b(builder), target_(target), type_(type) {
  integers_ = llvm::Type::getIntNTy(type->getContext(), is_f32() ? 32 : 64);
  if (const auto* v = llvm::dyn_cast<llvm::FixedVectorType>(type))
    integers_ = llvm::FixedVectorType::get(integers_, v->getNumElements());
}

llvm::Type* Arithmetic::wide() const {
  llvm::Type* scalar = llvm::Type::getDoubleTy(type_->getContext());
  const auto* v = llvm::dyn_cast<llvm::FixedVectorType>(type_);
  return v ? llvm::FixedVectorType::get(scalar, v->getNumElements()) : scalar;
}

llvm::Value* Arithmetic::polynomial(llvm::ArrayRef<double> c, Value* x) {
  Value* p = real(c.back());
  for (std::size_t i = c.size() - 1; i-- > 0;) p = fma(p, x, real(c[i]));
  return p;
}

Arithmetic::Pair Arithmetic::quick_sum(Value* x, Value* y) {
  Value* const s = b.CreateFAdd(x, y);
  return {s, b.CreateFSub(y, b.CreateFSub(s, x))};
}

Arithmetic::Pair Arithmetic::exact_sum(Value* x, Value* y) {
  Value* const s = b.CreateFAdd(x, y);
  Value* const of_y = b.CreateFSub(s, x);
  Value* const of_x = b.CreateFSub(s, of_y);
  return {s, b.CreateFAdd(b.CreateFSub(x, of_x), b.CreateFSub(y, of_y))};
}

llvm::Value* Arithmetic::product_error(Value* x, Value* y, Value* product) {
  if (target_.fma) return fma(x, y, negate(product));
  const auto upper = [&](Value* v) {
    Value* const bits = b.CreateAnd(b.CreateBitCast(v, integers_), integer(-(std::int64_t{1} << 27)));
    return b.CreateBitCast(bits, type_);
  };
  Value *const xh = upper(x), *const xl = b.CreateFSub(x, xh), *const yh = upper(y), *const yl = b.CreateFSub(y, yh);
  Value* e = b.CreateFSub(b.CreateFMul(xh, yh), product);
  e = b.CreateFAdd(b.CreateFAdd(e, b.CreateFMul(xh, yl)), b.CreateFMul(xl, yh));
  return b.CreateFAdd(e, b.CreateFMul(xl, yl));
}

Arithmetic::Pair Arithmetic::product(Pair x, Pair y) {
  Value* const p = b.CreateFMul(x.high, y.high);
  Value* const cross = fma(x.high, y.low, b.CreateFMul(x.low, y.high));
  return quick_sum(p, b.CreateFAdd(product_error(x.high, y.high, p), cross));
}

}  // namespace eligo::compiler::codegen
