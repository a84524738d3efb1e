// The vector types and constants of one kernel module: reals of its dtype, integers of the same width, and the target.
#pragma once

#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/IRBuilder.h>

#include "compiler/llvm/target.h"
#include "compiler/loops/loops.h"

namespace eligo::compiler::codegen {

using Builder = llvm::IRBuilder<>;

// `lanes` 1 stands for a scalar everywhere.
class Types {
 public:
  Types(llvm::LLVMContext& context, loops::DType dtype, const Target& target);

  llvm::Type* real(int lanes) const { return of(real_, lanes); }
  llvm::Type* integer(int lanes) const { return of(integer_, lanes); }    // as wide as a real
  llvm::Type* index(int lanes) const { return of(index_, lanes); }        // 64 bits
  llvm::Type* gathered(int lanes) const { return of(gathered_, lanes); }  // an element of an int32 buffer
  llvm::Value* index_constant(std::int64_t i) const { return llvm::ConstantInt::getSigned(index_, i); }

  int lanes() const { return target.lanes(bytes); }  // of a full vector

  const Target& target;
  const int bytes;  // of one real

 private:
  static llvm::Type* of(llvm::Type* scalar, int lanes);
  llvm::Type *real_, *integer_, *index_, *gathered_;
};

inline int lanes_of(const llvm::Value* v) {
  const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(v->getType());
  return type ? static_cast<int>(type->getNumElements()) : 1;
}

// <0, step, 2 step, ...> as the given vector type of integers.
llvm::Constant* ramp(llvm::Type* type, std::int64_t step);
// `v` in every lane; a vector of that many lanes stays as it is.
llvm::Value* splat(Builder& b, llvm::Value* v, int lanes);
// a*b + c: rounded once where the target can, and at every step where it can't.
llvm::Value* multiply_add(Builder& b, const Target& target, llvm::Value* x, llvm::Value* y, llvm::Value* z);

}  // namespace eligo::compiler::codegen
