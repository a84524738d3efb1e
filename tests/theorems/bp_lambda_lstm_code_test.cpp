// The gradient of the published LSTM class of BP(λ), written out with the quantities that the class names.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/theorems/unrolled.h"

namespace eligo::test {
namespace {

constexpr std::size_t n = 3, m = 3, k = 2, wide = 2 * n;
constexpr double lambda = 0.7, gamma_ = 0.8, kappa = 0.6, scale = 0.4, rate = 0.5;
const Shape shape{.steps = 6, .examples = 3, .unequal = true, .masked = true};

struct Taken {  // one step of the cell
  Vector h = Vector(n, 0.0), c = h, i = h, f = h, g = h, o = h, loss = h;
  Vector jacobian, imm;  // get_hidtohid_grad_all; [dL/dh, dL/dh . dh/dc]
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

class Net {
 public:
  Net(const Session& s, const Batch& batch)
      : batch_(batch), wh_(s.get("net.Wh")), wx_(s.get("net.Wx")), b_(s.get("net.b")), v_(s.get("L.V")), vb_(s.get("L.b")) {}

  double gate(std::size_t which, std::size_t unit, const Taken& before, std::size_t point) const {
    const std::size_t row = which * n + unit;
    double z = b_[row];
    for (std::size_t j = 0; j < n; ++j) z += wh_[row * n + j] * before.h[j];
    for (std::size_t j = 0; j < m; ++j) z += wx_[row * m + j] * batch_.x[point * m + j];
    return z;
  }

  Taken step(const Taken& before, std::size_t point) const {
    Taken t;
    for (std::size_t u = 0; u < n; ++u) {
      t.i[u] = sigmoid(gate(0, u, before, point));
      t.f[u] = sigmoid(gate(1, u, before, point));
      t.g[u] = std::tanh(gate(2, u, before, point));
      t.o[u] = sigmoid(gate(3, u, before, point));
      t.c[u] = t.f[u] * before.c[u] + t.i[u] * t.g[u];
      t.h[u] = t.o[u] * std::tanh(t.c[u]);
    }
    for (std::size_t q = 0; q < k; ++q) {
      double error = vb_[q] - batch_.y[point * k + q];
      for (std::size_t u = 0; u < n; ++u) error += v_[q * n + u] * t.h[u];
      for (std::size_t u = 0; u < n; ++u) t.loss[u] += batch_.loss_mask[point] * 2.0 / k * error * v_[q * n + u];
    }
    t.jacobian.assign(wide * wide, 0.0);
    t.imm = t.loss;
    for (std::size_t u = 0; u < n; ++u) {
      const double dh_dc = out_cell(t, u);
      t.imm.push_back(t.loss[u] * dh_dc);
      for (std::size_t j = 0; j < n; ++j) {
        double dc_dh = 0;
        for (std::size_t q = 0; q < 3; ++q) dc_dh += post(t, before, q, u) * wh_[(q * n + u) * n + j];
        t.jacobian[(n + u) * wide + j] = dc_dh;
        t.jacobian[u * wide + j] = dh_dc * dc_dh;
      }
      t.jacobian[(n + u) * wide + n + u] = t.f[u];
      t.jacobian[u * wide + n + u] = dh_dc * t.f[u];
    }
    return t;
  }

  static double out_cell(const Taken& t, std::size_t u) { return t.o[u] * (1 - std::pow(std::tanh(t.c[u]), 2)); }
  // post_synapse_term of the input, forget, candidate and output gates
  static double post(const Taken& t, const Taken& before, std::size_t gate, std::size_t u) {
    if (gate == 0) return t.g[u] * t.i[u] * (1 - t.i[u]);
    if (gate == 1) return before.c[u] * t.f[u] * (1 - t.f[u]);
    if (gate == 2) return t.i[u] * (1 - t.g[u] * t.g[u]);
    return std::tanh(t.c[u]) * t.o[u] * (1 - t.o[u]);
  }

 private:
  const Batch& batch_;
  Vector wh_, wx_, b_, v_, vb_;
};

Vector joined(const Taken& t) {
  Vector s = t.h;
  s.insert(s.end(), t.c.begin(), t.c.end());
  return s;
}

struct Outcome {
  Vector wh = Vector(4 * n * n, 0.0), wx = Vector(4 * n * m, 0.0), b = Vector(4 * n, 0.0);
  Linear synthesiser = Linear::zero(wide), theta;
};

struct Setting {
  double bound = 1e9, bias = 2, rate = 0;
  bool after = false;
};

Vector clipped(Vector v, double bound) { return norm(v) > bound ? scaled(v, bound / norm(v)) : v; }

Outcome by_hand(const Session& session, const Batch& batch, const Linear& theta, const Setting& run) {
  const Net net(session, batch);
  Outcome out;
  out.theta = theta;
  const Vector start_h = session.get("net.h[start]"), start_c = session.get("net.c[start]");
  const auto examples = static_cast<std::size_t>(batch.examples);
  std::vector<Taken> before(examples);
  
  std::vector<std::vector<Vector>> trace_a(examples), trace_w(examples);
  for (std::size_t e = 0; e < examples; ++e) {
    before[e].h.assign(start_h.begin() + static_cast<std::ptrdiff_t>(e * n), start_h.begin() + static_cast<std::ptrdiff_t>((e + 1) * n));
    before[e].c.assign(start_c.begin() + static_cast<std::ptrdiff_t>(e * n), start_c.begin() + static_cast<std::ptrdiff_t>((e + 1) * n));
    trace_a[e].assign(wide, Vector(wide, 0.0));
    trace_w[e].assign(wide, Vector(wide * wide, 0.0));
  }
  for (std::int64_t t = 1; t <= batch.steps; ++t) {
    std::vector<Taken> taken(examples);
    Linear change = Linear::zero(wide);
    for (std::size_t e = 0; e < examples; ++e) {
      if (t > batch.lengths[e]) continue;
      taken[e] = net.step(before[e], static_cast<std::size_t>((t - 1) * batch.examples) + e);
      if (t == 1) continue;
      const Vector old = joined(before[e]);
      const bool final_step = t == batch.lengths[e];
      Vector signal = scaled(taken[e].imm, scale);
      if (!final_step) signal += scaled(out.theta(joined(taken[e])), gamma_);
      Vector delta = row_times(signal, taken[e].jacobian);
      delta += scaled(out.theta(old), -1);
      // e = γ λ J e + d(g)/d(θ), with the J of the step before
      const auto carried = [&](std::vector<Vector>& trace) {
        std::vector<Vector> next(wide, Vector(trace[0].size(), 0.0));
        for (std::size_t i = 0; t > 2 && i < wide; ++i)
          for (std::size_t j = 0; j < wide; ++j) next[i] += scaled(trace[j], gamma_ * lambda * before[e].jacobian[i * wide + j]);
        trace = next;
      };
      carried(trace_a[e]);
      carried(trace_w[e]);
      for (std::size_t i = 0; i < wide; ++i) {
        trace_a[e][i][i] += 1;
        for (std::size_t j = 0; j < wide; ++j) trace_w[e][i][i * wide + j] += old[j];
      }
      for (std::size_t i = 0; i < wide; ++i) {
        change.a += scaled(trace_a[e][i], delta[i] / static_cast<double>(examples));
        change.A += scaled(trace_w[e][i], delta[i] / static_cast<double>(examples));
      }
    }
    const Linear unmoved = out.theta;
    change = {clipped(change.A, run.bound), clipped(change.a, run.bound)};
    out.synthesiser.add(change, 1);
    out.theta.add(change, run.rate);
    for (std::size_t e = 0; e < examples; ++e) {
      if (t > batch.lengths[e]) continue;
      const auto point = static_cast<std::size_t>((t - 1) * batch.examples) + e;
      Vector signal = taken[e].imm;
      if (t < batch.lengths[e]) signal += scaled((run.after ? out.theta : unmoved)(joined(taken[e])), kappa / scale);
      for (std::size_t gate = 0; gate < 4; ++gate)
        for (std::size_t u = 0; u < n; ++u) {
          const std::size_t row = gate * n + u;
          const double d = -signal[gate == 3 ? u : n + u] * Net::post(taken[e], before[e], gate, u) / static_cast<double>(examples);
          for (std::size_t j = 0; j < n; ++j) out.wh[row * n + j] += d * before[e].h[j];
          for (std::size_t j = 0; j < m; ++j) out.wx[row * m + j] += d * batch.x[point * m + j];
          out.b[row] += run.bias * d;
        }
      before[e] = taken[e];
    }
  }
  return out;
}

Session session_of(const std::string& rule, const Setting& run, bool interpreter = false) {
  ProgramSpec spec = exact(eligo::test::net(rule, "lstm", "linear_mse", "linear", n));
  spec.interpreter = interpreter;
  spec.header["after"] = run.after;
  spec.update = run.rate > 0 ? Update::step : Update::sequence;
  Session session = make_session(spec, shape);
  for (const auto& [name, value] : {std::pair("λ", lambda), {"γ", gamma_}, {"κ", kappa}, {"scale", scale}, {"bound", run.bound}})
    session.set_hyper(name, value);
  if (rule == "bp_lambda_lstm_code") session.set_hyper("bias", run.bias);
  session.set_hyper("optimiser.α", 0);
  session.set_hyper("optimiser.θ.α", run.rate);
  return session;
}

double apart(const Session& s, const Outcome& want) {
  return std::max({difference(s.gathered("net.Wh"), want.wh), difference(s.gathered("net.Wx"), want.wx),
                   difference(s.gathered("net.b"), want.b), distance(gathered_synthesiser(s), want.synthesiser),
                   distance(synthesiser(s), want.theta)});
}

TEST(BpLambdaLstmCode, AgreesWithTheCodeByHand) {
  const Batch batch = make_batch(shape);
  for (const Setting& run : {Setting{}, Setting{.bias = 1}, Setting{.bound = 0.05}, Setting{.rate = rate}, Setting{.rate = rate, .after = true},
                         Setting{.bound = 0.05, .rate = rate, .after = true}})
    for (const bool interpreter : {false, true}) {
      Session session = session_of("bp_lambda_lstm_code", run, interpreter);
      const Linear theta = synthesiser(session);
      session.run(batch);
      EXPECT_LE(apart(session, by_hand(session, batch, theta, run)), 1e-11) << run.bound << run.bias << run.rate << run.after;
      Setting other = run;
      other.after = !run.after;
      if (run.rate > 0) {
        EXPECT_GE(apart(session, by_hand(session, batch, theta, other)), 1e-4);
      }
    }
}

TEST(BpLambdaLstmCode, WithoutASynthesiserTheCellLearnsTheSame) {
  const Batch batch = make_batch(shape);
  for (const double bias : {1.0, 2.0}) {
    const Setting setting{.bias = bias};
    Session code = session_of("bp_lambda_lstm_code", setting), authors = session_of("bp_lambda_authors", setting);
    for (Session* each : {&code, &authors}) {
      each->set_hyper("κ", 0);
      each->run(batch);
    }
    EXPECT_LE(difference(code.gathered("net.Wh"), authors.gathered("net.Wh")), 1e-13);
    EXPECT_LE(difference(code.gathered("net.Wx"), authors.gathered("net.Wx")), 1e-13);
    EXPECT_LE(difference(code.gathered("net.b"), scaled(authors.gathered("net.b"), bias)), 1e-13);
  }
}

// The rule that has the paper's definitions differs in the cell's part and in the synthesiser's.
TEST(BpLambdaLstmCode, IsNotTheExactGradient) {
  const Batch batch = make_batch(shape);
  const Setting run{.bias = 1};
  Session code = session_of("bp_lambda_lstm_code", run), exact_one = session_of("bp_lambda_authors", run);
  code.run(batch);
  exact_one.run(batch);
  EXPECT_GE(difference(code.gathered("net.Wh"), exact_one.gathered("net.Wh")), 1e-2);
  EXPECT_GE(distance(gathered_synthesiser(code), gathered_synthesiser(exact_one)), 1e-3);
  EXPECT_LE(difference(code.gathered("L.V"), exact_one.gathered("L.V")), 1e-14);
}

}  // namespace
}  // namespace eligo::test
