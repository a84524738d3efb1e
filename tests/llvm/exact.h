// What every operation is, in long double, independently of its row: the reference of the tests of values and of errors
// in units in the last place. Precise where the functions of the C library are.
#pragma once

#include <cmath>

#include "compiler/operations/operation.h"

namespace eligo::testing {

using Real = long double;

inline Real exact(compiler::Op op, const Real* x) {
  using compiler::Op;
  const Real a = x[0], b = x[1], c = x[2];
  const auto larger = [](Real p, Real q) { return std::isnan(p) || std::isnan(q) ? NAN : p > q ? p : q; };
  const auto smaller = [](Real p, Real q) { return std::isnan(p) || std::isnan(q) ? NAN : p < q ? p : q; };
  switch (op) {
    case Op::neg: return -a;
    case Op::exp: return std::exp(a);
    case Op::log: return std::log(a);
    case Op::sqrt: return std::sqrt(a);
    case Op::recip: return 1 / a;
    case Op::abs: return std::fabs(a);
    case Op::sign: return a > 0 ? 1 : a < 0 ? -1 : a;
    case Op::tanh: return std::tanh(a);
    case Op::sigmoid: {
      const Real e = std::exp(-std::fabs(a));
      return (a < 0 ? e : 1) / (1 + e);
    }
    case Op::softplus: return (a < 0 ? 0 : a) + std::log1p(std::exp(-std::fabs(a)));
    case Op::relu: return a <= 0 ? 0 : a;
    case Op::step: return a > 0;
    case Op::square: return a * a;
    case Op::add: return a + b;
    case Op::sub: return a - b;
    case Op::mul: return a * b;
    case Op::div: return a / b;
    case Op::pow: return std::pow(a, b);
    case Op::max: return larger(a, b);
    case Op::min: return smaller(a, b);
    case Op::lt: return a < b;
    case Op::le: return a <= b;
    case Op::gt: return a > b;
    case Op::ge: return a >= b;
    case Op::eq: return a == b;
    case Op::ne: return a != b;
    case Op::select: return a != 0 ? b : c;
    case Op::clamp: return smaller(larger(a, b), c);
    case Op::mask: return a != 0;
    case Op::sin: return std::sin(a);
    case Op::cos: return std::cos(a);
    case Op::atan: return std::atan(a);
    case Op::expm1: return std::expm1(a);
    case Op::log1p: return std::log1p(a);
    case Op::erf: return std::erf(a);
  }
  return NAN;
}

}  // namespace eligo::testing
