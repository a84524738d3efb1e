#include "compiler/frontend/functions.h"

namespace eligo::compiler {

std::optional<Op> pointwise_operation(dsl::FunctionId function) {
  using dsl::FunctionId;
  switch (function) {
    case FunctionId::exp: return Op::exp;
    case FunctionId::log: return Op::log;
    case FunctionId::sqrt: return Op::sqrt;
    case FunctionId::abs: return Op::abs;
    case FunctionId::sign: return Op::sign;
    case FunctionId::tanh: return Op::tanh;
    case FunctionId::sigmoid: return Op::sigmoid;
    case FunctionId::relu: return Op::relu;
    case FunctionId::softplus: return Op::softplus;
    case FunctionId::where: return Op::select;
    case FunctionId::clamp: return Op::clamp;
    case FunctionId::max: return Op::max;
    case FunctionId::min: return Op::min;
    case FunctionId::stop:
    case FunctionId::sum:
    case FunctionId::mean:
    case FunctionId::logsumexp:
    case FunctionId::norm2:
    case FunctionId::softmax:
    case FunctionId::unit:
    case FunctionId::nonzero:
    case FunctionId::reach:
    case FunctionId::inner:
    case FunctionId::var:
    case FunctionId::cov:
    case FunctionId::normal:
    case FunctionId::uniform:
    case FunctionId::random_sign: return std::nullopt;
  }
  return std::nullopt;
}

Op operation_of(dsl::Comparison comparison) {
  using dsl::Comparison;
  switch (comparison) {
    case Comparison::less: return Op::lt;
    case Comparison::less_equal: return Op::le;
    case Comparison::greater: return Op::gt;
    case Comparison::greater_equal: return Op::ge;
    case Comparison::equal: return Op::eq;
    case Comparison::not_equal: return Op::ne;
  }
  return Op::eq;
}

}  // namespace eligo::compiler
