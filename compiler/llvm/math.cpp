#include "compiler/llvm/math.h"

#include "compiler/llvm/math_error.h"
#include "compiler/llvm/math_exponential.h"
#include "compiler/llvm/math_trigonometric.h"

namespace eligo::compiler::codegen {
namespace {

using llvm::ArrayRef;
using llvm::Value;

Value* sign(Arithmetic& m, Builder& b, Value* x) {
  Value* const negative = b.CreateSelect(b.CreateFCmpOLT(x, m.real(0)), m.real(-1), x);
  return b.CreateSelect(b.CreateFCmpOGT(x, m.real(0)), m.real(1),
                        b.CreateSelect(b.CreateFCmpOEQ(x, m.real(0)), m.real(0), negative));
}

// The larger (or the smaller) one, NaN if either is.
Value* extreme(Arithmetic& m, Builder& b, Value* x, Value* y, bool larger) {
  Value* const first = larger ? b.CreateFCmpOGT(x, y) : b.CreateFCmpOLT(x, y);
  return m.keep_nan(x, b.CreateSelect(first, x, y));
}

}  // namespace

llvm::Value* emit_op(Builder& b, const Target& target, Op op, ArrayRef<Value*> x) {
  llvm::Type* const type = x[0]->getType();
  Exponential m(b, target, type);
  Trigonometric angles(b, target, type);
  switch (op) {
    case Op::neg: return m.negate(x[0]);
    case Op::exp: return m.exp(x[0]);
    case Op::log: return m.log(x[0]);
    case Op::sqrt: return b.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x[0]);
    case Op::recip: return b.CreateFDiv(m.real(1), x[0]);
    case Op::abs: return m.absolute(x[0]);
    case Op::sign: return sign(m, b, x[0]);
    case Op::tanh: return m.tanh(x[0]);
    case Op::sigmoid: return m.sigmoid(x[0]);
    case Op::softplus: return m.softplus(x[0]);
    case Op::relu: return m.relu(x[0]);
    case Op::step: return m.truth(b.CreateFCmpOGT(x[0], m.real(0)));
    case Op::mask: return m.truth(m.nonzero(x[0]));
    case Op::square: return b.CreateFMul(x[0], x[0]);
    case Op::add: return b.CreateFAdd(x[0], x[1]);
    case Op::sub: return b.CreateFSub(x[0], x[1]);
    case Op::mul: return b.CreateFMul(x[0], x[1]);
    case Op::div: return b.CreateFDiv(x[0], x[1]);
    case Op::pow: return m.pow(x[0], x[1]);
    case Op::max: return extreme(m, b, x[0], x[1], true);
    case Op::min: return extreme(m, b, x[0], x[1], false);
    case Op::clamp: return extreme(m, b, extreme(m, b, x[0], x[1], true), x[2], false);
    case Op::lt: return m.truth(b.CreateFCmpOLT(x[0], x[1]));
    case Op::le: return m.truth(b.CreateFCmpOLE(x[0], x[1]));
    case Op::gt: return m.truth(b.CreateFCmpOGT(x[0], x[1]));
    case Op::ge: return m.truth(b.CreateFCmpOGE(x[0], x[1]));
    case Op::eq: return m.truth(b.CreateFCmpOEQ(x[0], x[1]));
    case Op::ne: return m.truth(b.CreateFCmpUNE(x[0], x[1]));
    case Op::select: return b.CreateSelect(m.nonzero(x[0]), x[1], x[2]);
    case Op::sin: return angles.sin(x[0]);
    case Op::cos: return angles.cos(x[0]);
    case Op::atan: return angles.atan(x[0]);
    case Op::expm1: return m.expm1(x[0]);
    case Op::log1p: return m.log1p(x[0]);
    case Op::erf: return error_function(m, b, x[0], type->getScalarType()->isFloatTy());
  }
  llvm_unreachable("no such operation");
}

}  // namespace eligo::compiler::codegen
