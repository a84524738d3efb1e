// Decoupled neural interfaces of recurrent nets (Jaderberg et al. 2017): mixtures, auxiliary task, critics, unlock.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/runtime/temporary.h"
#include "tests/theorems/steps.h"

namespace eligo::test {
namespace {

using Gathered = std::map<std::string, std::vector<double>>;
using Hypers = std::map<std::string, double>;

// What one batch teaches every parameter whose name begins with one of `roles`.
Gathered taught(const ProgramSpec& spec, const Shape& shape, const Hypers& hypers, const std::string& roles) {
  Session session = make_session(spec, shape);
  for (const auto& [name, value] : hypers) session.set_hyper(name, value);
  session.run(make_batch(shape));
  Gathered out;
  for (const std::string& name : parameters(session))
    if (roles.find(name[0]) != std::string::npos) out[name] = session.gathered(name);
  return out;
}

double distance(const Gathered& a, const Gathered& b) {
  if (a.size() != b.size() || a.empty()) return 1e300;
  double most = 0;
  for (const auto& [name, value] : a) {
    if (!b.contains(name)) return 1e300;
    most = std::max(most, difference(value, b.at(name)));
  }
  return most;
}

class RecurrentDni : public testing::TestWithParam<std::string> {
 protected:
  ProgramSpec spec(const std::string& rule, std::int64_t window) const {
    ProgramSpec s = exact(net(rule, GetParam(), "linear_softmax"));
    s.header["n"] = window;
    return s;
  }
  ProgramSpec online(const std::string& rule) const { return exact(net(rule, GetParam(), "linear_softmax")); }
  const Shape shape_{.steps = 7, .examples = 4, .unequal = true, .masked = true};
};

TEST_P(RecurrentDni, FullMixtureIsBptt) {
  const auto bptt = taught(spec("bptt", -1), shape_, {}, "nL");
  EXPECT_LE(distance(taught(spec("dni_rnn", -1), shape_, {{"λ", 1}}, "nL"), bptt), 1e-12);
  EXPECT_GE(distance(taught(spec("dni_rnn", -1), shape_, {{"λ", 0.9}}, "nL"), bptt), 1e-5);
  const auto chunks = taught(spec("n_step_sg", 3), shape_, {}, "nL");
  EXPECT_LE(distance(taught(spec("dni_rnn", 3), shape_, {{"λ", 1}}, "nL"), chunks), 1e-12);
  EXPECT_GE(distance(taught(spec("dni_rnn", 2), shape_, {{"λ", 1}}, "nL"), chunks), 1e-5);
}

TEST_P(RecurrentDni, NoMixtureIsPrediction) {
  const Hypers one_step = {{"λ", 0}, {"γ", 1}, {"κ", 0.1}};
  const auto predicted = taught(online("bp_lambda"), shape_, one_step, "nLg");
  for (const std::int64_t window : {-1, 1, 3})
    EXPECT_LE(distance(taught(spec("dni_rnn", window), shape_, {{"λ", 0}}, "nLg"), predicted), 1e-12) << window;
  EXPECT_GE(distance(taught(spec("dni_rnn", -1), shape_, {{"λ", 0.1}}, "nLg"), predicted), 1e-5);
}

TEST_P(RecurrentDni, AuxWithoutItsTasksIsNStep) {
  const auto n_step = taught(spec("n_step_sg", 3), shape_, {}, "nLg");
  EXPECT_LE(distance(taught(spec("dni_aux", 3), shape_, {{"σ", 0}}, "nLg"), n_step), 1e-12);
  EXPECT_GE(distance(taught(spec("dni_aux", 3), shape_, {{"σ", 1}}, "nLg"), n_step), 1e-5);
  EXPECT_GE(distance(taught(spec("dni_aux", 3), shape_, {{"σ", 0}, {"ρ", 1}}, "nLg"), n_step), 1e-5);
}

// What the auxiliary task adds is the gradient of half its squared error, through the last step before the window.
TEST_P(RecurrentDni, AuxErrorMovesTheNet) {
  TemporaryFolder folder;
  folder.write("errors.eli", R"(
rule errors(net: cell, L: readout, g: synth, f: synth, n = 5) {
  let s = net.state, ψ = net.params
  window n, short first
  G[t]    = g(s[t])
  G[last] = 0
  r[t]    = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])
  r[end]  = d(L[end])/d(s[end]) + 0.1*G[end]
  learn ψ -= r[t] . d(s[t])/d(ψ)
  learn ψ += (stop(G[end]) - f(s[start])) . d(f(s[start]))/d(ψ)
}
)");
  ProgramSpec by_hand = spec("errors", 3);
  by_hand.rule_paths = {folder.path()};
  const auto want = taught(by_hand, shape_, {}, "n");
  EXPECT_LE(distance(taught(spec("dni_aux", 3), shape_, {{"σ", 1}}, "n"), want), 1e-12);
  EXPECT_GE(distance(taught(spec("dni_aux", 3), shape_, {{"σ", 0.9}}, "n"), want), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cells, RecurrentDni, testing::Values("rnn_linear", "rnn_tanh", "lstm", "gru"),
                         [](const auto& each) { return each.param; });

constexpr const char* kTeach = R"(
rule teach(net: cell, L: readout, g: synth) {
  let s = net.state, θ = g.params
  G[t] = g(s[t])
  learn θ += s[t] . d(G[t])/d(θ)
}
)";

// The critic's synthetic gradient is that of its scalar, and what it learns is the derivative of that gradient.
TEST(Critic, IsTheGradientOfItsPrediction) {
  TemporaryFolder folder;
  folder.write("teach.eli", kTeach);
  const Shape shape{.steps = 3, .examples = 2};
  for (const std::string cell : {"rnn_tanh", "lstm"}) {
    ProgramSpec spec = exact(net("teach", cell, "linear_mse", "critic"));
    spec.rule_paths = {folder.path()};
    spec.sizes["hidden"] = 4;
    spec.show = {"s", "G"};
    Session session = make_session(spec, shape);
    session.set_hyper("optimiser.α", 0);
    const auto weights = session.get("g.W"), bias = session.get("g.b"), top = session.get("g.a");
    auto scalar = [&](std::span<const double> s) {
      double v = 0;
      for (std::size_t h = 0; h < 4; ++h) {
        double z = bias[h];
        for (std::size_t j = 0; j < s.size(); ++j) z += weights[h * s.size() + j] * s[j];
        v += top[h] * std::tanh(z);
      }
      return v;
    };
    session.run(make_batch(shape));
    const Steps s(session.shown("s"), shape.steps, shape.examples), g(session.shown("G"), shape.steps, shape.examples);
    for (std::int64_t b = 0; b < shape.examples; ++b) {
      std::vector<double> at(s.at(2, b).begin(), s.at(2, b).end());
      for (std::size_t j = 0; j < at.size(); ++j) {
        const double here = at[j], h = 1e-5;
        at[j] = here + h;
        const double above = scalar(at);
        at[j] = here - h;
        const double below = scalar(at);
        at[j] = here;
        EXPECT_NEAR(g.at(2, b)[j], (above - below) / (2 * h), 1e-9);
      }
    }
    // Σ_t mean_b s . G, with s held, as a function of θ.
    std::map<std::string, std::vector<double>> taught;
    for (const std::string name : {"g.W", "g.b", "g.a"}) taught[name] = session.gathered(name);
    for (const auto& [name, gathered] : taught) {
      std::vector<double> value = session.get(name);
      for (std::size_t i = 0; i < value.size(); ++i) {
        double side[2];
        for (int k = 0; k < 2; ++k) {
          std::vector<double> moved = value;
          moved[i] += k == 0 ? 1e-5 : -1e-5;
          session.set(name, moved);
          session.run(make_batch(shape), false);
          const auto all = session.shown("s"), predicted = session.shown("G");
          const auto start = all.values.size() - predicted.values.size();  // the initial state may be shown too
          const std::vector<double> steps(all.values.begin() + static_cast<std::ptrdiff_t>(start), all.values.end());
          side[k] = dot(steps, predicted.values) / 2;
        }
        session.set(name, value);
        EXPECT_NEAR(gathered[i], (side[0] - side[1]) / 2e-5, 1e-8) << cell << " " << name << " " << i;
      }
    }
  }
}

// Means and variances over the valid steps of all examples, averaged with what was kept; used by the next batch only.
TEST(NormalisedSynth, KeepsTheStatisticsOfItsBatch) {
  const Shape shape{.steps = 6, .examples = 5, .unequal = true};
  const Batch batch = make_batch(shape);
  for (const std::string cell : {"rnn_tanh", "lstm"}) {
    ProgramSpec spec = exact(net("bp_lambda", cell, "linear_mse", "mlp_normal"));
    spec.sizes["hidden"] = 4;
    spec.show = {"s", "G"};
    Session session = make_session(spec, shape, 2);
    session.set_hyper("optimiser.α", 0);
    session.run(batch);
    const Steps s(session.shown("s"), shape.steps, shape.examples);
    const std::vector<double> weights = session.get("g.W"), first = session.shown("G").values;
    const auto n = static_cast<std::size_t>(s.size());
    std::vector<double> mean(4, 0.0), variance(4, 0.0);
    double count = 0;
    for (const bool second : {false, true})
      for (std::int64_t b = 0; b < shape.examples; ++b)
        for (std::int64_t t = 1; t <= batch.lengths[static_cast<std::size_t>(b)]; ++t) {
          count += second ? 0 : 1;
          for (std::size_t h = 0; h < 4; ++h) {
            double z = 0;
            for (std::size_t j = 0; j < n; ++j) z += weights[h * n + j] * s.at(t, b)[j];
            if (second) variance[h] += (z - mean[h] / count) * (z - mean[h] / count);
            else mean[h] += z;
          }
        }
    for (std::size_t h = 0; h < 4; ++h) {
      mean[h] = 0.1 * mean[h] / count;
      variance[h] = 0.9 + 0.1 * variance[h] / count;
    }
    EXPECT_LE(difference(session.get("g.m"), mean), 1e-12) << cell;
    EXPECT_LE(difference(session.get("g.v"), variance), 1e-12) << cell;
    // Of all steps alike, without the lengths, they would be others.
    Batch padded = batch;
    padded.lengths.clear();
    Session other = make_session(spec, shape);
    other.set_hyper("optimiser.α", 0);
    other.run(padded);
    EXPECT_GE(difference(other.get("g.m"), mean), 1e-3) << cell;
    // The batch itself was normalised by what was kept before it, the next one is by its statistics.
    session.run(batch);
    EXPECT_GE(difference(session.shown("G").values, first), 1e-3) << cell;
  }
}

constexpr const char* kEveryLayer = R"(
rule every_layer(net: cell, L: readout, g: synth) {
  let s = net.state, ψ = net.params, φ = L.params, θ = g.params
  G[t]    = g(s[t])
  G[last] = 0
  learn ψ -= (d(L[t])/d(s[t]) + G[t]) . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
  learn θ += ((d(L[t+1])/d(s[t+1]) + G[t+1]) . d(s[t+1])/d(s[t]) - G[t]) . d(G[t])/d(θ)
}
)";

class CompleteUnlock : public testing::TestWithParam<std::string> {
 protected:
  // Inputs that tell step and example apart let a linear predictor be exact: its columns are the states.
  Gathered unlocked(double off) {
    ProgramSpec spec = sized("dni_unlock");
    spec.synth = "g=linear, i=local";
    spec.show = {"s"};
    Session session = ready(spec);
    session.run(batch_);
    const Session::Shown states = session.shown("s");
    const Steps s(states, 4, 2);
    const auto n = static_cast<std::size_t>(s.size());
    std::vector<double> columns(n * 8);
    for (std::int64_t t = 1; t <= 4; ++t)
      for (std::int64_t b = 0; b < 2; ++b)
        for (std::size_t j = 0; j < n; ++j)
          columns[j * 8 + static_cast<std::size_t>((t - 1) * 2 + b)] = s.at(t, b)[j] + off;
    session.set("i.X", columns);
    session.set("i.A", std::vector<double>(n * n, 0.0));
    session.set("i.a", std::vector<double>(n, 0.0));
    session.run(batch_);
    EXPECT_EQ(difference(session.gathered("i.X"), std::vector<double>(n * 8, 0.0)) < 1e-12, off == 0);
    return collect(session);
  }
  Gathered every_layer() {
    folder_.write("every_layer.eli", kEveryLayer);
    ProgramSpec spec = sized("every_layer");
    spec.rule_paths = {folder_.path()};
    Session session = ready(spec);
    session.run(batch_);
    return collect(session);
  }

 private:
  ProgramSpec sized(const std::string& rule) {
    ProgramSpec spec = exact(net(rule, GetParam()));
    spec.sizes["m"] = 8;
    return spec;
  }
  Session ready(const ProgramSpec& spec) {
    batch_ = make_batch({.steps = 4, .examples = 2});
    batch_.x.assign(4 * 2 * 8, 0.0);
    for (std::size_t k = 0; k < 8; ++k) batch_.x[k * 8 + k] = 1;
    Session session(compile(spec), {.batch = 2, .steps = 4});
    fill(session);
    session.set_hyper("optimiser.α", 0);
    for (const std::string& state : states(GetParam()))
      session.set(state + "[start]", std::vector<double>(session.get(state + "[start]").size(), 0.0));
    return session;
  }
  static Gathered collect(const Session& session) {
    Gathered out;
    for (const std::string& name : parameters(session))
      if (name[0] != 'i') out[name] = session.gathered(name);
    return out;
  }
  Batch batch_;
  TemporaryFolder folder_;
};

TEST_P(CompleteUnlock, TrueInputsAreDni) { EXPECT_LE(distance(unlocked(0), every_layer()), 1e-12); }
TEST_P(CompleteUnlock, OtherInputsAreNot) { EXPECT_GE(distance(unlocked(1e-3), every_layer()), 1e-5); }

INSTANTIATE_TEST_SUITE_P(Cells, CompleteUnlock, testing::Values("rnn_linear", "rnn_tanh", "lstm", "gru"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace eligo::test
