// Dual numbers, and what each operation and its derivative is of them.
#pragma once

#include <numbers>
#include <vector>

#include "compiler/operations/operation.h"

namespace eligo::compiler::reference {

// value + derivative * ε, to be nested for derivatives of derivatives. A value that does not depend on what a derivative
// is taken by has none: nothing is added for it, which is not the same as adding 0 times an infinite partial derivative.
template <class T>
struct Dual {
  T v{};
  T d{};
  bool moves = false;  // whether there is a d
  Dual() = default;
  Dual(double x) : v(x), d(0.0) {}  // NOLINT: numbers are constants
  Dual(T value, T tangent) : v(value), d(tangent), moves(true) {}

  static Dual constant(T value) {
    Dual out;
    out.v = value;
    return out;
  }
  void add(const T& tangent) {
    d = moves ? d + tangent : tangent;
    moves = true;
  }
};
template <class T>
Dual<T> operator+(const Dual<T>& a, const Dual<T>& b) {
  Dual<T> out = Dual<T>::constant(a.v + b.v);
  if (a.moves) out.add(a.d);
  if (b.moves) out.add(b.d);
  return out;
}
template <class T>
Dual<T> operator-(const Dual<T>& a, const Dual<T>& b) {
  Dual<T> out = Dual<T>::constant(a.v - b.v);
  if (a.moves) out.add(a.d);
  if (b.moves) out.add(T(0.0) - b.d);
  return out;
}
template <class T>
Dual<T> operator*(const Dual<T>& a, const Dual<T>& b) {
  Dual<T> out = Dual<T>::constant(a.v * b.v);
  if (b.moves) out.add(a.v * b.d);
  if (a.moves) out.add(a.d * b.v);
  return out;
}

inline double primal(double x) { return x; }
template <class T>
double primal(const Dual<T>& x) {
  return primal(x.v);
}

// The largest value, from all places that attain it: they share its derivative evenly.
inline double shared(const std::vector<double>& best) { return best[0]; }
template <class T>
Dual<T> shared(const std::vector<Dual<T>>& best) {
  std::vector<T> values;
  for (const Dual<T>& x : best) values.push_back(x.v);
  Dual<T> out = Dual<T>::constant(shared(values));
  for (const Dual<T>& x : best)
    if (x.moves) out.add(T(1.0 / static_cast<double>(best.size())) * x.d);
  return out;
}

inline double apply(Op op, const double* x) { return op_evaluate(op, x); }

// f(x) and f'(x) dx. An operand that was not chosen adds nothing. Each f' is written out here although the operations'
// rows have it too: kernels are made of those, and a fault of one would else be one of their reference as well.
template <class T>
Dual<T> apply(Op op, const Dual<T>* x) {
  T values[3] = {x[0].v, T(0.0), T(0.0)};
  for (int i = 1; i < op_arity(op); ++i) values[i] = x[i].v;
  const T y = apply(op, values);
  const T one(1.0), zero(0.0), a = x[0].v;
  auto f = [&](Op o, const T& z) { return apply(o, &z); };
  Dual<T> out = Dual<T>::constant(y);
  auto times = [&](int i, const T& partial) {
    if (x[i].moves) out.add(partial * x[i].d);
  };
  const double pa = primal(a), pb = op_arity(op) > 1 ? primal(x[1].v) : 0, pc = op_arity(op) > 2 ? primal(x[2].v) : 0;
  switch (op) {
    case Op::neg: times(0, T(-1.0)); break;
    case Op::exp: times(0, y); break;
    case Op::log: times(0, f(Op::recip, a)); break;
    case Op::sqrt: times(0, T(0.5) * f(Op::recip, y)); break;
    case Op::recip: times(0, zero - y * y); break;
    case Op::abs:
      if (pa != 0) times(0, T(pa > 0 ? 1.0 : pa < 0 ? -1.0 : pa));
      break;
    case Op::tanh: times(0, one - y * y); break;
    case Op::sigmoid: times(0, y * (one - y)); break;
    case Op::softplus: times(0, f(Op::sigmoid, a)); break;
    case Op::relu:
      if (!(pa <= 0)) times(0, one);
      break;
    case Op::square: times(0, T(2.0) * a); break;
    case Op::add:
      times(0, one);
      times(1, one);
      break;
    case Op::sub:
      times(0, one);
      times(1, T(-1.0));
      break;
    case Op::mul:
      times(0, x[1].v);
      times(1, a);
      break;
    case Op::div: {
      const T r = f(Op::recip, x[1].v);
      times(0, r);
      times(1, zero - y * r);
      break;
    }
    case Op::pow: {
      const T pair[2] = {a, x[1].v - one};
      if (pb != 0) times(0, x[1].v * apply(Op::pow, pair));
      if (!(pa == 0 && pb >= 0)) times(1, y * f(Op::log, a));
      break;
    }
    case Op::max:
    case Op::min: {
      const bool larger = op == Op::max;
      const T share(pa == pb ? 0.5 : 1.0);
      if (!(larger ? pa < pb : pa > pb)) times(0, share);
      if (!(larger ? pb < pa : pb > pa)) times(1, share);
      break;
    }
    case Op::clamp:
      if (pa >= pb && pa <= pc) times(0, one);
      if (pb < pc && pa < pb) times(1, one);
      if (pa > pc || pc < pb) times(2, one);
      break;
    case Op::select: times(pa != 0 ? 1 : 2, one); break;
    case Op::sin: times(0, f(Op::cos, a)); break;
    case Op::cos: times(0, zero - f(Op::sin, a)); break;
    case Op::atan: times(0, f(Op::recip, one + a * a)); break;
    case Op::expm1: times(0, f(Op::exp, a)); break;
    case Op::log1p: times(0, f(Op::recip, one + a)); break;
    case Op::erf: times(0, T(2 * std::numbers::inv_sqrtpi) * f(Op::exp, zero - a * a)); break;
    case Op::sign:  // flat where they are smooth
    case Op::step:
    case Op::mask:
    case Op::lt:
    case Op::le:
    case Op::gt:
    case Op::ge:
    case Op::eq:
    case Op::ne: break;
  }
  return out;
}

}  // namespace eligo::compiler::reference
