// SGProp in a feed-forward net whose layers are steps: mixing weights and statistics of each layer by itself.
#include <gtest/gtest.h>

#include <set>

#include "tests/theorems/sgprop.h"

namespace eligo::test {
namespace {

constexpr std::size_t kNeurons = 4, kUnits = 8;
const Shape shape{.steps = 3, .examples = 4, .inputs = 5};

ProgramSpec spec_of(const std::string& rule, bool interpreter = false) {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = "sparsenet_residual";
  spec.readout = "linear_mse";
  if (rule != "bptt") spec.synth = "sparsenet_layers";
  spec.sizes = {{"w", kNeurons}, {"q", 2}, {"slot", 2}, {"r", 2}, {"m", 5}, {"k", 2}};
  spec.interpreter = interpreter;
  return exact(spec);
}

// The loss is that of the last layer.
Batch batch_of() {
  Batch batch = make_batch(shape);
  batch.loss_mask.assign(static_cast<std::size_t>(shape.steps * shape.examples), 0.0);
  for (std::int64_t b = 0; b < shape.examples; ++b)
    batch.loss_mask[static_cast<std::size_t>((shape.steps - 1) * shape.examples + b)] = 1;
  return batch;
}

// By layer and neuron.
std::vector<double> weights() {
  std::vector<double> w = numbers("mix", shape.steps * static_cast<std::int64_t>(kNeurons), 0.5);
  for (double& x : w) x += 0.5;
  return w;
}

Session session_of(const std::string& rule, const std::vector<std::string>& show = {}, bool interpreter = false) {
  ProgramSpec spec = spec_of(rule, interpreter);
  spec.show = show;
  SessionOptions options;
  options.batch = shape.examples;
  options.steps = shape.steps;
  options.seed = 1;
  Session s(compile(spec), options);
  for (const TensorInfo& info : s.tensors())
    if (info.parameter) s.set(info.name, numbers(info.name, static_cast<std::int64_t>(s.get(info.name).size()), 0.7));
  s.set_hyper("optimiser.α", 0);
  if (rule == "sgprop_layers") s.set("mix", weights());
  return s;
}

Credits by_hand(const Session& s, const Samples& samples, const std::vector<double>& mix) {
  const Steps predicted(s.shown("H"), shape.steps, shape.examples);
  return credits(
      samples,
      [&](std::int64_t t, std::size_t i) { return mix[static_cast<std::size_t>(t - 1) * kNeurons + i / 2]; },
      [&](std::int64_t b, std::int64_t t) {
        const auto part = predicted.at(t, b);
        return std::vector<double>(part.begin(), part.end());
      });
}

// The largest difference between what a layer's parameters gathered and -(1/B) Σ m . d(s)/d(ψ) of that layer.
double apart(const Session& s, const Samples& samples, const Credits& credits) {
  double most = 0;
  for (std::size_t t = 0; t < static_cast<std::size_t>(shape.steps); ++t) {
    std::vector<double> want(static_cast<std::size_t>(samples.params), 0.0), got;
    for (std::size_t b = 0; b < credits.size(); ++b) {
      const std::vector<double> part = times(credits[b][t].mixed, samples.of[b][t].to_params);
      for (std::size_t i = 0; i < want.size(); ++i) want[i] -= part[i] / static_cast<double>(shape.examples);
    }
    for (const char* name : {"net.K", "net.A", "net.b"}) {
      const std::vector<double> all = s.gathered(name);
      const std::size_t size = all.size() / static_cast<std::size_t>(shape.steps);
      got.insert(got.end(), all.begin() + static_cast<std::ptrdiff_t>(t * size),
                 all.begin() + static_cast<std::ptrdiff_t>((t + 1) * size));
    }
    most = std::max(most, difference(got, want));
  }
  return most;
}

TEST(SgpropLayers, EachLayerMixesByItsOwnWeights) {
  Session s = session_of("sgprop_layers", {"H"});
  s.run(batch_of());
  const Samples samples = probe(spec_of("sgprop_layers"), s, batch_of());
  EXPECT_LE(apart(s, samples, by_hand(s, samples, weights())), 1e-11);
  std::vector<double> turned = weights();
  std::rotate(turned.begin(), turned.begin() + kNeurons, turned.end());
  EXPECT_GE(apart(s, samples, by_hand(s, samples, turned)), 1e-4);

  Session bptt = session_of("bptt");
  bptt.run(batch_of());
  for (const double mix : {1.0, 0.9}) {
    s.set("mix", std::vector<double>(weights().size(), mix));
    s.run(batch_of());
    const double from_bptt = difference(s.gathered("net.A"), bptt.gathered("net.A"));
    if (mix == 1) EXPECT_LE(from_bptt, 1e-12);
    else EXPECT_GE(from_bptt, 1e-4);
  }
}

TEST(SgpropLayers, WithAFixedWeightItIsTheSameWithoutStatistics) {
  for (const double mix : {0.0, 0.3, 1.0}) {
    Session fixed = session_of("sgprop_layers_fixed"), s = session_of("sgprop_layers");
    fixed.set_hyper("λ", mix);
    s.set("mix", std::vector<double>(weights().size(), mix));
    fixed.run(batch_of());
    s.run(batch_of());
    for (const std::string& name : parameters(fixed))
      EXPECT_LE(difference(fixed.gathered(name), s.gathered(name)), 1e-12) << name;
  }
}

// Directions go through the residual's tanh before they are scaled; the first layer has none.
TEST(SgpropLayers, TheWeightIsThatOfPerExampleGradients) {
  Session s = session_of("sgprop_layers", {"H", "net.c"});
  s.run(batch_of());
  const Samples samples = probe(spec_of("sgprop_layers"), s, batch_of());
  const Credits all = by_hand(s, samples, weights());
  const Steps sums(s.shown("net.c"), shape.steps, shape.examples);
  std::vector<double> want, unbent;
  for (std::size_t t = 0; t < static_cast<std::size_t>(shape.steps); ++t) {
    Samples layer, plain;
    Credits credits, plain_credits;
    layer.examples = plain.examples = samples.examples;
    for (std::size_t b = 0; b < all.size(); ++b) {
      Sample sample = samples.of[b][t];
      Credit credit = all[b][t];
      plain.of.push_back({sample});
      plain_credits.push_back({credit});
      const auto c = sums.at(static_cast<std::int64_t>(t) + 1, static_cast<std::int64_t>(b));
      const std::size_t columns = sample.to_params.size() / kUnits;
      for (std::size_t i = 0; t > 0 && i < kUnits; ++i) {
        const double bend = 1 - std::tanh(c[i]) * std::tanh(c[i]);
        credit.received[i] *= bend;
        credit.predicted[i] *= bend;
        for (std::size_t j = 0; j < columns; ++j) sample.to_params[i * columns + j] /= bend;
      }
      layer.of.push_back({sample});
      credits.push_back({credit});
    }
    for (std::size_t w = 0; w < kNeurons; ++w) {
      auto own = [&](std::size_t i) { return i / 2 == w; };
      const double before = weights()[t * kNeurons + w];
      want.push_back(adapted(before, 0.9, directions(layer, credits, own)));
      unbent.push_back(adapted(before, 0.9, directions(plain, plain_credits, own)));
    }
  }
  EXPECT_LE(difference(s.get("mix"), want), 1e-9);
  EXPECT_GE(difference(s.get("mix"), unbent), 1e-5);
}

TEST(SgpropLayers, TheInterpreterAgrees) {
  Session fast = session_of("sgprop_layers"), slow = session_of("sgprop_layers", {}, true);
  fast.run(batch_of());
  slow.run(batch_of());
  for (const std::string& name : parameters(fast))
    EXPECT_LE(difference(fast.gathered(name), slow.gathered(name)), 1e-10) << name;
  EXPECT_LE(difference(fast.get("mix"), slow.get("mix")), 1e-10);
}

// Gradients by the parameters of different layers cannot be pooled.
TEST(SgpropLayers, PooledStatisticsAreRefused) {
  ProgramSpec spec = spec_of("sgprop");
  spec.synth = "local";
  try {
    compile(spec);
    FAIL() << "compiled";
  } catch (const std::exception& error) {
    EXPECT_MENTIONS(std::string(error.what()), "those of different steps would be added up");
  }
}

// A layer's neuron reads different pixels, and different parents.
TEST(SgpropLayers, NeuronsReadDifferentPixels) {
  const Session s = session_of("bptt");
  for (const char* name : {"net.pixel", "net.parent"}) {
    const std::vector<double> wires = s.get(name);
    const std::size_t each = name[4] == 'p' && name[5] == 'i' ? 4 : 2;
    for (std::size_t first = 0; first < wires.size(); first += each) {
      const std::set<double> different(wires.begin() + static_cast<std::ptrdiff_t>(first),
                                       wires.begin() + static_cast<std::ptrdiff_t>(first + each));
      EXPECT_EQ(different.size(), each) << name;
    }
  }
}

}  // namespace
}  // namespace eligo::test
