// Rules that compute the same gradient in different ways, and neighbours that must not.
#include <gtest/gtest.h>

#include "tests/oracle/nets.h"

namespace eligo::test {
namespace {

using Gathered = std::vector<std::pair<std::string, std::vector<double>>>;

// What one batch teaches the cell and the readout.
Gathered gradients(const ProgramSpec& spec, const Shape& shape, bool zero_synth = false) {
  Session session = make_session(spec, shape);
  if (zero_synth)
    for (const char* name : {"g.A", "g.a"}) session.set(name, std::vector<double>(session.get(name).size(), 0.0));
  session.run(make_batch(shape));
  Gathered out;
  for (const std::string& name : parameters(session))
    if (name.rfind("g.", 0) != 0) out.emplace_back(name, session.gathered(name));
  return out;
}

double distance(const Gathered& a, const Gathered& b) {
  if (a.size() != b.size()) return 1e300;
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, difference(a[i].second, b[i].second));
  return most;
}

ProgramSpec windowed(const std::string& rule, const std::string& cell, std::int64_t n) {
  ProgramSpec spec = exact(net(rule, cell, "linear_softmax"));
  spec.header["n"] = n;
  return spec;
}

class OnEveryCell : public testing::TestWithParam<std::string> {
 protected:
  const Shape shape_{.steps = 7, .examples = 4, .unequal = true, .masked = true};
};

TEST_P(OnEveryCell, RtrlIsBptt) {
  const auto bptt = gradients(windowed("bptt", GetParam(), -1), shape_);
  const auto rtrl = gradients(exact(net("rtrl", GetParam(), "linear_softmax")), shape_);
  EXPECT_LE(distance(rtrl, bptt), 1e-11);
}

TEST_P(OnEveryCell, AWindowOfAllStepsIsFullBptt) {
  const auto full = gradients(windowed("bptt", GetParam(), -1), shape_);
  EXPECT_LE(distance(gradients(windowed("bptt", GetParam(), shape_.steps), shape_), full), 1e-12);
  EXPECT_LE(distance(gradients(windowed("bptt", GetParam(), shape_.steps + 5), shape_), full), 1e-12);
  EXPECT_GE(distance(gradients(windowed("bptt", GetParam(), shape_.steps - 1), shape_), full), 1e-5);
}

TEST_P(OnEveryCell, AZeroSynthesiserIsTruncatedBptt) {
  for (const std::int64_t n : {1, 3, 7}) {
    const auto truncated = gradients(windowed("bptt", GetParam(), n), shape_);
    EXPECT_LE(distance(gradients(windowed("n_step_sg", GetParam(), n), shape_, true), truncated), 1e-12) << n;
    if (n == 7) continue;  // no boundary to guess at
    EXPECT_GE(distance(gradients(windowed("n_step_sg", GetParam(), n), shape_), truncated), 1e-5) << n;
  }
}

TEST_P(OnEveryCell, WindowsOfTwoAndThreeDiffer) {
  EXPECT_GE(distance(gradients(windowed("bptt", GetParam(), 2), shape_), gradients(windowed("bptt", GetParam(), 3), shape_)),
            1e-5);
}

// The gradient of the cell under BP(λ) does not know λ; that of the synthesiser does.
TEST_P(OnEveryCell, LambdaZeroAndOneDiffer) {
  std::vector<std::vector<double>> synth, cell;
  for (const double lambda : {0.0, 1.0}) {
    Session session = make_session(exact(net("bp_lambda", GetParam())), shape_);
    session.set_hyper("λ", lambda);
    session.run(make_batch(shape_));
    synth.push_back(session.gathered("g.A"));
    cell.push_back(session.gathered(parameters(session).front()));
  }
  EXPECT_GE(difference(synth[0], synth[1]), 1e-3);
  EXPECT_LE(difference(cell[0], cell[1]), 1e-15);
}

// Each example alone, with the windows of the batch's length, and the mean over them.
TEST_P(OnEveryCell, ABatchIsTheMeanOfItsExamples) {
  struct Rule {
    std::string name;
    std::int64_t window;
  };
  const Batch batch = make_batch(shape_);
  for (const Rule& rule : {Rule{"bptt", -1}, {"bptt", 3}, {"n_step_sg", 3}, {"bp_lambda", 0}, {"rtrl", 0}}) {
    SCOPED_TRACE(rule.name);
    ProgramSpec spec = exact(net(rule.name, GetParam()));
    if (rule.window) spec.header["n"] = rule.window;
    const auto program = compile(spec);
    Session together(program, {.batch = shape_.examples, .steps = shape_.steps});
    fill(together);
    const double loss = together.run(batch).loss;
    double loss_alone = 0;
    std::map<std::string, std::vector<double>> alone;
    for (std::int64_t b = 0; b < shape_.examples; ++b) {
      Session one(program, {.batch = 1, .steps = shape_.steps});
      fill(one);
      for (const std::string& state : states(GetParam())) {
        const std::vector<double> all = together.get(state + "[start]");
        const std::size_t size = all.size() / static_cast<std::size_t>(shape_.examples);
        one.set(state + "[start]", std::span(all).subspan(static_cast<std::size_t>(b) * size, size));
      }
      loss_alone += one.run(only(batch, b, 3, 2)).loss / static_cast<double>(shape_.examples);
      for (const std::string& name : parameters(one)) {
        const std::vector<double> part = one.gathered(name);
        alone[name].resize(part.size());
        for (std::size_t i = 0; i < part.size(); ++i) alone[name][i] += part[i] / static_cast<double>(shape_.examples);
      }
    }
    EXPECT_NEAR(loss, loss_alone, 1e-12);
    for (const auto& [name, mean] : alone) EXPECT_LE(difference(together.gathered(name), mean), 1e-11) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, OnEveryCell, testing::Values("rnn_linear", "rnn_tanh", "lstm", "gru"),
                         [](const auto& each) { return each.param; });

// The first window takes what is left over: windows of 3 over 7 steps are 1, 3, 3.
TEST(Windows, TheFirstIsShort) {
  const Shape shape{.steps = 7, .examples = 2};
  ProgramSpec spec = windowed("bptt", "rnn_tanh", 3);
  spec.show = {"r"};
  Session session = make_session(spec, shape);
  Batch batch = make_batch(shape);
  batch.loss_mask.assign(14, 0.0);
  for (const std::size_t t : {1u, 4u, 7u}) batch.loss_mask[(t - 1) * 2] = batch.loss_mask[(t - 1) * 2 + 1] = 1;
  session.run(batch);
  // With the loss at the windows' ends alone, a credit reaches back to each window's first step and no further; another
  // cut would leave zeros or add to what a loss at step 7 alone gives at steps 5 to 7.
  const std::vector<double> all = session.shown("r").values;
  batch.loss_mask.assign(14, 0.0);
  batch.loss_mask[12] = batch.loss_mask[13] = 1;
  session.initialise();
  fill(session);
  session.run(batch);
  const std::vector<double> last = session.shown("r").values;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_NE(all[i], 0) << i;
    if (i < 4 * 10) EXPECT_EQ(last[i], 0) << i;
    else EXPECT_EQ(last[i], all[i]) << i;
  }
}

}  // namespace
}  // namespace eligo::test
