// SGProp (Zhang et al. 2026): mixed credit and the adaptive weight of each neuron against per-example gradients.
#include <gtest/gtest.h>

#include "tests/theorems/sgprop.h"

namespace eligo::test {
namespace {

struct Net {
  std::string cell;
  std::int64_t neurons, width;  // state coordinates of a neuron beside each other
  std::map<std::string, std::int64_t> sizes;
};
void PrintTo(const Net& net, std::ostream* out) { *out << net.cell; }

const std::vector<Net> nets = {
    {"rnn_linear", 5, 1, {{"n", 5}, {"m", 3}, {"k", 2}}},
    {"rnn_tanh", 5, 1, {{"n", 5}, {"m", 3}, {"k", 2}}},
    {"lstm", 4, 1, {{"n", 4}, {"m", 3}, {"k", 2}}},
    {"sparsenet", 4, 2, {{"w", 4}, {"q", 2}, {"slot", 2}, {"r", 2}, {"m", 3}, {"k", 2}}},
};

ProgramSpec spec_of(const Net& net, const std::string& rule, const std::string& synth = "local") {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = net.cell;
  spec.readout = "linear_mse";
  spec.synth = synth;
  spec.sizes = net.sizes;
  return exact(spec);
}

// The neuron that a coordinate of the state belongs to.
std::size_t neuron_of(const Net& net, std::size_t unit) {
  return unit / static_cast<std::size_t>(net.width) % static_cast<std::size_t>(net.neurons);
}

std::vector<double> of_cell(const Session& session, bool gathered) {
  std::vector<double> all;
  for (const TensorInfo& info : session.tensors()) {
    if (!info.parameter || info.name.rfind("net.", 0) != 0) continue;
    const std::vector<double> part = gathered ? session.gathered(info.name) : session.get(info.name);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

class Sgprop : public testing::TestWithParam<Net> {
 protected:
  Session session(const std::string& rule, bool interpreter = false) {
    ProgramSpec spec = spec_of(GetParam(), rule);
    if (rule == "bptt") spec.synth.clear();
    else spec.show = {"H"};
    spec.interpreter = interpreter;
    Session s = make_session(spec, shape_);
    s.set_hyper("optimiser.α", 0);
    return s;
  }
  std::vector<double> weights() const {
    std::vector<double> w = numbers("mix", GetParam().neurons, 0.5);
    for (double& x : w) x += 0.5;
    return w;
  }
  // The interpreter is slow, and parameters stay: one probe a cell serves all.
  const Samples& samples(const Session& s) const {
    static std::map<std::string, Samples> known;
    auto at = known.find(GetParam().cell);
    if (at == known.end()) at = known.emplace(GetParam().cell, probe(spec_of(GetParam(), "sgprop"), s, batch_)).first;
    return at->second;
  }
  Credits by_hand(const Session& s, const Samples& samples, const std::vector<double>& mix) const {
    const Steps predicted(s.shown("H"), shape_.steps, shape_.examples);
    return credits(
        samples, [&](std::int64_t, std::size_t i) { return mix[neuron_of(GetParam(), i)]; },
        [&](std::int64_t b, std::int64_t t) {
          const auto part = predicted.at(t, b);
          return std::vector<double>(part.begin(), part.end());
        });
  }
  Shape shape_{.steps = 4, .examples = 3, .unequal = true};
  Batch batch_ = make_batch(shape_);
};

TEST_P(Sgprop, MixesWhatIsReceivedWithWhatIsPredicted) {
  for (const char* rule : {"sgprop", "sgprop_fixed"}) {
    SCOPED_TRACE(rule);
    Session s = session(rule);
    s.set("mix", weights());
    s.run(batch_);
    const Samples& all = samples(s);
    EXPECT_LE(difference(of_cell(s, true), learned(all, by_hand(s, all, weights()))), 1e-11);
    // One neuron's weight is not another's.
    std::vector<double> turned = weights();
    std::rotate(turned.begin(), turned.begin() + 1, turned.end());
    EXPECT_GE(difference(of_cell(s, true), learned(all, by_hand(s, all, turned))), 1e-5);
  }
}

TEST_P(Sgprop, WithoutMixingIsBptt) {
  for (const bool last_only : {false, true}) {
    Batch batch = batch_;
    if (last_only) {
      batch.loss_mask.assign(static_cast<std::size_t>(shape_.steps * shape_.examples), 0.0);
      for (std::int64_t b = 0; b < shape_.examples; ++b)
        batch.loss_mask[static_cast<std::size_t>((batch.lengths[static_cast<std::size_t>(b)] - 1) * shape_.examples + b)] = 1;
    }
    Session bptt = session("bptt"), s = session("sgprop");
    bptt.run(batch);
    for (const double mix : {1.0, 0.9}) {
      s.set("mix", std::vector<double>(static_cast<std::size_t>(GetParam().neurons), mix));
      s.run(batch);
      const double apart = difference(of_cell(s, true), of_cell(bptt, true));
      if (mix == 1) EXPECT_LE(apart, 1e-12);
      else EXPECT_GE(apart, 1e-4);
    }
  }
}

// Fully synthetic: the cell learns from predictions alone, whatever the loss says.
TEST_P(Sgprop, FullMixingIsFullySynthetic) {
  Batch other = batch_;
  for (double& y : other.y) y = 1 - y;
  for (const double mix : {0.0, 0.1}) {
    const std::vector<double> all(static_cast<std::size_t>(GetParam().neurons), mix);
    Session s = session("sgprop"), t = session("sgprop");
    s.set("mix", all);
    t.set("mix", all);
    s.run(batch_);
    t.run(other);
    const double apart = difference(of_cell(s, true), of_cell(t, true));
    if (mix > 0) {
      EXPECT_GE(apart, 1e-5);
      continue;
    }
    EXPECT_EQ(apart, 0);
    Credits synthetic = by_hand(s, samples(s), all);
    for (auto& example : synthetic)
      for (Credit& c : example) c.mixed = c.predicted;
    EXPECT_LE(difference(of_cell(s, true), learned(samples(s), synthetic)), 1e-12);
  }
}

TEST_P(Sgprop, TheAdaptiveWeightIsThatOfPerExampleGradients) {
  for (const double momentum : {0.9, 0.0}) {
    Session s = session("sgprop");
    s.set("mix", weights());
    s.set_hyper("μ", momentum);
    s.run(batch_);
    const Samples& all = samples(s);
    const Credits c = by_hand(s, all, weights());
    std::vector<double> want, half;
    for (std::size_t w = 0; w < static_cast<std::size_t>(GetParam().neurons); ++w) {
      const Directions d = directions(all, c, [&](std::size_t i) { return neuron_of(GetParam(), i) == w; });
      want.push_back(adapted(weights()[w], momentum, d));
      half.push_back(adapted(weights()[w], 0.5, d));
    }
    EXPECT_LE(difference(s.get("mix"), want), 1e-9);
    EXPECT_GE(difference(s.get("mix"), half), 1e-3);
    EXPECT_GE(difference(s.get("mix"), weights()), 1e-3);
  }
}

TEST_P(Sgprop, OneSampleTeachesNoWeight) {
  Batch one = only(batch_, 0, 3, 2);
  one.lengths = {1};
  Session s = session("sgprop");
  s.set("mix", weights());
  s.run(one);
  EXPECT_EQ(s.get("mix"), weights());
  one.lengths = {2};
  s.run(one);
  EXPECT_NE(s.get("mix"), weights());
}

TEST_P(Sgprop, TheInterpreterAgrees) {
  for (const char* rule : {"sgprop", "sgprop_fixed"}) {
    SCOPED_TRACE(rule);
    std::vector<std::map<std::string, std::vector<double>>> results;
    for (const bool interpreter : {false, true}) {
      Session s = session(rule, interpreter);
      s.set("mix", weights());
      s.run(batch_);
      std::map<std::string, std::vector<double>> all = {{"mix", s.get("mix")}};
      for (const std::string& name : parameters(s)) all[name] = s.gathered(name);
      results.push_back(all);
    }
    for (const auto& [name, values] : results[0]) EXPECT_LE(difference(values, results[1].at(name)), 1e-10) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, Sgprop, testing::ValuesIn(nets), [](const auto& each) { return each.param.cell; });

TEST(SgpropWeights, DoNotDependOnThreads) {
  const Shape shape{.steps = 4, .examples = 51, .unequal = true};
  ProgramSpec spec = spec_of(nets[3], "sgprop");
  const auto program = compile(spec);
  std::vector<std::vector<double>> ends;
  for (const int threads : {1, 3}) {
    Session s(program, {.batch = shape.examples, .steps = shape.steps, .threads = threads});
    fill(s);
    for (const char* key : {"a", "b"}) s.run(make_batch(shape, key));
    ends.push_back(s.get("mix"));
  }
  EXPECT_EQ(ends[0], ends[1]);
}

}  // namespace
}  // namespace eligo::test
