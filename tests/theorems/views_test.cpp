// Batches as views of a caller's memory: whatever the type and the strides, results are those of the vectors, to the
// bit.
#include <gtest/gtest.h>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

// Values that float32 holds, so that both types say the same.
void round_to_float(std::vector<double>& values) {
  for (double& value : values) value = static_cast<double>(static_cast<float>(value));
}

// A copy of [T][B][channels] with other strides, and the view of it.
template <class Real>
struct Laid {
  std::vector<Real> values;
  ValuesView view;

  Laid(const std::vector<double>& from, std::int64_t steps, std::int64_t examples, bool by_example,
       std::int64_t spacing) {
    const auto channels = static_cast<std::int64_t>(from.size()) / (steps * examples);
    values.assign(from.size() * static_cast<std::size_t>(spacing) + 1, Real{777});  // what lies between is not read
    view = ValuesView::of(values.data() + 1, steps, examples, channels * spacing, by_example);
    view.channel = spacing;
    for (std::int64_t t = 0; t < steps; ++t)
      for (std::int64_t b = 0; b < examples; ++b)
        for (std::int64_t c = 0; c < channels; ++c)
          values[static_cast<std::size_t>(1 + t * view.step + b * view.example + c * spacing)] =
              static_cast<Real>(from[static_cast<std::size_t>((t * examples + b) * channels + c)]);
  }
};

Batch batch_of(const Shape& shape) {
  Batch batch = make_batch(shape);
  for (auto* values : {&batch.x, &batch.y, &batch.loss_mask}) round_to_float(*values);
  return batch;
}

std::vector<std::vector<double>> state_of(Session& session) {
  std::vector<std::vector<double>> all;
  for (const TensorInfo& info : session.tensors()) all.push_back(session.get(info.name));
  return all;
}

template <class Real>
void expect_same(const ProgramSpec& spec, const Shape& shape, int threads) {
  const Batch batch = batch_of(shape);
  Session by_vector = make_session(spec, shape, threads);
  const double expected = by_vector.run(batch).loss + by_vector.run(batch).loss;
  for (const bool by_example : {false, true})
    for (const std::int64_t spacing : {1, 3}) {
      SCOPED_TRACE(std::to_string(sizeof(Real)) + (by_example ? " [B][T]" : " [T][B]") + std::to_string(spacing));
      const auto laid = [&](const std::vector<double>& values) {
        return Laid<Real>(values, batch.steps, batch.examples, by_example, spacing);
      };
      const Laid<Real> x = laid(batch.x), y = laid(batch.y), mask = laid(batch.loss_mask);
      BatchView view(batch);
      view.x = x.view;
      view.y = y.view;
      if (!batch.loss_mask.empty()) view.loss_mask = mask.view;
      Session session = make_session(spec, shape, threads);
      EXPECT_EQ(session.run(view).loss + session.train(view).loss, expected);
      EXPECT_EQ(state_of(session), state_of(by_vector));
    }
}

struct Case {
  std::string rule, cell;
  bool ragged;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.rule << "_" << c.cell << (c.ragged ? "_ragged" : ""); }

class Views : public testing::TestWithParam<Case> {};

TEST_P(Views, OfAnyStridesAreTheBatch) {
  const auto& [rule, cell, ragged] = GetParam();
  const Shape shape{.steps = 6, .examples = 5, .unequal = ragged, .masked = ragged};
  for (const bool float64 : {true, false}) {
    ProgramSpec spec = exact(net(rule, cell));
    spec.float64 = float64;
    expect_same<double>(spec, shape, 1);
    expect_same<float>(spec, shape, 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, Views,
                         testing::Values(Case{"bptt", "lstm", false}, Case{"bptt", "gru", true},
                                         Case{"bp_lambda", "rnn_tanh", true}, Case{"rtrl", "gru", false},
                                         Case{"n_step_sg", "gru", true}),
                         testing::PrintToStringParamName());

// A tensor's values where they lie: what `get` copies, and what learning changes.
TEST(Views, OfATensorAreItsMemory) {
  const Shape shape{.steps = 4, .examples = 3};
  for (const bool float64 : {true, false}) {
    ProgramSpec spec = exact(net("bptt", "gru"));
    spec.float64 = float64;
    Session session = make_session(spec, shape, 1);
    const Stored view = session.view("net.Wh");
    const auto copied = [&] {
      std::vector<double> values;
      for (std::size_t i = 0; i < view.count; ++i)
        values.push_back(float64 ? static_cast<const double*>(view.data)[i]
                                 : static_cast<double>(static_cast<const float*>(view.data)[i]));
      return values;
    };
    const std::vector<double> before = copied();
    EXPECT_EQ(before, session.get("net.Wh"));
    session.run(batch_of(shape));
    EXPECT_EQ(copied(), session.get("net.Wh"));
    EXPECT_NE(copied(), before);
  }
}

TEST(Views, WhatIsWrongIsNamedByItsPlace) {
  const Shape shape{.steps = 4, .examples = 3};
  Session session = make_session(exact(net("bptt", "gru")), shape, 1);
  Batch batch = batch_of(shape);
  Laid<float> x(batch.x, 4, 3, true, 2);
  BatchView view(batch);
  view.x = x.view;
  x.values[static_cast<std::size_t>(1 + 2 * x.view.step + 1 * x.view.example + 1 * x.view.channel)] = NAN;
  EXPECT_MENTIONS(error_of([&] { session.run(view); }), "x is nan at step 3 of example 2 (value 2)");
  view.x = {};
  EXPECT_MENTIONS(error_of([&] { session.run(view); }), "x is missing: the rule has 3 inputs");
  view = BatchView(batch);
  view.y = {};
  EXPECT_MENTIONS(error_of([&] { session.run(view); }), "y is missing: the rule has 2 targets");
  view = BatchView(batch);
  view.steps = 5;
  EXPECT_MENTIONS(error_of([&] { session.run(view); }), "a sequence of 5 steps, this session was made for 4");
}

}  // namespace
}  // namespace eligo::test
