// Decoupled interfaces between the layers of a net, and their mixture with backpropagation (Jaderberg et al. 2017).
#include <gtest/gtest.h>

#include "tests/theorems/steps.h"

namespace eligo::test {
namespace {

using Gathered = std::map<std::string, std::vector<double>>;

constexpr std::int64_t kUnits = 4;
const Shape uneven{.steps = 6, .examples = 3, .unequal = true, .masked = true};

ProgramSpec spec(const std::string& rule, const std::string& cell, const std::string& synth = "",
                 const std::vector<std::string>& show = {}) {
  ProgramSpec made = exact(net(rule, cell, "linear_mse", "linear", kUnits));
  made.synth = synth;
  if (synth.find("mlp") != std::string::npos) made.sizes["hidden"] = 3;
  made.show = show;
  return made;
}

Gathered learn(Session& session, const Batch& batch) {
  session.set_hyper("optimiser.α", 0);
  session.run(batch);
  Gathered out;
  for (const std::string& name : parameters(session)) out[name] = session.gathered(name);
  return out;
}

double distance(const Gathered& a, const Gathered& b, const std::string& only = "") {
  double most = 0;
  for (const auto& [name, values] : a)
    if (name.rfind(only, 0) == 0 && b.contains(name)) most = std::max(most, difference(values, b.at(name)));
  return most;
}

std::vector<double> all(double value) { return std::vector<double>(static_cast<std::size_t>(uneven.steps), value); }

class DniLayers : public testing::TestWithParam<std::string> {
 protected:
  Session session(const std::string& rule, const std::string& synth = "",
                  const std::vector<std::string>& show = {}) const {
    return make_session(spec(rule, GetParam(), synth, show), uneven);
  }
  const Batch batch_ = make_batch(uneven);
};

TEST_P(DniLayers, LambdaOneIsBackprop) {
  Session bptt = session("bptt"), mixed = session("dni_lambda", "layer");
  const Gathered want = learn(bptt, batch_);
  mixed.set("λ", all(1));
  EXPECT_LE(distance(learn(mixed, batch_), want), 1e-13);
  mixed.set("λ", all(0.9));
  EXPECT_GE(distance(learn(mixed, batch_), want, "net."), 1e-4);
}

TEST_P(DniLayers, BetweenAllLayersIsTheMixtureWithLambdaZero) {
  for (const char* synth : {"layer", "linear"}) {
    Session dni = session("dni", synth), mixed = session("dni_lambda", synth);
    const Gathered want = learn(dni, batch_);
    mixed.set("λ", all(0));
    EXPECT_LE(distance(learn(mixed, batch_), want), 1e-13);
    std::vector<double> one = all(0);
    one[2] = 1;  // the third layer hands on what it receives
    mixed.set("λ", one);
    EXPECT_GE(distance(learn(mixed, batch_), want, "g."), 1e-4);
  }
}

// λ of 0 at every second layer and 1 between: chunks of two steps, joined by synthetic gradients.
TEST_P(DniLayers, LambdaIsTheLayersOwn) {
  Session chunks = session("dni_lambda", "linear");
  ProgramSpec windows = spec("n_step_sg", GetParam(), "linear");
  windows.header["n"] = 2;
  Session windowed = make_session(windows, uneven);
  windowed.set_hyper("κ", 1);
  const Gathered want = learn(windowed, batch_);
  chunks.set("λ", std::vector<double>{1, 0, 1, 0, 1, 0});
  EXPECT_LE(distance(learn(chunks, batch_), want, "net."), 1e-13);
  chunks.set("λ", std::vector<double>{0, 1, 0, 1, 0, 1});
  EXPECT_GE(distance(learn(chunks, batch_), want, "net."), 1e-4);
}

TEST_P(DniLayers, LabelsReachTheSynthesisers) {
  Session plain = session("dni_lambda", "layer"), labelled = session("cdni", "layer_labelled", {"z", "G"});
  const std::vector<double> lambda = {0.5, 0, 1, 0.2, 0.8, 0.3};
  plain.set("λ", lambda);
  labelled.set("λ", lambda);
  plain.set("g.a", labelled.get("g.C"));
  const std::vector<double> b = labelled.get("g.B");
  labelled.set("g.B", std::vector<double>(b.size()));
  const Gathered want = learn(plain, batch_), same = learn(labelled, batch_);
  EXPECT_LE(distance(same, want), 1e-13);
  EXPECT_LE(difference(same.at("g.C"), want.at("g.a")), 1e-13);
  labelled.set("g.B", b);
  const Gathered other = learn(labelled, batch_);
  EXPECT_GE(distance(other, want, "net."), 1e-3);
  // What the labels' matrix of each layer learns, by hand.
  const Steps z(labelled.shown("z"), 6, 3), g(labelled.shown("G"), 6, 3);
  const auto size = static_cast<std::size_t>(z.size());
  std::vector<double> taught(b.size());
  for (std::int64_t t = 1; t <= 6; ++t)
    for (std::int64_t e = 0; e < 3; ++e) {
      if (t >= batch_.lengths[static_cast<std::size_t>(e)]) continue;
      for (std::size_t i = 0; i < size; ++i)
        for (std::size_t k = 0; k < 2; ++k)
          taught[((static_cast<std::size_t>(t) - 1) * size + i) * 2 + k] +=
              (z.at(t, e)[i] - g.at(t, e)[i]) * batch_.y[static_cast<std::size_t>((t - 1) * 3 + e) * 2 + k] / 3;
    }
  EXPECT_LE(difference(other.at("g.B"), taught), 1e-12);
}

// What the synthesisers learn is minus the slope of ½|z - G|², the targets held where they were.
TEST_P(DniLayers, DerivativesAreTrueWithHiddenLayers) {
  for (const auto& [rule, synth] : {std::pair{"dni_lambda", "layer_mlp"}, std::pair{"cdni", "layer_mlp_labelled"},
                                    std::pair{"cdni", "labelled_mlp"}}) {
    SCOPED_TRACE(synth);
    Session mixed = session(rule, synth, {"z", "G"});
    mixed.set("λ", std::vector<double>{0.5, 0, 1, 0.2, 0.8, 0.3});
    const Gathered learned = learn(mixed, batch_);
    const std::vector<double> target = mixed.shown("z").values;
    auto loss = [&] {
      mixed.run(batch_);
      const std::vector<double> g = mixed.shown("G").values;
      double sum = 0;
      for (std::size_t i = 0; i < g.size(); ++i) sum += 0.5 * (target[i] - g[i]) * (target[i] - g[i]) / 3;
      return sum;
    };
    for (const auto& [name, gradient] : learned) {
      if (name.rfind("g.", 0) != 0) continue;
      const std::vector<double> at = mixed.get(name);
      std::size_t steepest = 0;
      for (std::size_t i = 0; i < gradient.size(); ++i)
        if (std::abs(gradient[i]) > std::abs(gradient[steepest])) steepest = i;
      for (const std::size_t i : {steepest, at.size() / 5}) {
        std::vector<double> moved = at;
        constexpr double step = 1e-6;
        moved[i] = at[i] + step;
        mixed.set(name, moved);
        const double up = loss();
        moved[i] = at[i] - step;
        mixed.set(name, moved);
        EXPECT_NEAR(gradient[i], -(up - loss()) / (2 * step), 1e-7) << name << " " << i;
        mixed.set(name, at);
      }
      EXPECT_GT(std::abs(gradient[steepest]), 1e-6) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, DniLayers, testing::Values("feedforward", "rnn_linear", "rnn_tanh", "lstm"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace eligo::test
