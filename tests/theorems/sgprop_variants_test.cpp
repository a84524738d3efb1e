// SGProp's relatives: predictions at the child, weights that rise through time, predictors inside the neurons.
#include <gtest/gtest.h>

#include <optional>

#include "tests/theorems/sgprop.h"

namespace eligo::test {
namespace {

constexpr std::int64_t kNeurons = 4;

ProgramSpec spec_of(const std::string& rule, const std::string& cell, bool interpreter = false) {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = cell;
  spec.readout = "linear_mse";
  spec.synth = rule == "bptt" ? "" : rule.ends_with("_slots") ? "sparsenet_slots" : "local";
  if (cell.rfind("sparsenet", 0) == 0) spec.sizes = {{"w", kNeurons}, {"q", 2}, {"slot", 2}, {"r", 2}, {"m", 3}, {"k", 2}};
  else spec.sizes = {{"n", kNeurons}, {"m", 3}, {"k", 2}};
  if (cell == "sparsenet_inputs") spec.sizes["e"] = 2;
  spec.interpreter = interpreter;
  return exact(spec);
}

std::size_t neuron_of(const std::string& cell, std::size_t unit) {
  return cell.rfind("sparsenet", 0) == 0 ? unit / 2 : unit % kNeurons;
}

std::vector<double> of_cell(const Session& session) {
  std::vector<double> all;
  for (const TensorInfo& info : session.tensors()) {
    if (!info.parameter || info.name.rfind("net.", 0) != 0) continue;
    const std::vector<double> part = session.gathered(info.name);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::vector<double> at(const Steps& steps, std::int64_t t, std::int64_t b) {
  const auto part = steps.at(t, b);
  return {part.begin(), part.end()};
}

const Shape shape{.steps = 5, .examples = 3, .unequal = true};

std::vector<double> weights() {
  std::vector<double> w = numbers("mix", kNeurons, 0.5);
  for (double& x : w) x += 0.5;
  return w;
}

Session session_of(const std::string& rule, const std::string& cell, const std::vector<std::string>& show,
                   bool interpreter = false) {
  ProgramSpec spec = spec_of(rule, cell, interpreter);
  spec.show = show;
  Session s = make_session(spec, shape);
  s.set_hyper("optimiser.α", 0);
  if (rule != "bptt") s.set("mix", weights());
  return s;
}

// Derivatives do not depend on what is mixed, and the interpreter is slow: one probe a cell.
const Samples& samples_of(const std::string& cell, const Session& s) {
  static std::map<std::string, Samples> known;
  auto found = known.find(cell);
  if (found == known.end()) found = known.emplace(cell, probe(spec_of("sgprop", cell), s, make_batch(shape))).first;
  return found->second;
}

// Both backends on everything that is learned and kept.
void expect_backends_agree(const std::string& rule, const std::string& cell) {
  Session fast = session_of(rule, cell, {}), slow = session_of(rule, cell, {}, true);
  fast.run(make_batch(shape));
  slow.run(make_batch(shape));
  for (const std::string& name : parameters(fast))
    EXPECT_LE(difference(fast.gathered(name), slow.gathered(name)), 1e-10) << name;
  EXPECT_LE(difference(fast.get("mix"), slow.get("mix")), 1e-10);
}

class SgpropChild : public testing::TestWithParam<std::string> {
 protected:
  // The two directions of eq. 18, c + v.J and c + H.J, and v itself as what is mixed.
  Credits by_hand(const Session& s, const Samples& samples, bool at_child) const {
    const Steps predicted(s.shown("H"), shape.steps, shape.examples);
    Credits out;
    for (std::size_t b = 0; b < samples.of.size(); ++b) {
      const auto& steps = samples.of[b];
      out.emplace_back(steps.size());
      std::vector<double> later(static_cast<std::size_t>(samples.units), 0.0), guess = later;
      for (std::size_t k = steps.size(); k-- > 0;) {
        Credit& c = out.back()[k];
        const std::vector<double> h = at(predicted, static_cast<std::int64_t>(k) + 1, static_cast<std::int64_t>(b));
        for (std::size_t i = 0; i < later.size(); ++i) {
          const double w = weights()[neuron_of(GetParam(), i)];
          c.received.push_back(steps[k].loss_gradient[i] + later[i]);
          c.predicted.push_back(steps[k].loss_gradient[i] + guess[i]);
          c.mixed.push_back(steps[k].loss_gradient[i] +
                            (at_child ? later[i] : w * later[i] + (1 - w) * guess[i]));
        }
        std::vector<double> passed = c.mixed;
        if (at_child)  // the neighbour: the child's own weight, as in `sgprop`
          for (std::size_t i = 0; i < h.size(); ++i) {
            const double w = weights()[neuron_of(GetParam(), i)];
            passed[i] = w * c.mixed[i] + (1 - w) * h[i];
          }
        later = times(passed, steps[k].to_before);
        guess = times(h, steps[k].to_before);
      }
    }
    return out;
  }
};

TEST_P(SgpropChild, PullsPredictionsBackFromTheChild) {
  Session s = session_of("sgprop_child", GetParam(), {"H"});
  s.run(make_batch(shape));
  const Samples& samples = samples_of(GetParam(), s);
  EXPECT_LE(difference(of_cell(s), learned(samples, by_hand(s, samples, false))), 1e-11);
  EXPECT_GE(difference(of_cell(s), learned(samples, by_hand(s, samples, true))), 1e-5);
  Session at_neuron = session_of("sgprop", GetParam(), {});
  at_neuron.run(make_batch(shape));
  EXPECT_GE(difference(of_cell(s), of_cell(at_neuron)), 1e-4);
}

// No directions are scaled here, unlike at the neuron.
TEST_P(SgpropChild, TheWeightIsEq18) {
  Session s = session_of("sgprop_child", GetParam(), {"H"});
  s.run(make_batch(shape));
  const Samples& samples = samples_of(GetParam(), s);
  const Credits c = by_hand(s, samples, false);
  std::vector<double> want, scaled;
  for (std::size_t w = 0; w < static_cast<std::size_t>(kNeurons); ++w) {
    Directions d;
    for (std::size_t b = 0; b < c.size(); ++b)
      for (std::size_t k = 0; k < c[b].size(); ++k) {
        auto own = [&](std::vector<double> v) {
          for (std::size_t i = 0; i < v.size(); ++i)
            if (neuron_of(GetParam(), i) != w) v[i] = 0;
          return times(v, samples.of[b][k].to_params);
        };
        d.p.push_back(own(c[b][k].received));
        d.q.push_back(own(c[b][k].predicted));
      }
    want.push_back(adapted(weights()[w], 0.9, d));
    scaled.push_back(adapted(weights()[w], 0.9,
                             directions(samples, c, [&](std::size_t i) { return neuron_of(GetParam(), i) == w; })));
  }
  EXPECT_LE(difference(s.get("mix"), want), 1e-9);
  EXPECT_GE(difference(s.get("mix"), scaled), 1e-4);
  expect_backends_agree("sgprop_child", GetParam());
}

TEST_P(SgpropChild, WithoutMixingIsBptt) {
  Session bptt = session_of("bptt", GetParam(), {}), s = session_of("sgprop_child", GetParam(), {});
  bptt.run(make_batch(shape));
  for (const double mix : {1.0, 0.9}) {
    s.set("mix", std::vector<double>(kNeurons, mix));
    s.run(make_batch(shape));
    const double apart = difference(of_cell(s), of_cell(bptt));
    if (mix == 1) EXPECT_LE(apart, 1e-12);
    else EXPECT_GE(apart, 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, SgpropChild, testing::Values("rnn_tanh", "lstm", "sparsenet"),
                         [](const auto& each) { return each.param; });

// θ[T] = base, θ[t, i] = min(1, θ[t+1, i] + ρ mean of 1 - θ[t+1, j] over the j that have i as a parent).
std::vector<std::vector<double>> schedule(const Session& s, double raise, std::int64_t steps) {
  const std::vector<double> parent = s.get("net.parent");
  std::vector<std::vector<double>> by_step(static_cast<std::size_t>(steps) + 1, weights());
  for (std::size_t t = static_cast<std::size_t>(steps); t-- > 1;)
    for (std::size_t i = 0; i < kNeurons; ++i) {
      double deficit = 0, children = 0;
      for (std::size_t j = 0; j < kNeurons; ++j) {
        const bool is_child = parent[2 * j] == static_cast<double>(i) || parent[2 * j + 1] == static_cast<double>(i);
        if (!is_child) continue;
        deficit += 1 - by_step[t + 1][j];
        children += 1;
      }
      by_step[t][i] = std::min(1.0, by_step[t + 1][i] + (children > 0 ? raise * deficit / children : 0));
    }
  return by_step;
}

TEST(SgpropTemporal, TheScheduleIsThatOfThePaper) {
  const Batch batch = make_batch(shape);
  std::optional<Samples> known;
  for (const double raise : {0.1, 0.8}) {
    Session s = session_of("sgprop_temporal", "sparsenet", {"H", "λ"});
    // One neuron without children, one that is a parent of all, one that is its own.
    s.set("net.parent", std::vector<double>{0, 1, 1, 2, 0, 2, 1, 0});
    s.set_hyper("ρ", raise);
    s.run(batch);
    if (!known) known = probe(spec_of("sgprop_temporal", "sparsenet"), s, batch);
    const Samples& samples = *known;
    const Steps predicted(s.shown("H"), shape.steps, shape.examples);
    auto with = [&](auto&& weight_of) {
      return learned(samples, credits(samples, weight_of,
                                      [&](std::int64_t b, std::int64_t t) { return at(predicted, t, b); }));
    };
    s.set("mix", weights());
    const auto by_step = schedule(s, raise, shape.steps);
    EXPECT_EQ(by_step[1][3], weights()[3]);  // no children
    EXPECT_NE(by_step[1][0], weights()[0]);
    EXPECT_LE(difference(of_cell(s), with([&](std::int64_t t, std::size_t i) {
                           return by_step[static_cast<std::size_t>(t)][i / 2];
                         })), 1e-11);
    EXPECT_GE(difference(of_cell(s), with([&](std::int64_t, std::size_t i) { return weights()[i / 2]; })), 1e-5);
    // It starts at the end of the padded rollout, not of the example.
    const Steps shown(s.shown("λ"), shape.steps, shape.examples);
    for (std::int64_t b = 0; b < shape.examples; ++b)
      for (std::int64_t t = 1; t <= shape.steps; ++t)
        EXPECT_LE(difference(at(shown, t, b), by_step[static_cast<std::size_t>(t)]), 1e-14) << t << " of " << b;
  }
  expect_backends_agree("sgprop_temporal", "sparsenet");
}

TEST(SgpropTemporal, WithoutRaiseItIsSgprop) {
  Session s = session_of("sgprop_temporal", "sparsenet", {}), plain = session_of("sgprop", "sparsenet", {});
  plain.run(make_batch(shape));
  for (const double raise : {0.0, 0.1}) {
    s.set("mix", weights());
    s.set_hyper("ρ", raise);
    s.run(make_batch(shape));
    const double apart = difference(of_cell(s), of_cell(plain)), kept = difference(s.get("mix"), plain.get("mix"));
    if (raise == 0) {
      EXPECT_LE(apart, 1e-14);
      EXPECT_LE(kept, 1e-14);
    } else {
      EXPECT_GE(apart, 1e-5);
      EXPECT_GE(kept, 1e-7);
    }
  }
}

// The raised weights are those of the other predictor's rule; without a raise it is sgprop_slots.
TEST(SgpropTemporal, SlotsFollowTheSameSchedule) {
  Session slots = session_of("sgprop_temporal_slots", "sparsenet_inputs", {"λ", "u", "m", "H"});
  slots.run(make_batch(shape));
  const auto by_step = schedule(slots, 0.1, shape.steps);
  slots.set("mix", weights());
  const Steps u(slots.shown("u"), shape.steps, shape.examples), m(slots.shown("m"), shape.steps, shape.examples);
  const Steps h(slots.shown("H"), shape.steps, shape.examples);
  const std::vector<std::int64_t> lengths = make_batch(shape).lengths;
  for (std::int64_t b = 0; b < shape.examples; ++b)
    for (std::int64_t t = 1; t <= lengths[static_cast<std::size_t>(b)]; ++t)
      for (std::size_t i = 0; i < 2 * kNeurons; ++i) {
        const double w = by_step[static_cast<std::size_t>(t)][i / 2];
        EXPECT_NEAR(m.at(t, b)[i], w * u.at(t, b)[i] + (1 - w) * h.at(t, b)[i], 1e-13) << t << " of " << b;
      }
  Session plain = session_of("sgprop_slots", "sparsenet_inputs", {});
  plain.set_hyper("mixed", 1);
  plain.run(make_batch(shape));
  for (const double raise : {0.0, 0.1}) {
    slots.set("mix", weights());
    slots.set_hyper("ρ", raise);
    slots.run(make_batch(shape));
    const double apart = std::max(difference(of_cell(slots), of_cell(plain)),
                                  difference(slots.gathered("g.A"), plain.gathered("g.A")));
    if (raise == 0) EXPECT_LE(apart, 1e-14);
    else EXPECT_GE(apart, 1e-6);
  }
}

// Which neurons see the input.
std::vector<double> seeing(const Session& s, const std::string& cell) {
  std::vector<double> sees(kNeurons, cell == "sparsenet" ? 1.0 : 0.0);
  if (cell == "sparsenet_inputs")
    for (const double reader : s.get("net.reader")) sees[static_cast<std::size_t>(reader)] = 1;
  return sees;
}

// The authors' net runs on through the padding: nothing is received there, but predictions are mixed in and passed back.
// All steps teach the cell, but the predictor and the weights take those of the episodes alone.
TEST(SgpropTemporal, PaddingAsInTheCode) {
  Batch masked = make_batch({.steps = shape.steps, .examples = shape.examples}), ended = masked, counted = masked;
  ended.lengths = {4, 2, 5};
  for (std::int64_t t = 1; t <= shape.steps; ++t)
    for (const std::int64_t length : ended.lengths) masked.loss_mask.push_back(t <= length);
  counted.valid = masked.loss_mask;
  ProgramSpec spec = spec_of("sgprop_temporal_slots", "sparsenet_inputs");
  spec.show = {"H", "u", "m", "net.u", "net.a"};
  spec.valid = true;
  const auto made = [&] {
    Session s = make_session(spec, shape);
    s.set_hyper("optimiser.α", 0);
    s.set("mix", weights());
    return s;
  };
  Session code = made(), paper = made(), statistics = made();
  code.run(masked);
  paper.run(ended);
  statistics.run(counted);
  Samples samples = probe(spec_of("sgprop", "sparsenet_inputs"), code, masked);
  const Steps predicted(code.shown("H"), shape.steps, shape.examples);
  statistics.set("mix", weights());  // as it was: the schedule starts from it
  const auto by_step = schedule(statistics, 0.1, shape.steps);
  Credits all = credits(samples, [&](std::int64_t t, std::size_t i) { return by_step[static_cast<std::size_t>(t)][i / 2]; },
                        [&](std::int64_t b, std::int64_t t) { return at(predicted, t, b); });
  EXPECT_LE(difference(of_cell(code), learned(samples, all)), 1e-11);
  EXPECT_GE(difference(of_cell(code), of_cell(paper)), 1e-4);

  const Steps u(code.shown("net.u"), shape.steps, shape.examples), a(code.shown("net.a"), shape.steps, shape.examples);
  std::vector<double> want(code.get("g.A").size(), 0.0);
  for (std::size_t b = 0; b < all.size(); ++b) {
    const auto length = static_cast<std::size_t>(ended.lengths[b]);
    samples.of[b].resize(length);
    all[b].resize(length);
    for (std::size_t t = 0; t < length; ++t)
      for (std::size_t place = 0; place < want.size(); ++place) {
        const std::size_t k = place % 4, q = place / 4 % 2, slot = place / 8 % 2, w = place / 16;
        const auto step = static_cast<std::int64_t>(t) + 1, example = static_cast<std::int64_t>(b);
        want[place] += (all[b][t].mixed[w * 2 + q] - all[b][t].predicted[w * 2 + q]) * a.at(step, example)[w * 2 + slot] *
                       u.at(step, example)[w * 4 + k] / static_cast<double>(shape.examples);
      }
  }
  EXPECT_LE(difference(statistics.gathered("g.A"), want), 1e-12);
  EXPECT_GE(difference(code.gathered("g.A"), want), 1e-4);
  Session again = made();
  again.run(counted);
  std::vector<double> mixes;
  for (std::size_t w = 0; w < kNeurons; ++w)
    mixes.push_back(adapted(weights()[w], 0.9, directions(samples, all, [&](std::size_t i) { return i / 2 == w; })));
  EXPECT_LE(difference(again.get("mix"), mixes), 1e-9);
}

class SgpropSlots : public testing::TestWithParam<std::string> {};

TEST_P(SgpropSlots, PredictsByTheNetsOwnAttention) {
  const Batch batch = make_batch(shape);
  Session s = session_of("sgprop_slots", GetParam(), {"H", "net.u", "net.a"});
  s.run(batch);
  const Steps predicted(s.shown("H"), shape.steps, shape.examples);
  const Steps u(s.shown("net.u"), shape.steps, shape.examples), a(s.shown("net.a"), shape.steps, shape.examples);
  const std::vector<double> A = s.get("g.A"), Ax = s.get("g.Ax"), bias = s.get("g.b");
  const std::vector<double> sees = seeing(s, GetParam());
  for (std::int64_t b = 0; b < shape.examples; ++b)
    for (std::int64_t t = 1; t <= batch.lengths[static_cast<std::size_t>(b)]; ++t)
      for (std::size_t w = 0; w < kNeurons; ++w)
        for (std::size_t q = 0; q < 2; ++q) {
          double sum = 0;
          for (std::size_t slot = 0; slot < 2; ++slot) {
            const std::size_t at_slot = (w * 2 + slot) * 2 + q;
            double y = bias[at_slot];
            for (std::size_t k = 0; k < 4; ++k) y += A[at_slot * 4 + k] * u.at(t, b)[w * 4 + k];
            for (std::size_t k = 0; k < 3; ++k)
              y += sees[w] * Ax[at_slot * 3 + k] * batch.x[static_cast<std::size_t>((t - 1) * shape.examples + b) * 3 + k];
            sum += a.at(t, b)[w * 2 + slot] * y;
          }
          EXPECT_NEAR(predicted.at(t, b)[w * 2 + q], sum, 1e-13);
        }
  expect_backends_agree("sgprop_slots", GetParam());
}

// As in the authors' code, where the input's part of a neuron's own input is zero unless it is one of the readers.
TEST(SgpropSlotsInputs, NeuronsThatDoNotSeeTheInputPredictWithoutIt) {
  for (const char* rule : {"sgprop_slots", "sgprop_temporal_slots"}) {
    Session s = session_of(rule, "sparsenet_inputs", {"H"});
    s.set("net.reader", std::vector<double>{1, 3});
    Batch one = make_batch(shape), other = one;
    for (double& x : other.x) x += 1;
    s.run(one);
    const std::vector<double> learned = s.gathered("g.Ax");
    const Steps first(s.shown("H"), shape.steps, shape.examples);
    s.set("mix", weights());
    s.run(other);
    const Steps second(s.shown("H"), shape.steps, shape.examples);
    for (std::size_t w = 0; w < kNeurons; ++w) {
      const bool sees = w == 1 || w == 3;
      const std::size_t part = learned.size() / kNeurons;
      double most = 0;
      for (std::size_t i = 0; i < part; ++i) most = std::max(most, std::abs(learned[w * part + i]));
      EXPECT_EQ(most > 0, sees) << rule << w;
      // Attention is the net's, which sees the input through the readers alone, and at step 1 the states are the same.
      for (std::size_t q = 0; q < 2; ++q)
        EXPECT_EQ(first.at(1, 0)[w * 2 + q] != second.at(1, 0)[w * 2 + q], sees) << rule << w;
    }
  }
}

// dH/dA~ is attention times input; the target does not move with the predictor, and no key is its parameter.
TEST_P(SgpropSlots, ThePredictorLearnsItsTarget) {
  for (const double mixed : {0.0, 1.0}) {
    Session s = session_of("sgprop_slots", GetParam(), {"H", "u", "m", "net.u", "net.a"});
    s.set_hyper("mixed", mixed);
    s.run(make_batch(shape));
    const Steps received(s.shown("u"), shape.steps, shape.examples), passed(s.shown("m"), shape.steps, shape.examples);
    const Steps predicted(s.shown("H"), shape.steps, shape.examples);
    const Steps u(s.shown("net.u"), shape.steps, shape.examples), a(s.shown("net.a"), shape.steps, shape.examples);
    std::vector<double> want(s.get("g.A").size(), 0.0), other = want;
    const Batch batch = make_batch(shape);
    for (std::int64_t b = 0; b < shape.examples; ++b)
      for (std::int64_t t = 1; t <= batch.lengths[static_cast<std::size_t>(b)]; ++t)
        for (std::size_t place = 0; place < want.size(); ++place) {
          const std::size_t k = place % 4, q = place / 4 % 2, slot = place / 8 % 2, w = place / 16;
          const double input = a.at(t, b)[w * 2 + slot] * u.at(t, b)[w * 4 + k] / static_cast<double>(shape.examples);
          const double h = predicted.at(t, b)[w * 2 + q];
          want[place] += ((mixed == 0 ? received : passed).at(t, b)[w * 2 + q] - h) * input;
          other[place] += ((mixed == 0 ? passed : received).at(t, b)[w * 2 + q] - h) * input;
        }
    EXPECT_LE(difference(s.gathered("g.A"), want), 1e-12);
    EXPECT_GE(difference(s.gathered("g.A"), other), 1e-4);
  }
}

TEST_P(SgpropSlots, LearnsWhatItsNeuronsMix) {
  Session s = session_of("sgprop_slots", GetParam(), {"H"});
  s.run(make_batch(shape));
  const Samples& samples = samples_of(GetParam(), s);
  const Steps predicted(s.shown("H"), shape.steps, shape.examples);
  const Credits c = credits(samples, [](std::int64_t, std::size_t i) { return weights()[i / 2]; },
                            [&](std::int64_t b, std::int64_t t) { return at(predicted, t, b); });
  EXPECT_LE(difference(of_cell(s), learned(samples, c)), 1e-11);
  std::vector<double> want;
  for (std::size_t w = 0; w < kNeurons; ++w)
    want.push_back(adapted(weights()[w], 0.9, directions(samples, c, [&](std::size_t i) { return i / 2 == w; })));
  EXPECT_LE(difference(s.get("mix"), want), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Cells, SgpropSlots, testing::Values("sparsenet", "sparsenet_inputs"),
                         [](const auto& each) { return each.param; });

// Readers alone see the input; with all neurons as readers the cell is the plain one.
TEST(SparsenetInputs, OnlyReadersSeeTheInput) {
  for (const std::int64_t readers : {std::int64_t{2}, kNeurons}) {
    ProgramSpec spec = spec_of("bptt", "sparsenet_inputs"), plain_spec = spec_of("bptt", "sparsenet");
    spec.sizes["e"] = readers;
    spec.show = plain_spec.show = {"net.h"};
    Session s = make_session(spec, shape), plain = make_session(plain_spec, shape);
    s.set("net.parent", plain.get("net.parent"));
    const std::vector<double> all = {1, 3, 0, 2};
    s.set("net.reader", std::span(all).first(static_cast<std::size_t>(readers)));
    Batch one = make_batch(shape), other = one;
    for (double& x : other.x) x += 1;
    s.run(one, false);
    const Session::Shown before = s.shown("net.h");
    plain.run(one, false);
    const double apart = difference(before.values, plain.shown("net.h").values);
    if (readers == kNeurons) EXPECT_LE(apart, 1e-14);
    else EXPECT_GE(apart, 1e-4);
    s.run(other, false);
    const Steps first(before, shape.steps, shape.examples), second(s.shown("net.h"), shape.steps, shape.examples);
    for (std::size_t i = 0; i < 8; ++i)
      EXPECT_EQ(first.at(1, 0)[i] == second.at(1, 0)[i], readers == 2 && (i / 2 == 0 || i / 2 == 2)) << i;
  }
}

}  // namespace
}  // namespace eligo::test
