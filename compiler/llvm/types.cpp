#include "compiler/llvm/types.h"

#include <vector>

namespace eligo::compiler::codegen {

Types::Types(llvm::LLVMContext& context, loops::DType dtype, const Target& machine)
    : target(machine), bytes(dtype == loops::DType::f32 ? 4 : 8) {
  real_ = bytes == 4 ? llvm::Type::getFloatTy(context) : llvm::Type::getDoubleTy(context);
  integer_ = llvm::Type::getIntNTy(context, static_cast<unsigned>(bytes) * 8);
  index_ = llvm::Type::getInt64Ty(context);
  gathered_ = llvm::Type::getInt32Ty(context);
}

llvm::Type* Types::of(llvm::Type* scalar, int lanes) {
  return lanes == 1 ? scalar : llvm::FixedVectorType::get(scalar, static_cast<unsigned>(lanes));
}

llvm::Constant* ramp(llvm::Type* type, std::int64_t step) {
  std::vector<llvm::Constant*> elements;
  for (unsigned l = 0; l < llvm::cast<llvm::FixedVectorType>(type)->getNumElements(); ++l)
    elements.push_back(llvm::ConstantInt::getSigned(type->getScalarType(), step * l));
  return llvm::ConstantVector::get(elements);
}

llvm::Value* splat(Builder& b, llvm::Value* v, int lanes) {
  return lanes == 1 || lanes_of(v) == lanes ? v : b.CreateVectorSplat(static_cast<unsigned>(lanes), v);
}

llvm::Value* multiply_add(Builder& b, const Target& target, llvm::Value* x, llvm::Value* y, llvm::Value* z) {
  if (target.fma) return b.CreateIntrinsic(llvm::Intrinsic::fma, {x->getType()}, {x, y, z});
  return b.CreateFAdd(b.CreateFMul(x, y), z);
}

}  // namespace eligo::compiler::codegen
