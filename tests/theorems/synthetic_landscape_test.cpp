// What a synthetic gradient does to critical points and to learning's dynamics (Czarnecki et al. 2017, sections 3 and
// 4).
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

constexpr const char* kParts = R"(
cell affine(n, m) {
  input x[m]
  state p[n] = 0
  param W[n, m], b[n] = 0
  p[t] = W . x[t] + b
}
cell deep_linear(n, m) {
  input x[m]
  state h[n] = 0
  param E[n, m] ~ normal(0, 0.7)
  param W[n, n], b[n] per step ~ normal(0, 0.7)
  h[t] = where(t == 1, E . x[t], W . h[t-1]) + b
}
readout absolute(n, k) {
  input p[n]
  target y[k]
  loss sum(abs(p))
}
readout squares(n) {
  input p[n]
  target y[n]
  loss 0.5*sum((p - y)^2)
}
readout mean_squares(n) {
  input p[n]
  target y[n]
  loss mean((p - y)^2)
}
readout log_loss(n) {
  input p[n]
  target y[n]
  loss sum(y)*logsumexp(p) - sum(y*p)
}
synth constant(n, k) {
  input s[n], y[k]
  param c[n] = 0
  output g = c
}
)";

class SyntheticLandscape : public testing::Test {
 protected:
  SyntheticLandscape() { folder_.write("parts.eli", kParts); }
  // One step, the synthesiser between the net and its loss.
  Session session(const std::string& rule, const std::string& cell, const std::string& readout,
                  const std::string& synth, std::map<std::string, std::int64_t> sizes, std::int64_t examples,
                  std::int64_t steps = 1, const std::string& optimiser = "sgd") const {
    ProgramSpec spec;
    spec.rule = rule;
    auto own = [&](const std::string& name) { return folder_ / ("parts.eli:" + name); };
    spec.cell = own(cell);
    spec.readout = readout == "linear_mse" ? readout : own(readout);
    spec.synth = synth == "constant" ? own(synth) : synth;
    spec.sizes = std::move(sizes);
    spec.optimiser = optimiser;
    return Session(compile(exact(spec)), {.batch = examples, .steps = steps, .seed = 5});
  }
  TemporaryFolder folder_;
};

Batch one_step(std::vector<double> x, std::vector<double> y, std::int64_t examples) {
  Batch batch;
  batch.steps = 1;
  batch.examples = examples;
  batch.x = std::move(x);
  batch.y = std::move(y);
  return batch;
}

// Model a x + b, loss Σ|a x + b| over x = -2, -1, 1, 2, and a synthesiser that gives one number c.
TEST_F(SyntheticLandscape, AConstantPredictionMakesCriticalPoints) {
  const std::vector<double> x = {-2, -1, 1, 2};
  const Batch batch = one_step(x, {0, 0, 0, 0}, 4);
  Session sg = session("sg", "affine", "absolute", "constant", {{"n", 1}, {"m", 1}, {"k", 1}}, 4);
  Session backprop = session("backprop", "affine", "absolute", "", {{"n", 1}, {"m", 1}, {"k", 1}}, 4);
  sg.set_hyper("optimiser.α", 0);
  backprop.set_hyper("optimiser.α", 0);
  auto place = [&](Session& s, double a, double b) {
    s.set("net.W", std::vector<double>{a});
    s.set("net.b", std::vector<double>{b});
  };
  for (const double a : {-0.7, 0.3, 1.0})
    for (const double b : {-1.5, 0.4, 3.0})
      for (const double c : {-0.2, 0.0, 0.9}) {
        place(sg, a, b);
        sg.set("g.c", std::vector<double>{c});
        sg.run(batch);
        double best = 0;
        for (const double each : x) best += (a * each + b > 0 ? 1.0 : -1.0) / 4;
        EXPECT_NEAR(sg.gathered("g.c")[0], best - c, 1e-15);  // at rest where c is the mean sign
        EXPECT_NEAR(sg.gathered("net.W")[0], 0, 1e-15);       // the inputs' mean is 0
        EXPECT_NEAR(sg.gathered("net.b")[0], -c, 1e-15);
      }
  // With b = c = 0 everything rests, whatever a is; the loss is not at its minimum, and backprop goes on.
  for (const double a : {-0.7, 0.3, 1.0}) {
    place(sg, a, 0);
    place(backprop, a, 0);
    sg.set("g.c", std::vector<double>{0});
    EXPECT_NEAR(sg.run(batch).loss, std::abs(a) * 1.5, 1e-15);
    for (const char* name : {"net.W", "net.b", "g.c"}) EXPECT_EQ(sg.gathered(name)[0], 0) << name;
    backprop.run(batch);
    EXPECT_NEAR(backprop.gathered("net.W")[0], a > 0 ? -1.5 : 1.5, 1e-15);
  }
  // Learning moves b and c and never a.
  place(sg, 0.8, 0.5);
  sg.set_hyper("optimiser.α", 0.05);
  for (int i = 0; i < 2000; ++i) sg.run(batch);
  EXPECT_NEAR(sg.get("net.W")[0], 0.8, 1e-12);
  EXPECT_GE(sg.run(batch, false).loss, 1.0);
}

// Theorem 1: linear regression, SG = (α+1) p - (β+1) y + γ on its output, the synthesiser's rate by line search. The
// rule gives the gradients, the test applies them. In every iteration the pair (f, ξ) of errors shrinks: f, what the
// regression can still gain, and ξ = A (α, β, γ), the prediction's error.
TEST_F(SyntheticLandscape, LineSearchedRegressionContracts) {
  constexpr int samples = 20;
  const std::vector<double> x = numbers("regression.x", samples * 2, 1.5),
                            noise = numbers("regression.noise", samples, 0.3);
  std::vector<double> y(samples);
  Eigen::MatrixXd data(3, samples);
  for (int s = 0; s < samples; ++s) {
    y[s] = 0.8 * x[2 * s] - 0.5 * x[2 * s + 1] + 0.4 + noise[s];
    data.col(s) << x[2 * s], x[2 * s + 1], 1;
  }
  const Eigen::VectorXd labels = Eigen::Map<const Eigen::VectorXd>(y.data(), samples);
  const Eigen::MatrixXd b = data.transpose() * data;
  const Eigen::VectorXd spectrum =
      Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(data * data.transpose()).eigenvalues();
  const double low = spectrum.minCoeff(), high = spectrum.maxCoeff();
  const Eigen::MatrixXd onto = data.transpose() * (data * data.transpose()).inverse() * data;
  const double optimum = 0.5 * (labels - onto * labels).squaredNorm() / samples;

  const Batch batch = one_step(x, y, samples);
  Session session = this->session("sg", "affine", "squares", "labelled", {{"n", 1}, {"m", 2}, {"k", 1}}, samples);
  session.set_hyper("optimiser.α", 0);
  session.set("net.W", std::vector<double>{-0.6, 0.9});
  session.set("net.b", std::vector<double>{0.7});
  auto add = [&](const std::string& name, double rate) {  // gradients are means over the samples, the theorem's sums
    std::vector<double> value = session.get(name);
    const std::vector<double> step = session.gathered(name);
    for (std::size_t i = 0; i < value.size(); ++i) value[i] += rate * samples * step[i];
    session.set(name, value);
  };
  auto outputs = [&] {
    const std::vector<double> w = session.get("net.W");
    return Eigen::VectorXd(data.transpose() * Eigen::Vector3d(w[0], w[1], session.get("net.b")[0]));
  };
  auto errors = [&] {
    return Eigen::Vector3d(session.get("g.A")[0] - 1, -session.get("g.B")[0] - 1, session.get("g.C")[0]);
  };
  int shrunk = 0, rounds = 0;
  double loss = 0;
  for (; rounds < 3000; ++rounds) {
    const Eigen::VectorXd p = outputs(), f = onto * (labels - p);
    Eigen::MatrixXd a(samples, 3);
    a << p, -labels, Eigen::VectorXd::Ones(samples);
    const Eigen::VectorXd xi = a * errors(), push = a.transpose() * xi;
    if (xi.norm() + f.norm() < 1e-5) break;
    const double nu = push.squaredNorm() / (a * push).squaredNorm();
    const double gain = push.squaredNorm() * nu / xi.squaredNorm();  // of the square of ξ's norm
    const double mu = 0.5 * std::min(low / (high * high), gain / (2 * high));
    loss = session.run(batch).loss;
    for (const char* name : {"net.W", "net.b"}) add(name, mu);
    for (const char* name : {"g.A", "g.B", "g.C"}) add(name, nu);
    const Eigen::VectorXd next_f = onto * (labels - outputs()), next_xi = a * errors();
    EXPECT_NEAR(next_xi.squaredNorm(), (1 - gain) * xi.squaredNorm(), 1e-9 * xi.squaredNorm() + 1e-18) << rounds;
    EXPECT_LE((next_f - (f - mu * b * f + mu * b * xi)).norm(), 1e-10 * (f.norm() + xi.norm()) + 1e-14) << rounds;
    shrunk += next_f.norm() + next_xi.norm() < f.norm() + xi.norm();
  }
  EXPECT_EQ(shrunk, rounds);
  EXPECT_NEAR(loss, optimum, 1e-6);
}

// The artificial data of section 4, small: points of a plane, labelled by a line through the origin, by one with a
// tenth of the labels swapped, or at random; one-hot.
enum class Labels { linear, noisy, random };
Batch artificial(Labels labels, std::int64_t steps = 1) {
  constexpr std::int64_t samples = 40;
  const std::vector<double> u = numbers("points", 2 * samples), coin = numbers("coin", samples);
  std::vector<double> x, y;
  for (std::int64_t s = 0; s < samples; ++s) {
    const double radius = std::sqrt(-2 * std::log((u[2 * s] + 1) / 2)), angle = M_PI * u[2 * s + 1];
    x.insert(x.end(), {radius * std::cos(angle), radius * std::sin(angle)});
    bool one = 0.9 * x[2 * s] - 0.6 * x[2 * s + 1] > 0;
    if (labels == Labels::noisy && std::abs(coin[s]) < 0.1) one = !one;
    if (labels == Labels::random) one = coin[s] > 0;
    y.insert(y.end(), {one ? 1.0 : 0.0, one ? 0.0 : 1.0});
  }
  Batch batch = one_step({}, {}, samples);
  batch.steps = steps;
  for (std::int64_t t = 0; t < steps; ++t) {
    batch.x.insert(batch.x.end(), x.begin(), x.end());
    batch.y.insert(batch.y.end(), y.begin(), y.end());
    batch.loss_mask.insert(batch.loss_mask.end(), samples, t + 1 == steps ? 1.0 : 0.0);
  }
  return batch;
}

double trained(Session session, const Batch& batch, int updates, double rate) {
  for (int i = 0; i < updates; ++i) {
    session.set_hyper("optimiser.α", i < updates / 2 ? rate : i < updates * 3 / 4 ? rate / 10 : rate / 100);
    session.run(batch);
  }
  return session.run(batch, false).loss;
}

// Table 2, shallow models: a squared error's gradient is linear, so that the loss reached is backprop's.
TEST_F(SyntheticLandscape, SquaredErrorConvergesToBackprop) {
  for (const Labels labels : {Labels::linear, Labels::noisy, Labels::random}) {
    const Batch batch = artificial(labels);
    const double want = trained(session("backprop", "affine", "mean_squares", "", {{"n", 2}, {"m", 2}}, 40, 1, "adam"),
                                batch, 1500, 0.02);
    const double got =
        trained(session("sg", "affine", "mean_squares", "labelled", {{"n", 2}, {"m", 2}, {"k", 2}}, 40, 1, "adam"),
                batch, 1500, 0.02);
    const double nothing =
        session("sg", "affine", "mean_squares", "labelled", {{"n", 2}, {"m", 2}, {"k", 2}}, 40).run(batch).loss;
    EXPECT_NEAR(got, want, 1e-4) << static_cast<int>(labels);
    EXPECT_GE(nothing, want + 1e-2) << static_cast<int>(labels);
  }
}

// The log loss of separable data has a gradient like a step, which no linear synthesiser holds; that of random labels
// is nearly linear. A sigmoid of the state holds it.
TEST_F(SyntheticLandscape, LogLossConvergesElsewhereUnlessTheFormHoldsItsGradient) {
  auto apart = [&](Labels labels, const std::string& synth) {
    const Batch batch = artificial(labels);
    const double want =
        trained(session("backprop", "affine", "log_loss", "", {{"n", 2}, {"m", 2}}, 40, 1, "adam"), batch, 2500, 0.03);
    return trained(session("sg", "affine", "log_loss", synth, {{"n", 2}, {"m", 2}, {"k", 2}}, 40, 1, "adam"), batch,
                   2500, 0.03) -
           want;
  };
  const double linear = apart(Labels::linear, "labelled"), noisy = apart(Labels::noisy, "labelled"),
               random = apart(Labels::random, "labelled"), held = apart(Labels::linear, "labelled_sigmoid");
  EXPECT_GE(linear, 3e-3);
  EXPECT_GE(linear, 5 * noisy);
  EXPECT_NEAR(random, 0, 1e-6);
  EXPECT_LE(held, linear / 4);
}

// Table 2, deep models: several linear layers, the synthesiser behind the second.
TEST_F(SyntheticLandscape, DeepSquaredErrorConvergesToBackprop) {
  const Batch batch = artificial(Labels::noisy, 4);
  std::map<std::string, std::int64_t> sizes = {{"n", 2}, {"m", 2}, {"k", 2}};
  const double want =
      trained(session("backprop", "deep_linear", "linear_mse", "", sizes, 40, 4, "adam"), batch, 1500, 0.02);
  Session sg = session("sg", "deep_linear", "linear_mse", "labelled", sizes, 40, 4, "adam");
  sg.set_hyper("p", 2);
  EXPECT_NEAR(trained(std::move(sg), batch, 2500, 0.02), want, 1e-3);
}

}  // namespace
}  // namespace eligo::test
