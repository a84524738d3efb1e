// The networks by hand: columns are examples, all steps of a sequence lie side by side, and whatever need not wait for
// a step is one matrix product over all of them.
#pragma once

#include <Eigen/Core>
#include <map>
#include <string>
#include <vector>

namespace eligo::bench::eigen {

using Index = Eigen::Index;
template <class R>
using Mat = Eigen::Matrix<R, Eigen::Dynamic, Eigen::Dynamic>;
template <class R>
using Arr = Eigen::Array<R, Eigen::Dynamic, Eigen::Dynamic>;

// A matrix that Adam moves along minus its gradient.
template <class R>
struct Parameter {
  Mat<R> value, gradient;
  Arr<R> m, v;

  void resize(Index rows, Index columns) {
    value = Mat<R>::Random(rows, columns) * R(0.1);
    gradient = Mat<R>::Zero(rows, columns);
    m = v = Arr<R>::Zero(rows, columns);
  }
  void adam(R rate, int count) {
    const R b1 = R(0.9), b2 = R(0.999);
    const R c1 = 1 / (1 - std::pow(b1, R(count))), c2 = 1 / (1 - std::pow(b2, R(count)));
    m = b1 * m + (1 - b1) * gradient.array();
    v = b2 * v + (1 - b2) * gradient.array().square();
    value.array() -= rate * (c1 * m) / ((c2 * v).sqrt() + R(1e-8));
  }
};

template <class R>
struct Shape {
  Index n, m, batch, steps;
};

// h' = tanh(W h + U x + b).
template <class R>
class TanhRnn {
 public:
  explicit TanhRnn(const Shape<R>& s) : shape(s), states(s.n) {
    W.resize(s.n, s.n), U.resize(s.n, s.m), b.resize(s.n, 1);
    S.setZero(s.n, (s.steps + 1) * s.batch);
    Z.resize(s.n, s.steps * s.batch);
  }

  void forward(const Mat<R>& x) {
    const Index B = shape.batch;
    Z.noalias() = U.value * x;
    Z.colwise() += b.value.col(0);
    for (Index t = 0; t < shape.steps; ++t) {
      auto z = Z.middleCols(t * B, B);
      z.noalias() += W.value * S.middleCols(t * B, B);
      S.middleCols((t + 1) * B, B) = z.array().tanh();
    }
  }

  // What a signal at the state behind step t is at its sums.
  template <class Signal, class Out>
  void at_sums(Index t, const Signal& signal, Out&& out) const {
    out = signal.array() * (1 - S.middleCols((t + 1) * shape.batch, shape.batch).array().square());
  }
  // And what that is at the state before it; `signal` is still the one behind, of as many columns.
  template <class Sums, class Signal>
  void down(Index, const Sums& sums, const Signal&, Mat<R>& out) const {
    out.noalias() = W.value.transpose() * sums;
  }

  void jacobian(Index t, Index example, R factor, Mat<R>& out) const {
    const auto h = S.col((t + 1) * shape.batch + example).array();
    out = (factor * (1 - h.square())).matrix().asDiagonal() * W.value;
  }

  // From what the loss is at the sums of all steps.
  void gradients(const Mat<R>& sums, const Mat<R>& x, R scale) {
    W.gradient.noalias() = scale * sums * S.leftCols(shape.steps * shape.batch).transpose();
    U.gradient.noalias() = scale * sums * x.transpose();
    b.gradient = scale * sums.rowwise().sum();
  }

  Index sums() const { return shape.n; }
  std::map<std::string, Parameter<R>*> parameters() { return {{"W", &W}, {"U", &U}, {"b", &b}}; }
  static std::vector<std::string> state_names() { return {"h"}; }

  Shape<R> shape;
  Index states;
  Mat<R> S;  // states behind each step, from the start on

 private:
  Parameter<R> W, U, b;
  Mat<R> Z;
};

// Gates i, f, g, o; the state is h over c.
template <class R>
class Lstm {
 public:
  explicit Lstm(const Shape<R>& s) : shape(s), states(2 * s.n) {
    Wh.resize(4 * s.n, s.n), Wx.resize(4 * s.n, s.m), b.resize(4 * s.n, 1);
    S.setZero(2 * s.n, (s.steps + 1) * s.batch);
    Z.resize(4 * s.n, s.steps * s.batch);
    D.resize(4 * s.n, s.steps * s.batch);
    F.resize(s.n, s.steps * s.batch), O.resize(s.n, s.steps * s.batch);
  }

  void forward(const Mat<R>& x) {
    const Index B = shape.batch, n = shape.n;
    Z.noalias() = Wx.value * x;
    Z.colwise() += b.value.col(0);
    for (Index t = 0; t < shape.steps; ++t) {
      Z.middleCols(t * B, B).noalias() += Wh.value * S.block(0, t * B, n, B);
      for (Index k = t * B; k < (t + 1) * B; ++k) column(k);
    }
  }

  template <class Signal, class Out>
  void at_sums(Index t, const Signal& signal, Out&& out) const {
    const Index B = shape.batch, n = shape.n;
    for (Index k = 0; k < B; ++k) {
      const Index at = t * B + k;
      const auto d = D.col(at).array();
      const auto h = signal.col(k).head(n).array();
      const auto cell = signal.col(k).tail(n).array() + h * O.col(at).array();
      out.col(k).segment(0, n) = cell * d.segment(0, n);
      out.col(k).segment(n, n) = cell * d.segment(n, n);
      out.col(k).segment(2 * n, n) = cell * d.segment(2 * n, n);
      out.col(k).segment(3 * n, n) = h * d.segment(3 * n, n);
    }
  }
  template <class Sums, class Signal>
  void down(Index t, const Sums& sums, const Signal& signal, Mat<R>& out) const {
    const Index B = shape.batch, n = shape.n;
    out.topRows(n).noalias() = Wh.value.transpose() * sums;
    for (Index k = 0; k < sums.cols(); ++k) {
      const Index at = t * B + k % B;
      out.col(k).tail(n) =
          (signal.col(k).tail(n).array() + signal.col(k).head(n).array() * O.col(at).array()) * F.col(at).array();
    }
  }

  void jacobian(Index t, Index example, R factor, Mat<R>& out) const {
    const Index n = shape.n, at = t * shape.batch + example;
    const auto d = D.col(at);
    auto cell = out.block(n, 0, n, n);
    cell.noalias() = (factor * d.segment(0, n)).asDiagonal() * Wh.value.topRows(n);
    cell.noalias() += (factor * d.segment(n, n)).asDiagonal() * Wh.value.middleRows(n, n);
    cell.noalias() += (factor * d.segment(2 * n, n)).asDiagonal() * Wh.value.middleRows(2 * n, n);
    out.block(0, 0, n, n).noalias() = O.col(at).asDiagonal() * cell;
    out.block(0, 0, n, n).noalias() += (factor * d.segment(3 * n, n)).asDiagonal() * Wh.value.bottomRows(n);
    out.rightCols(n).setZero();
    out.block(n, n, n, n).diagonal() = factor * F.col(at);
    out.block(0, n, n, n).diagonal() = factor * (F.col(at).array() * O.col(at).array()).matrix();
  }

  void gradients(const Mat<R>& sums, const Mat<R>& x, R scale) {
    Wh.gradient.noalias() = scale * sums * S.topLeftCorner(shape.n, shape.steps * shape.batch).transpose();
    Wx.gradient.noalias() = scale * sums * x.transpose();
    b.gradient = scale * sums.rowwise().sum();
  }

  Index sums() const { return 4 * shape.n; }
  std::map<std::string, Parameter<R>*> parameters() { return {{"Wh", &Wh}, {"Wx", &Wx}, {"b", &b}}; }
  static std::vector<std::string> state_names() { return {"h", "c"}; }

  Shape<R> shape;
  Index states;
  Mat<R> S;

 private:
  // One example's gates, all while they are in the nearest cache: what comes out, and what the way back needs.
  void column(Index k) {
    const Index n = shape.n;
    auto z = Z.col(k).array();
    auto d = D.col(k).array();
    z.head(2 * n) = z.head(2 * n).logistic();
    z.segment(2 * n, n) = z.segment(2 * n, n).tanh();
    z.tail(n) = z.tail(n).logistic();
    const auto i = z.segment(0, n), f = z.segment(n, n), g = z.segment(2 * n, n), o = z.segment(3 * n, n);
    const auto before = S.col(k).tail(n).array();
    auto after = S.col(k + shape.batch).array();
    after.tail(n) = f * before + i * g;
    d.segment(3 * n, n) = after.tail(n).tanh();
    const auto u = d.segment(3 * n, n);
    after.head(n) = o * u;
    O.col(k).array() = o * (1 - u.square());
    d.segment(3 * n, n) = u * o * (1 - o);
    d.segment(0, n) = g * i * (1 - i);
    d.segment(n, n) = before * f * (1 - f);
    d.segment(2 * n, n) = i * (1 - g.square());
    F.col(k).array() = f;
  }

  Parameter<R> Wh, Wx, b;
  Mat<R> Z, D, F, O;  // gates; what a gate's sum moves (i, f, g the cell, o the output); f; from the cell to the output
};

}  // namespace eligo::bench::eigen
