// What a sequence did, step by step, so that targets and updates of a linear synthesiser can be summed by hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "tests/theorems/steps.h"

namespace eligo::test {

using Vector = std::vector<double>;

// dL[t]/ds[t] of the readout linear_mse: (2/k) Vᵀ(o - y) in the first state, nothing in others.
inline Vector loss_gradient(const Session& session, const Steps& output, const Batch& batch, std::int64_t targets,
                            std::int64_t t, std::int64_t example, std::size_t size) {
  const Vector v = session.get("L.V");
  const auto k = static_cast<std::size_t>(targets);
  const std::size_t units = v.size() / k;
  const auto point = static_cast<std::size_t>((t - 1) * batch.examples + example);
  const double mask = batch.loss_mask.empty() ? 1 : batch.loss_mask[point];
  Vector out(size, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    const double error = output.at(t, example)[i] - batch.y[point * k + i];
    for (std::size_t j = 0; j < units; ++j) out[j] += mask * 2.0 / static_cast<double>(k) * error * v[i * units + j];
  }
  return out;
}

inline Vector& operator+=(Vector& a, const Vector& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}
inline Vector scaled(Vector a, double by) {
  for (double& x : a) x *= by;
  return a;
}
inline double norm(const Vector& a) { return std::sqrt(dot(a, a)); }

// A linear synthesiser, or what is added to one.
struct Linear {
  Vector A, a;  // g(s) = A s + a
  Vector operator()(const Vector& s) const {
    Vector out = a;
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t j = 0; j < s.size(); ++j) out[i] += A[i * s.size() + j] * s[j];
    return out;
  }
  // error . d(g(s))/d(A, a)
  static Linear gradient(const Vector& error, const Vector& s) {
    Linear out{Vector(error.size() * s.size(), 0.0), error};
    for (std::size_t i = 0; i < error.size(); ++i)
      for (std::size_t j = 0; j < s.size(); ++j) out.A[i * s.size() + j] = error[i] * s[j];
    return out;
  }
  static Linear zero(std::size_t size) { return {Vector(size * size, 0.0), Vector(size, 0.0)}; }
  void add(const Linear& other, double by) {
    A += scaled(other.A, by);
    a += scaled(other.a, by);
  }
};

inline Linear synthesiser(const Session& session) { return {session.get("g.A"), session.get("g.a")}; }
inline Linear gathered_synthesiser(const Session& session) { return {session.gathered("g.A"), session.gathered("g.a")}; }
inline double distance(const Linear& got, const Linear& want) {
  return std::max(difference(got.A, want.A), difference(got.a, want.a));
}

class Unrolled {
 public:
  // `session` has run `batch` and shows s, J and L.o.
  Unrolled(const Session& session, const Batch& batch, std::int64_t targets)
      : steps_(batch.steps), examples_(batch.examples), lengths_(batch.lengths) {
    if (lengths_.empty()) lengths_.assign(static_cast<std::size_t>(examples_), steps_);
    const Steps s(session.shown("s"), steps_, examples_), j(session.shown("J"), steps_, examples_),
        o(session.shown("L.o"), steps_, examples_);
    size_ = static_cast<std::size_t>(s.size());
    for (std::int64_t b = 0; b < examples_; ++b)
      for (std::int64_t t = 0; t <= length(b); ++t) {
        s_[{t, b}] = {s.at(t, b).begin(), s.at(t, b).end()};
        if (t == 0) continue;
        j_[{t, b}] = {j.at(t, b).begin(), j.at(t, b).end()};
        loss_[{t, b}] = loss_gradient(session, o, batch, targets, t, b, size_);
      }
  }
  std::int64_t steps() const { return steps_; }
  std::int64_t examples() const { return examples_; }
  std::int64_t length(std::int64_t b) const { return lengths_[static_cast<std::size_t>(b)]; }
  std::size_t size() const { return size_; }
  const Vector& s(std::int64_t t, std::int64_t b) const { return s_.at({t, b}); }
  const Vector& jacobian(std::int64_t t, std::int64_t b) const { return j_.at({t, b}); }
  const Vector& loss(std::int64_t t, std::int64_t b) const { return loss_.at({t, b}); }
  // What is predicted at a step: nothing at an example's last.
  Vector predicted(const Linear& g, std::int64_t t, std::int64_t b) const {
    return t < length(b) ? g(s(t, b)) : Vector(size_, 0.0);
  }
  // u . J[from] ... J[to+1]
  Vector back(Vector u, std::int64_t from, std::int64_t to, std::int64_t b) const {
    for (std::int64_t t = from; t > to; --t) u = row_times(u, jacobian(t, b));
    return u;
  }
  // Eq. 9, the n-step target; beyond the end nothing is predicted.
  Vector n_step(const Linear& g, std::int64_t t, std::int64_t n, double gamma, std::int64_t b) const {
    Vector out(size_, 0.0);
    for (std::int64_t at = t + 1; at <= std::min(t + n, length(b)); ++at)
      out += scaled(back(loss(at, b), at, t, b), std::pow(gamma, static_cast<double>(at - t - 1)));
    if (t + n < length(b))
      out += scaled(back(g(s(t + n, b)), t + n, t, b), std::pow(gamma, static_cast<double>(n)));
    return out;
  }
  // Eq. 12: the λ-weighted target as known at the horizon; eq. 11 at the horizon length(b).
  Vector weighted(const Linear& g, std::int64_t t, std::int64_t horizon, double lambda, double gamma,
                  std::int64_t b) const {
    Vector out(size_, 0.0);
    for (std::int64_t n = 1; n < horizon - t; ++n)
      out += scaled(n_step(g, t, n, gamma, b), (1 - lambda) * std::pow(lambda, static_cast<double>(n - 1)));
    out += scaled(n_step(g, t, horizon - t, gamma, b), std::pow(lambda, static_cast<double>(horizon - t - 1)));
    return out;
  }
  // Mean over the batch of Σ_t (target - g(s[t])) . d(g(s[t]))/d(θ), from the initial state to the step before the last.
  template <class Target>
  Linear regression(const Linear& g, Target&& target) const {
    Linear sum = Linear::zero(size_);
    for (std::int64_t b = 0; b < examples_; ++b)
      for (std::int64_t t = 0; t < length(b); ++t) {
        Vector error = target(t, b);
        error += scaled(g(s(t, b)), -1);
        sum.add(Linear::gradient(error, s(t, b)), 1.0 / static_cast<double>(examples_));
      }
    return sum;
  }
  // What BP(λ) adds at step t, mean over the batch: eq. 15 times the trace of Lemma A.5, of which only the terms of the
  // steps first..last.
  Linear bp_lambda_step(const Linear& g, std::int64_t t, std::int64_t first, std::int64_t last, double lambda,
                        double gamma) const {
    Linear sum = Linear::zero(size_);
    for (std::int64_t b = 0; b < examples_; ++b) {
      if (t >= length(b)) continue;
      Vector delta = loss(t + 1, b);
      delta += scaled(predicted(g, t + 1, b), gamma);
      delta = row_times(delta, jacobian(t + 1, b));
      delta += scaled(g(s(t, b)), -1);
      for (std::int64_t k = first; k <= std::min(t, last); ++k)
        sum.add(Linear::gradient(back(delta, t, k, b), s(k, b)),
                std::pow(gamma * lambda, static_cast<double>(t - k)) / static_cast<double>(examples_));
    }
    return sum;
  }

 private:
  using At = std::pair<std::int64_t, std::int64_t>;
  std::int64_t steps_, examples_;
  std::vector<std::int64_t> lengths_;
  std::size_t size_ = 0;
  std::map<At, Vector> s_, j_, loss_;
};

// A net with a linear synthesiser on one of several cells; the loss at every step (some masked), or at the last alone.
struct LambdaCase {
  std::string cell;
  bool last_only = false;
};
inline std::string name_of(const LambdaCase& c) { return c.cell + (c.last_only ? "_last" : ""); }
inline void PrintTo(const LambdaCase& c, std::ostream* out) { *out << name_of(c); }
inline const Shape lambda_shape{.steps = 6, .examples = 3, .unequal = true, .masked = true};

inline Batch batch_of(const LambdaCase& c) {
  Batch batch = make_batch(lambda_shape);
  if (!c.last_only) return batch;
  std::fill(batch.loss_mask.begin(), batch.loss_mask.end(), 0.0);
  for (std::int64_t b = 0; b < batch.examples; ++b)
    batch.loss_mask[static_cast<std::size_t>((batch.lengths[static_cast<std::size_t>(b)] - 1) * batch.examples + b)] = 1;
  return batch;
}

inline ProgramSpec rule_on(const std::string& rule, const LambdaCase& c, std::vector<std::string> show = {}) {
  ProgramSpec spec = exact(net(rule, c.cell, "linear_mse", "linear", 4));
  spec.synth = "linear";
  if (c.cell == "sparsenet") {
    for (const auto& [size, extent] : std::map<std::string, std::int64_t>{{"w", 3}, {"q", 2}, {"slot", 2}, {"r", 2}})
      spec.sizes[size] = extent;
    spec.sizes.erase("n");
  }
  spec.show = std::move(show);
  return spec;
}

// Compiled once for all tests of the process.
inline std::shared_ptr<const Program> compiled(const ProgramSpec& spec) {
  static std::map<std::string, std::shared_ptr<const Program>> known;
  std::string key = spec.rule + " " + spec.cell + " " + std::to_string(static_cast<int>(spec.update));
  for (const auto& [name, value] : spec.header) key += " " + name + std::to_string(value);
  for (const auto& name : spec.show) key += " " + name;
  auto& program = known[key];
  if (!program) program = compile(spec);
  return program;
}

// Nothing moves but what the test moves.
inline Session still(const ProgramSpec& spec, int threads = 1, const Shape& shape = lambda_shape) {
  Session session(compiled(spec), {.batch = shape.examples, .steps = shape.steps, .seed = 1, .threads = threads});
  fill(session);
  session.set_hyper("optimiser.α", 0);
  return session;
}

inline const std::vector<LambdaCase> lambda_cases = {
    {"rnn_linear"}, {"rnn_tanh"}, {"lstm"}, {"sparsenet"}, {"rnn_tanh", true}, {"lstm", true}};

}  // namespace eligo::test
