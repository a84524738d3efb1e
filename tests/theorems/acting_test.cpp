// A stream without learning: of every program, also one that learns from whole sequences, the outputs are those of a
// run.
#include <gtest/gtest.h>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

struct Case {
  std::string rule, cell, readout = "linear_mse";
  std::int64_t window = 0;  // 0: the rule's own
  std::int64_t steps = 11;
  bool little_memory = false;  // windows in segments
};
std::string name_of(const Case& c) {
  return c.rule + "_" + c.cell + (c.window > 0 ? std::to_string(c.window) : "") +
         (c.little_memory ? "_little_memory" : "");
}
void PrintTo(const Case& c, std::ostream* out) { *out << name_of(c); }

const std::vector<Case> cases = {
    {"bptt", "gru", "linear_softmax"},
    {"bptt", "lstm", "linear_mse", 3},
    {"bptt", "gru", "linear_mse", 0, 300, true},
    {"n_step_sg", "rnn_tanh"},
    {"offline_lambda_sg", "rnn_tanh"},
    {"sgprop", "rnn_tanh"},
    {"dni_lambda", "feedforward"},
    {"rtrl", "gru"},
    {"uoro", "rnn_tanh"},
};

class Acting : public testing::TestWithParam<Case> {
 protected:
  ProgramSpec spec() const {
    const Case& c = GetParam();
    ProgramSpec s = net(c.rule, c.cell, c.readout);
    if (c.rule == "sgprop") s.synth = "local";
    if (c.cell == "feedforward") s.synth = "layer";
    if (c.window > 0) s.header["n"] = c.window;
    s.show = {"L.o"};
    s.outputs = true;
    return s;
  }
};

TEST_P(Acting, GivesTheOutputsOfARun) {
  const Shape shape{.steps = GetParam().steps, .examples = 4};
  Batch batch = make_batch(shape);
  batch.lengths.clear();
  for (const bool float64 : {false, true}) {
    ProgramSpec s = exact(spec());
    s.float64 = float64;
    const auto program = compile(s);
    SessionOptions options{.batch = shape.examples, .steps = shape.steps, .seed = 3};
    if (GetParam().little_memory) {
      options.most_at_once = 5;
      options.memory = static_cast<std::uint64_t>(Session::unlimited_bytes(*program, options) / 2);
    }
    Session session(program, options);
    for (int round = 0; round < 2; ++round) {  // between them it learns
      const std::uint64_t sequence = session.sequence();
      std::vector<double> outputs;
      const std::size_t width = batch.x.size() / static_cast<std::size_t>(shape.steps);
      for (std::int64_t t = 0; t < shape.steps; ++t) {
        const auto& o = session.forward(std::span(batch.x).subspan(static_cast<std::size_t>(t) * width, width), false);
        outputs.insert(outputs.end(), o.begin(), o.end());
      }
      session.set_sequence(sequence);  // with the draws of the stream
      session.run(batch);
      EXPECT_EQ(session.sequence(), sequence + 1);
      EXPECT_EQ(outputs, session.shown("L.o").values);
    }
  }
}

TEST_P(Acting, ChangesNothing) {
  const Shape shape{.steps = 5, .examples = 2};
  Session session(compile(exact(spec())), {.batch = 2, .steps = shape.steps});
  const auto before = session.state();
  const std::vector<double> x(6, 0.5);
  for (std::int64_t t = 0; t < shape.steps; ++t) session.forward(x, false);
  session.reset();
  auto after = session.state();
  after["sequence"] = before.at("sequence");
  EXPECT_EQ(after, before);
}

INSTANTIATE_TEST_SUITE_P(Rules, Acting, testing::ValuesIn(cases), [](const auto& c) { return name_of(c.param); });

TEST(ActingStreams, EndWhereTheSessionsRoomEnds) {
  ProgramSpec s = exact(net("bptt", "gru"));
  s.outputs = true;
  Session session(compile(s), {.batch = 1, .steps = 3});
  const std::vector<double> x(3, 0.5);
  for (int t = 0; t < 3; ++t) session.forward(x, false);
  EXPECT_NE(error_of([&] { session.forward(x, false); }).find("this stream has had 3 steps"), std::string::npos);
  session.reset();
  session.forward(x, false);
  EXPECT_NE(error_of([&] { session.learn(std::vector<double>(2, 0)); }).find("learn() comes after"), std::string::npos);
  EXPECT_NE(error_of([&] { session.forward(x); }).find("give whole sequences"), std::string::npos);
}

}  // namespace
}  // namespace eligo::test
