// `:=` of a rule's keep values and the statistics of `per neuron` blocks.
#include <gtest/gtest.h>

#include "tests/theorems/sgprop.h"

namespace eligo::test {
namespace {

ProgramSpec spec_of(const std::string& rule, const std::string& cell = "rnn_tanh", bool interpreter = false) {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = cell;
  spec.readout = "linear_mse";
  spec.sizes = {{"n", 4}, {"m", 3}, {"k", 2}};
  spec.interpreter = interpreter;
  return exact(spec);
}

// What compiling the text of a rule (and a cell) says is wrong.
std::string fault_of(const std::string& rule, const std::string& cell = "") {
  const TemporaryFolder folder;
  ProgramSpec spec = spec_of(folder.write("rule.eli", rule));
  if (!cell.empty()) spec.cell = folder.write("cell.eli", cell);
  try {
    compile(spec);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

const std::string bptt_lines =
    "  let s = net.state, ψ = net.params, φ = L.params\n"
    "  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])\n"
    "  learn ψ -= r[t] . d(s[t])/d(ψ)\n  learn φ -= d(L[t])/d(φ)\n";

TEST(KeepValues, ChangeOnceABatchAndAreReadAsTheyWere) {
  const TemporaryFolder folder;
  const std::string rule = folder.write("counting.eli",
                                        "rule counting(net: cell, L: readout) {\n"
                                        "  let ψ = net.params, φ = L.params, s = net.state\n"
                                        "  hyper step = 0.3\n  keep batches = 0, rate = 0.5 in [0, 1], before = 0\n"
                                        "  twice = 2*batches\n"
                                        "  learn ψ -= rate * d(L[t])/d(s[t]) . d(s[t])/d(ψ)\n"
                                        "  learn φ -= d(L[t])/d(φ)\n"
                                        "  batches := batches + 1\n  rate := rate + step\n  before := twice\n}\n");
  for (const bool interpreter : {false, true}) {
    const Shape shape{.steps = 3, .examples = 2};
    Session s = make_session(spec_of(rule, "rnn_tanh", interpreter), shape);
    s.set_hyper("optimiser.α", 0);
    const double rates[] = {0.5, 0.8, 1.0, 1.0};
    std::vector<double> first;
    for (int k = 0; k < 4; ++k) {
      EXPECT_NEAR(s.get("rate")[0], rates[k], 1e-15) << k;
      EXPECT_EQ(s.get("batches")[0], k);
      EXPECT_EQ(s.get("before")[0], k > 0 ? 2 * (k - 1) : 0);
      s.run(make_batch(shape));
      const std::vector<double> w = s.gathered("net.W");
      if (k == 0) first = w;
      else EXPECT_NEAR(w[0] / first[0], rates[k] / rates[0], 1e-12) << k;
    }
    s.run(make_batch(shape), false);  // validation
    EXPECT_EQ(s.get("batches")[0], 4);
  }
}

// Each statistic against its textbook form, of an online rule whose samples are known a step late.
TEST(KeepValues, StatisticsAreThoseOfTheSamples) {
  const TemporaryFolder folder;
  const std::string rule = folder.write(
      "statistics.eli",
      "rule statistics(net: cell over neurons w, L: readout) {\n"
      "  let s = net.state, ψ = net.params, φ = L.params\n"
      "  keep spread[w] = 0, joint[w] = 0, bias[w] = 0, samples[w] = 0, centre[w] = 0, ratio[w] = 7\n"
      "  c[t] = d(L[t])/d(s[t])\n  u[t] = d(L[t+1])/d(s[t+1]) . d(s[t+1])/d(s[t])\n"
      "  learn ψ -= c[t] . d(s[t])/d(ψ)\n  learn φ -= d(L[t])/d(φ)\n"
      "  per neuron w, over batch and t {\n"
      "    p = c[t] . d(s[t])/d(ψ)\n    q = unit(u[t]) . d(s[t])/d(ψ)\n    v = var(p)\n"
      "    spread := v\n    joint := cov(p, q)\n    bias := norm2(mean(q))\n    samples := count\n"
      "    centre := mean(inner(u[t], s[t]))\n    ratio := v/(v - v)\n  }\n}\n");
  const Shape shape{.steps = 5, .examples = 4, .unequal = true, .masked = true};
  const Batch batch = make_batch(shape);
  for (const std::string cell : {"rnn_tanh", "lstm"}) {
    for (const bool interpreter : {false, true}) {
      SCOPED_TRACE(cell + (interpreter ? " interpreted" : ""));
      ProgramSpec spec = spec_of(rule, cell, interpreter);
      spec.show = {"c", "u"};
      Session s = make_session(spec, shape);
      s.set_hyper("optimiser.α", 0);
      s.run(batch);
      const Samples samples = probe(spec, s, batch);
      const Steps c(s.shown("c"), shape.steps, shape.examples), u(s.shown("u"), shape.steps, shape.examples);
      for (std::size_t w = 0; w < 4; ++w) {
        std::vector<std::vector<double>> p, q;
        double centre = 0;
        for (std::size_t b = 0; b < samples.of.size(); ++b)
          for (std::size_t k = 0; k < samples.of[b].size(); ++k) {
            const auto at = static_cast<std::int64_t>(k) + 1;
            const auto example = static_cast<std::int64_t>(b);
            std::vector<double> mine(c.at(at, example).begin(), c.at(at, example).end());
            std::vector<double> later(u.at(at, example).begin(), u.at(at, example).end());
            double norm = 0;
            for (std::size_t i = 0; i < mine.size(); ++i) {
              if (i % 4 != w) mine[i] = later[i] = 0;
              norm += later[i] * later[i];
              centre += later[i] * samples.of[b][k].state[i];
            }
            for (double& x : later) x /= std::max(std::sqrt(norm), 1e-12);
            p.push_back(times(mine, samples.of[b][k].to_params));
            q.push_back(times(later, samples.of[b][k].to_params));
          }
        const std::vector<double> mean = mean_of(q);
        EXPECT_NEAR(s.get("spread")[w], covariance(p, p), 1e-12);
        EXPECT_NEAR(s.get("joint")[w], covariance(p, q), 1e-12);
        EXPECT_NEAR(s.get("bias")[w], dot(mean, mean), 1e-12);
        EXPECT_EQ(s.get("samples")[w], static_cast<double>(p.size()));
        EXPECT_NEAR(s.get("centre")[w], centre / static_cast<double>(p.size()), 1e-12);
        EXPECT_EQ(s.get("ratio")[w], 7);  // the denominator is 0
        EXPECT_GT(std::abs(s.get("joint")[w]), 1e-9);
      }
    }
  }
}

TEST(KeepValues, MustNotDifferBetweenExamples) {
  EXPECT_MENTIONS(fault_of("rule r(net: cell, L: readout) {\n  keep c = 0\n" + bptt_lines + "  c := sum(r[t])\n}\n"),
                  "the left side, `c`, has no t");
  EXPECT_MENTIONS(fault_of("rule r(net: cell over neurons w, L: readout) {\n  keep c[w] = 0\n" + bptt_lines +
                           "  per neuron w, over batch and t {\n    c := norm2(r[t])\n  }\n}\n"),
                  "differs between its examples");
  EXPECT_MENTIONS(fault_of("rule r(net: cell over neurons w, L: readout) {\n  keep c[w] = 0\n" + bptt_lines +
                           "  per neuron w, over batch and t {\n    c := var(norm2(r[t]) - mean(norm2(r[t])))\n  }\n}\n"),
                  "a statistic of a statistic");
}

// A parameter behind a second layer, or one that all neurons share, is nobody's own.
TEST(KeepValues, ParametersOfSeveralNeuronsAreRefusedByName) {
  const std::string rule = "rule r(net: cell over neurons w, L: readout) {\n  keep c[w] = 0\n" + bptt_lines +
                           "  per neuron w, over batch and t {\n    p = r[t] . d(s[t])/d(ψ)\n    c := var(p)\n  }\n}\n";
  auto cell = [](const std::string& parameters, const std::string& equation) {
    return "cell deep(n, m) {\n  input x[m]\n  state h[n] = 0\n  param W[n, n], U[n, m], " + parameters +
           " ~ normal(0, 1)\n  h[t] = " + equation + "\n}\n";
  };
  EXPECT_EQ(fault_of(rule, cell("b[n]", "tanh(W . h[t-1] + U . x[t] + b)")), "");
  EXPECT_MENTIONS(fault_of(rule, cell("V[n, n]", "tanh(W . tanh(V . h[t-1]) + U . x[t])")), "net.V is not one neuron's own");
  EXPECT_MENTIONS(fault_of(rule, cell("gain", "tanh(gain * W . h[t-1] + U . x[t])")), "net.gain is not one neuron's own");
  EXPECT_MENTIONS(fault_of(rule, cell("b[n]", "softmax[n](W . h[t-1] + U . x[t] + b)")), "is not one neuron's own");
}

// What a derivative holds hides the parameters behind it, and the others are each neuron's own: an embedding of the input.
TEST(KeepValues, ParametersBehindWhatIsHeldAreNotAsked) {
  const std::string held = "rule r(net: cell over neurons w, L: readout) {\n  keep c[w] = 0\n" + bptt_lines +
                           "  per neuron w, over batch and t {\n    p = r[t] . d(s[t])/d(ψ | net.e[t])\n    c := var(p)\n  }\n}\n";
  const std::string all = "rule r(net: cell over neurons w, L: readout) {\n  keep c[w] = 0\n" + bptt_lines +
                          "  per neuron w, over batch and t {\n    p = r[t] . d(s[t])/d(ψ)\n    c := var(p)\n  }\n}\n";
  const std::string cell =
      "cell behind(n, m) {\n  input x[m]\n  state h[n] = 0\n  param W[n, n], U[n, m], F[m, m] ~ normal(0, 1)\n"
      "  e[t] = F . x[t]\n  h[t] = tanh(W . h[t-1] + U . e[t])\n}\n";
  EXPECT_EQ(fault_of(held, cell), "");
  EXPECT_MENTIONS(fault_of(all, cell), "net.F is not one neuron's own");
}

// The statistic of an embedded net is that of the same net with the embedding as its input.
TEST(KeepValues, AnEmbeddedNetsWeightsAreThoseOfTheNetBehindIt) {
  const Shape shape{.steps = 4, .examples = 3, .inputs = 2, .unequal = true};
  ProgramSpec embedded = spec_of("sgprop_temporal_slots", "sparsenet_embedded");
  embedded.synth = "sparsenet_slots";
  embedded.sizes = {{"w", 4}, {"q", 2}, {"slot", 2}, {"r", 2}, {"m", 2}, {"k", 2}, {"e", 2}, {"f", 3}, {"d", 3}};
  embedded.show = {"net.x"};
  Session s = make_session(embedded, shape);
  Batch batch = make_batch(shape);
  s.set_hyper("optimiser.α", 0);
  s.set("mix", std::vector<double>{0.2, 0.5, 0.7, 0.9});
  s.run(batch);

  ProgramSpec plain = spec_of("sgprop_temporal_slots", "sparsenet_inputs");
  plain.synth = "sparsenet_slots";
  plain.sizes = {{"w", 4}, {"q", 2}, {"slot", 2}, {"r", 2}, {"m", 3}, {"k", 2}, {"e", 2}};
  Session behind = make_session(plain, {.steps = 4, .examples = 3, .inputs = 3, .unequal = true});
  for (const TensorInfo& info : behind.tensors()) behind.set(info.name, s.get(info.name));
  behind.set("mix", std::vector<double>{0.2, 0.5, 0.7, 0.9});
  batch.x = s.shown("net.x").values;
  behind.run(batch);
  EXPECT_LE(difference(behind.get("mix"), s.get("mix")), 1e-10);
  for (const char* name : {"net.A", "net.Kx", "L.V"})
    EXPECT_LE(difference(behind.gathered(name), s.gathered(name)), 1e-10) << name;
}

}  // namespace
}  // namespace eligo::test
