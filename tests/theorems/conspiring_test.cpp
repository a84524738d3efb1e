// Czarnecki et al. 2017, Table 1: what replaces the gradient at a layer, and where the replacements coincide.
#include <gtest/gtest.h>

#include "tests/theorems/steps.h"

namespace eligo::test {
namespace {

using Gathered = std::map<std::string, std::vector<double>>;

constexpr std::int64_t kUnits = 4, kInputs = 3, kTargets = 2;

ProgramSpec spec(const std::string& rule, const std::string& cell, const std::string& synth = "",
                 const std::vector<std::string>& show = {}, const std::string& readout = "linear_mse") {
  ProgramSpec made = exact(net(rule, cell, readout, "linear", kUnits));
  made.synth = synth;
  made.show = show;
  return made;
}

// The loss of a feed-forward net: at the last layer alone.
Batch at_last(const Shape& shape) {
  Batch batch = make_batch(shape);
  batch.loss_mask.assign(static_cast<std::size_t>(shape.steps * shape.examples), 0.0);
  for (std::int64_t b = 0; b < shape.examples; ++b) {
    const std::int64_t last = batch.lengths.empty() ? shape.steps : batch.lengths[static_cast<std::size_t>(b)];
    batch.loss_mask[static_cast<std::size_t>((last - 1) * shape.examples + b)] = 1;
  }
  return batch;
}

// What the net and the readout learn from one batch.
Gathered learn(Session& session, const Batch& batch) {
  session.set_hyper("optimiser.α", 0);
  session.run(batch);
  Gathered out;
  for (const std::string& name : parameters(session))
    if (name.rfind("net.", 0) == 0 || name.rfind("L.", 0) == 0) out[name] = session.gathered(name);
  return out;
}

double distance(const Gathered& a, const Gathered& b, const std::string& only = "") {
  double most = 0;
  for (const auto& [name, values] : a)
    if (name.rfind(only, 0) == 0) most = std::max(most, difference(values, b.at(name)));
  return most;
}

// [rows][columns] -> [columns][rows], for each of `copies`.
std::vector<double> transposed(const std::vector<double>& a, std::size_t rows, std::size_t columns) {
  std::vector<double> out(a.size());
  for (std::size_t c = 0; c < a.size() / (rows * columns); ++c)
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j)
        out[c * rows * columns + j * rows + i] = a[c * rows * columns + i * columns + j];
  return out;
}

const Shape uneven{.steps = 5, .examples = 3, .unequal = true, .masked = true};

TEST(ConspiringNets, BackpropIsBptt) {
  for (const char* cell : {"feedforward", "rnn_linear", "rnn_tanh", "lstm"})
    for (const bool every : {true, false}) {
      SCOPED_TRACE(cell);
      const Batch batch = every ? make_batch(uneven) : at_last(uneven);
      Session bptt = make_session(spec("bptt", cell), uneven), same = make_session(spec("backprop", cell), uneven);
      const Gathered want = learn(bptt, batch);
      EXPECT_LE(distance(learn(same, batch), want), 1e-13);
      ProgramSpec cut = spec("bptt", cell);
      cut.header["n"] = 2;
      Session truncated = make_session(cut, uneven);
      EXPECT_GE(distance(learn(truncated, batch), want), 1e-5);
    }
}

// The gradient of a squared error is linear in the layer before it and the label: a linear synthesiser can hold it.
TEST(ConspiringNets, SgOfTheTrueGradientIsBackprop) {
  const Shape shape{.steps = 4, .examples = 3};
  for (const char* cell : {"feedforward", "rnn_tanh"}) {
    SCOPED_TRACE(cell);
    const Batch batch = at_last(shape);
    Session bptt = make_session(spec("bptt", cell), shape), sg = make_session(spec("sg", cell, "labelled"), shape);
    const std::vector<double> v = sg.get("L.V"), bias = sg.get("L.b");
    std::vector<double> a(kUnits * kUnits), b(kUnits * kTargets), c(kUnits);
    for (std::size_t i = 0; i < kUnits; ++i)
      for (std::size_t k = 0; k < kTargets; ++k) {
        for (std::size_t j = 0; j < kUnits; ++j)
          a[i * kUnits + j] += 2.0 / kTargets * v[k * kUnits + i] * v[k * kUnits + j];
        b[i * kTargets + k] = -2.0 / kTargets * v[k * kUnits + i];
        c[i] += 2.0 / kTargets * v[k * kUnits + i] * bias[k];
      }
    sg.set("g.A", a);
    sg.set("g.B", b);
    sg.set("g.C", c);
    sg.set_hyper("p", static_cast<double>(shape.steps));
    const Gathered want = learn(bptt, batch);
    EXPECT_LE(distance(learn(sg, batch), want), 1e-12);
    for (const char* name : {"g.A", "g.B", "g.C"})
      EXPECT_LE(difference(sg.gathered(name), std::vector<double>(sg.get(name).size())), 1e-10) << name;
    sg.set("g.B", std::vector<double>(b.size()));
    EXPECT_GE(distance(learn(sg, batch), want), 1e-3);
  }
}

// Of one layer there is one synthesiser, between it and the classifier.
TEST(ConspiringNets, SgEveryLayerOfOneLayerIsSg) {
  const Shape shape{.steps = 1, .examples = 4};
  const Batch batch = make_batch(shape);
  for (const char* readout : {"linear_mse", "linear_softmax"}) {
    Session one = make_session(spec("sg", "feedforward", "labelled", {}, readout), shape);
    Session every = make_session(spec("sg_every_layer", "feedforward", "layer_labelled", {}, readout), shape);
    const Gathered want = learn(one, batch);
    EXPECT_LE(distance(learn(every, batch), want), 1e-14);
    for (const char* name : {"g.A", "g.B", "g.C"})
      EXPECT_LE(difference(every.gathered(name), one.gathered(name)), 1e-14) << name;
    EXPECT_GE(difference(every.gathered("g.B"), std::vector<double>(every.get("g.B").size())), 1e-3);
  }
}

// The true gradient of a squared error behind the last layer, 2/k Vᵀ (V h + b - y), as its synthesiser's A, B and C.
void set_last_gradient(Session& session, std::int64_t layers, const std::vector<double>& label) {
  const std::vector<double> v = session.get("L.V"), bias = session.get("L.b");
  const bool labelled = label.empty();
  std::vector<double> a = session.get("g.A"), b, c = session.get(labelled ? "g.C" : "g.a");
  if (labelled) b = session.get("g.B");
  const auto before = static_cast<std::size_t>(layers - 1);
  for (std::size_t i = 0; i < kUnits; ++i) {
    double constant = 0;
    for (std::size_t k = 0; k < kTargets; ++k) {
      const double back = 2.0 / kTargets * v[k * kUnits + i];
      constant += back * (bias[k] - (labelled ? 0 : label[k]));
      if (labelled) b[(before * kUnits + i) * kTargets + k] = -back;
    }
    c[before * kUnits + i] = constant;
    for (std::size_t j = 0; j < kUnits; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < kTargets; ++k) sum += 2.0 / kTargets * v[k * kUnits + i] * v[k * kUnits + j];
      a[(before * kUnits + i) * kUnits + j] = sum;
    }
  }
  session.set("g.A", a);
  session.set(labelled ? "g.C" : "g.a", c);
  if (labelled) session.set("g.B", b);
}

// A synthesiser that is not given the label holds the true gradient where all examples have the same one.
TEST(ConspiringNets, EveryLayerIsDniBelowATrueLastGradient) {
  const Shape shape{.steps = 4, .examples = 3};
  for (const bool labelled : {true, false}) {
    SCOPED_TRACE(labelled);
    Batch batch = at_last(shape);
    const std::vector<double> label = {0.3, -0.8};
    if (!labelled)
      for (std::size_t i = 0; i < batch.y.size(); ++i) batch.y[i] = label[i % kTargets];
    const std::string synth = labelled ? "layer_labelled" : "layer";
    Session dni = make_session(spec(labelled ? "cdni" : "dni", "feedforward", synth), shape);
    Session every = make_session(spec(labelled ? "sg_every_layer" : "dni_every_layer", "feedforward", synth), shape);
    const Gathered other = learn(every, batch);
    set_last_gradient(every, shape.steps, labelled ? std::vector<double>{} : label);
    const Gathered want = learn(dni, batch);
    EXPECT_LE(distance(learn(every, batch), want), 1e-12);
    EXPECT_LE(difference(every.gathered("g.A"), dni.gathered("g.A")), 1e-12);
    EXPECT_GE(distance(other, want, "net."), 1e-3);
  }
}

TEST(ConspiringNets, UnlockedWithoutLabelsIsDniUnlock) {
  const Shape shape{.steps = 4, .examples = 3};
  const Batch batch = at_last(shape);
  const auto sized = [](ProgramSpec made) {
    made.sizes["i.hidden"] = 5;
    return made;
  };
  Session plain = make_session(sized(spec("dni_unlock", "feedforward", "g=layer, i=layer_input")), shape);
  Session labelled = make_session(sized(spec("cdni_unlock", "feedforward", "g=layer_labelled, i=layer_input")), shape);
  plain.set("g.a", labelled.get("g.C"));
  const std::vector<double> b = labelled.get("g.B");
  labelled.set("g.B", std::vector<double>(b.size()));
  const Gathered want = learn(plain, batch);
  EXPECT_LE(distance(learn(labelled, batch), want), 1e-13);
  for (const char* name : {"g.A", "i.W", "i.A"})
    EXPECT_LE(difference(labelled.gathered(name), plain.gathered(name)), 1e-13) << name;
  labelled.set("g.B", b);
  EXPECT_GE(distance(learn(labelled, batch), want, "net."), 1e-3);
}

// The learning signal by hand from what a run shows: the prediction at layer p, the chain rule elsewhere.
TEST(ConspiringNets, SgIsTheSyntheticGradientBelowItsLayer) {
  for (const char* cell : {"rnn_tanh", "lstm"}) {
    SCOPED_TRACE(cell);
    const Batch batch = make_batch(uneven);
    ProgramSpec made = spec("sg", cell, "labelled", {"u", "m", "G", "s"});
    Session session = make_session(made, uneven);
    session.set_hyper("p", 2);
    learn(session, batch);
    const Steps u(session.shown("u"), 5, 3), m(session.shown("m"), 5, 3), g(session.shown("G"), 5, 3),
        s(session.shown("s"), 5, 3);
    std::vector<double> taught(static_cast<std::size_t>(s.size() * s.size()));
    double apart = 0;
    for (std::int64_t b = 0; b < 3; ++b)
      for (std::int64_t t = 1; t <= 5; ++t)
        for (std::size_t i = 0; i < static_cast<std::size_t>(s.size()); ++i) {
          EXPECT_NEAR(m.at(t, b)[i], (t == 2 ? g : u).at(t, b)[i], 1e-14) << t;
          if (t != 2) continue;
          apart = std::max(apart, std::abs(g.at(t, b)[i] - u.at(t, b)[i]));
          for (std::size_t j = 0; j < static_cast<std::size_t>(s.size()); ++j)
            taught[i * static_cast<std::size_t>(s.size()) + j] += (u.at(t, b)[i] - g.at(t, b)[i]) * s.at(t, b)[j] / 3;
        }
    EXPECT_GE(apart, 1e-2);
    EXPECT_LE(difference(session.gathered("g.A"), taught), 1e-12);
  }
  // A prediction of nothing teaches the layers below nothing; those above learn as ever.
  const Shape shape{.steps = 4, .examples = 3};
  const Batch batch = at_last(shape);
  Session bptt = make_session(spec("bptt", "feedforward"), shape),
          sg = make_session(spec("sg", "feedforward", "labelled"), shape);
  sg.set_hyper("p", 2);
  for (const char* name : {"g.A", "g.B", "g.C"}) sg.set(name, std::vector<double>(sg.get(name).size()));
  const std::vector<double> want = learn(bptt, batch).at("net.W"), got = learn(sg, batch).at("net.W");
  const auto half = static_cast<std::ptrdiff_t>(got.size() / 2);
  EXPECT_EQ(std::vector<double>(got.begin(), got.begin() + half), std::vector<double>(got.size() / 2));
  EXPECT_LE(difference({got.begin() + half, got.end()}, {want.begin() + half, want.end()}), 1e-14);
  EXPECT_GE(difference({want.begin(), want.begin() + half}, std::vector<double>(got.size() / 2)), 1e-3);
}

// d|u - G|²/dh = -2 (u - G) . dG/dh, and dG/dh = A of a linear synthesiser.
TEST(ConspiringNets, SgPropAddsTheGradientOfTheSyntheticLoss) {
  const Batch batch = make_batch(uneven);
  Session session = make_session(spec("sg_prop", "rnn_tanh", "labelled", {"u", "m", "G"}), uneven);
  session.set_hyper("p", 3);
  session.set_hyper("α", 0.7);
  learn(session, batch);
  const Steps u(session.shown("u"), 5, 3), m(session.shown("m"), 5, 3), g(session.shown("G"), 5, 3);
  const std::vector<double> a = session.get("g.A");
  int reached = 0;
  for (std::int64_t b = 0; b < 3; ++b) {
    if (batch.lengths[static_cast<std::size_t>(b)] < 3) continue;
    ++reached;
    std::vector<double> error(kUnits);
    for (std::size_t i = 0; i < kUnits; ++i) error[i] = u.at(3, b)[i] - g.at(3, b)[i];
    const std::vector<double> pulled = row_times(error, a);
    for (std::size_t i = 0; i < kUnits; ++i) EXPECT_NEAR(m.at(3, b)[i], g.at(3, b)[i] - 2 * 0.7 * pulled[i], 1e-13);
  }
  EXPECT_GE(reached, 1);
  const Gathered with = learn(session, batch);
  session.set_hyper("α", 0);
  const Gathered without = learn(session, batch);
  Session sg = make_session(spec("sg", "rnn_tanh", "labelled"), uneven);
  sg.set_hyper("p", 3);
  EXPECT_LE(distance(without, learn(sg, batch)), 1e-14);
  EXPECT_GE(distance(with, without, "net."), 1e-3);
}

TEST(ConspiringNets, DfaWithTheTransposedReadoutIsBackpropOnOneHiddenLayer) {
  for (const std::int64_t layers : {1, 2})
    for (const char* readout : {"linear_mse", "linear_softmax", "linear_bernoulli"}) {
      SCOPED_TRACE(readout);
      const Shape shape{.steps = layers, .examples = 4};
      const Batch batch = at_last(shape);
      Session bptt = make_session(spec("bptt", "feedforward", "", {}, readout), shape);
      Session dfa = make_session(spec("dfa", "feedforward", "feedback", {}, readout), shape);
      dfa.set("g.A", transposed(dfa.get("L.V"), kTargets, kUnits));
      const Gathered want = learn(bptt, batch), got = learn(dfa, batch);
      EXPECT_LE(distance(got, want, "L."), 1e-14);
      if (layers == 1) EXPECT_LE(distance(got, want), 1e-13);
      else EXPECT_GE(distance(got, want, "net.E"), 1e-3);
    }
}

TEST(ConspiringNets, KickbackIsDfaWithOnes) {
  for (const char* cell : {"feedforward", "rnn_linear", "rnn_tanh", "lstm"}) {
    SCOPED_TRACE(cell);
    const Batch batch = make_batch(uneven);
    Session kickback = make_session(spec("kickback", cell), uneven),
            dfa = make_session(spec("dfa", cell, "feedback"), uneven);
    std::vector<double> ones(dfa.get("g.A").size(), 1.0);
    dfa.set("g.A", ones);
    const Gathered want = learn(kickback, batch);
    EXPECT_LE(distance(learn(dfa, batch), want), 1e-13);
    ones[0] = 0.5;
    dfa.set("g.A", ones);
    EXPECT_GE(distance(learn(dfa, batch), want, "net."), 1e-4);
  }
}

// The matrix of a layer leads from its z to the layer below: A of step t+1 stands for W of step t+1.
TEST(ConspiringNets, FaWithTheTransposedWeightsIsBackprop) {
  for (const char* cell : {"feedforward", "rnn_linear", "rnn_tanh"}) {
    SCOPED_TRACE(cell);
    const bool untied = std::string(cell) == "feedforward";
    const Batch batch = make_batch(uneven);
    Session bptt = make_session(spec("bptt", cell), uneven);
    Session fa =
        make_session(spec("fa", cell, untied ? "g=layer_feedback, b=feedback" : "g=feedback, b=feedback"), uneven);
    const Gathered want = learn(bptt, batch);
    EXPECT_GE(distance(learn(fa, batch), want, "net."), 1e-2);
    fa.set("b.A", transposed(fa.get("L.V"), kTargets, kUnits));
    fa.set("g.A", transposed(fa.get("net.W"), kUnits, kUnits));
    EXPECT_LE(distance(learn(fa, batch), want), 1e-12);
  }
}

}  // namespace
}  // namespace eligo::test
