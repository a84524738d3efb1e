// Backpropagation through time and BP(λ) by hand, on either network.
#pragma once

#include "bench/eigen/net.h"

namespace eligo::bench::eigen {

enum class Loss { mse, softmax, bernoulli };

template <class R>
struct Hypers {
  R lambda = 1, gamma = R(0.9), kappa = 1;
};

template <class R, class Net>
class Trainer {
 public:
  Trainer(const Shape<R>& s, Index outputs, Loss l, bool last) : net(s), shape(s), loss(l), last_only(last) {
    V.resize(outputs, s.n), c.resize(outputs, 1);
    const Index all = s.batch * s.steps;
    x = Mat<R>::Random(s.m, all), y = Mat<R>::Random(outputs, all).cwiseAbs();
    mask = Mat<R>::Ones(1, all);
    if (last) mask.leftCols(all - s.batch).setZero();
    direct.setZero(net.states, all), dz.resize(net.sums(), all);
  }
  virtual ~Trainer() = default;
  virtual void gathered() = 0;  // gradients, batch means
  virtual std::map<std::string, Parameter<R>*> parameters() {
    std::map<std::string, Parameter<R>*> all = {{"φ.V", &V}, {"φ.b", &c}};
    for (auto& [name, p] : net.parameters()) all["ψ." + name] = p;
    return all;
  }

  void call() {
    gathered();
    ++count_;
    for (auto& [name, p] : parameters()) p->adam(R(1e-3), count_);
  }

  Net net;
  Shape<R> shape;
  Loss loss;
  bool last_only;
  Parameter<R> V, c;
  Mat<R> x, y, mask;

 protected:
  // The readout of all steps that have a loss: dL/ds into `direct`, and its own gradients.
  void read_out() {
    const Index B = shape.batch, n = shape.n, first = last_only ? (shape.steps - 1) * B : 0,
                count = shape.steps * B - first;
    const auto h = net.S.block(0, B + first, n, count);
    o.noalias() = V.value * h;
    o.colwise() += c.value.col(0);
    const auto target = y.middleCols(first, count).array();
    if (loss == Loss::mse) o = (o.array() - target) * (R(2) / static_cast<R>(o.rows()));
    else if (loss == Loss::bernoulli) o = (o.array().logistic() - target) / static_cast<R>(o.rows());
    else soften(target);
    o.array().rowwise() *= mask.middleCols(first, count).row(0).array();
    direct.block(0, first, n, count).noalias() = V.value.transpose() * o;
    V.gradient.noalias() = (1 / static_cast<R>(B)) * o * h.transpose();
    c.gradient = (1 / static_cast<R>(B)) * o.rowwise().sum();
  }

  Mat<R> o, direct, dz;

 private:
  template <class Target>
  void soften(const Target& target) {
    for (Index k = 0; k < o.cols(); ++k) {
      auto column = o.col(k).array();
      column = (column - column.maxCoeff()).exp();
      column = column * (target.col(k).sum() / column.sum()) - target.col(k);
    }
  }

  int count_ = 0;
};

template <class R, class Net>
class Bptt : public Trainer<R, Net> {
 public:
  using Trainer<R, Net>::Trainer;

  void gathered() override {
    const auto& s = this->shape;
    const Index B = s.batch;
    this->net.forward(this->x);
    this->read_out();
    down_.resize(this->net.states, B);
    for (Index t = s.steps - 1; t >= 0; --t) {
      auto signal = this->direct.middleCols(t * B, B);
      if (t < s.steps - 1) {
        if (this->last_only) signal = down_;
        else signal += down_;
      }
      auto sums = this->dz.middleCols(t * B, B);
      this->net.at_sums(t, signal, sums);
      if (t > 0) this->net.down(t, sums, signal, down_);
    }
    this->net.gradients(this->dz, this->x, 1 / static_cast<R>(B));
    if (this->last_only) this->direct.leftCols((s.steps - 1) * B).setZero();
  }

 private:
  Mat<R> down_;
};

// BP(λ) with a linear synthesiser: the trace carried forward as the equations have it, or the same sum from the other
// end.
template <class R, class Net>
class BpLambda : public Trainer<R, Net> {
 public:
  BpLambda(const Shape<R>& s, Index outputs, Loss l, bool last, const Hypers<R>& h, bool dense)
      : Trainer<R, Net>(s, outputs, l, last), hypers(h), dense_(dense) {
    const Index states = this->net.states;
    A.resize(states, states), a.resize(states, 1);
    A.value.setZero(), a.value.setZero();
    if (dense) trace_.resize(states, (states + 1) * states * s.batch), next_ = trace_;
  }

  void gathered() override {
    const auto& s = this->shape;
    const Index B = s.batch;
    this->net.forward(this->x);
    this->read_out();
    G_.noalias() = A.value * this->net.S;
    G_.colwise() += a.value.col(0);
    G_.rightCols(B).setZero();  // behind the last step there is nothing to come
    local_ = this->direct + hypers.kappa * G_.rightCols(s.steps * B);
    for (Index t = 0; t < s.steps; ++t)
      this->net.at_sums(t, local_.middleCols(t * B, B), this->dz.middleCols(t * B, B));
    this->net.gradients(this->dz, this->x, 1 / static_cast<R>(B));
    if (dense_) forward_traces();
    else backward();
  }

  std::map<std::string, Parameter<R>*> parameters() override {
    auto all = Trainer<R, Net>::parameters();
    all["θ.A"] = &A, all["θ.a"] = &a;
    return all;
  }

  Hypers<R> hypers;
  Parameter<R> A, a;

 private:
  // Both what is aimed at and what is carried back pass the same Jacobian: one product for the two.
  void backward() {
    const auto& s = this->shape;
    const Index B = s.batch, states = this->net.states;
    W_.resize(states, (s.steps + 1) * B);
    W_.rightCols(B).setZero();
    signal_.resize(states, 2 * B), sums_.resize(this->net.sums(), 2 * B), down_.resize(states, 2 * B);
    for (Index t = s.steps - 1; t >= 0; --t) {
      signal_.leftCols(B) = this->direct.middleCols(t * B, B) + hypers.gamma * G_.middleCols((t + 1) * B, B);
      signal_.rightCols(B) = W_.middleCols((t + 1) * B, B);
      this->net.at_sums(t, signal_.leftCols(B), sums_.leftCols(B));
      this->net.at_sums(t, signal_.rightCols(B), sums_.rightCols(B));
      this->net.down(t, sums_, signal_, down_);
      W_.middleCols(t * B, B) =
          down_.leftCols(B) - G_.middleCols(t * B, B) + hypers.gamma * hypers.lambda * down_.rightCols(B);
    }
    const R scale = -1 / static_cast<R>(B);
    A.gradient.noalias() = scale * W_ * this->net.S.transpose();
    a.gradient = scale * W_.rowwise().sum();
  }

  void forward_traces() {
    const auto& s = this->shape;
    const Index B = s.batch, states = this->net.states, width = (states + 1) * states;
    jacobian_.resize(states, states);
    summed_.setZero(width, 1);
    trace_.setZero();
    for (Index b = 0; b < B; ++b) add_own(trace_, b, 0);
    sums_.resize(this->net.sums(), B), down_.resize(states, B);
    for (Index t = 0; t < s.steps; ++t) {
      target_ = this->direct.middleCols(t * B, B) + hypers.gamma * G_.middleCols((t + 1) * B, B);
      this->net.at_sums(t, target_, sums_);
      this->net.down(t, sums_, target_, down_);
      down_ -= G_.middleCols(t * B, B);
      for (Index b = 0; b < B; ++b) {
        const auto old = trace_.middleCols(b * width, width);
        summed_.noalias() += old.transpose() * down_.col(b);
        if (t == s.steps - 1) continue;  // nothing reads the trace behind the last step
        this->net.jacobian(t, b, hypers.gamma * hypers.lambda, jacobian_);
        next_.middleCols(b * width, width).noalias() = jacobian_ * old;
        add_own(next_, b, t + 1);
      }
      trace_.swap(next_);
    }
    const R scale = -1 / static_cast<R>(B);
    A.gradient = scale * Eigen::Map<const Mat<R>>(summed_.data(), states, states);
    a.gradient = scale * summed_.bottomRows(states);
  }

  // d(A s + a)/d(A, a): A by columns, then a.
  void add_own(Mat<R>& trace, Index b, Index boundary) const {
    const Index states = this->net.states, first = b * (states + 1) * states;
    const auto s = this->net.S.col(boundary * this->shape.batch + b);
    for (Index j = 0; j <= states; ++j)
      trace.middleCols(first + j * states, states).diagonal().array() += j < states ? s(j) : R(1);
  }

  bool dense_;
  Mat<R> G_, W_, local_, signal_, sums_, down_, target_, trace_, next_, jacobian_, summed_;
};

}  // namespace eligo::bench::eigen
