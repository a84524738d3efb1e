// Windows that do not fit in memory: what is computed again on the way back is the same bit for bit.
#include "compiler/memory/segments.h"

#include <cstring>

#include "compiler/memory/layout.h"
#include "runtime/engine/program.h"
#include "runtime/gradients/random_case.h"
#include "support/bytes.h"
#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

struct Case {
  std::string rule, cell, synth;
  std::int64_t window = 0;  // 0: the rule's own
  bool unequal = false, float64 = false, interpreter = false;
  int threads = 1;
  Update update = Update::sequence;

  std::int64_t examples() const { return threads > 1 ? 60 : 6; }  // in two shards, in one
  std::int64_t steps() const { return interpreter ? 80 : 300; }
};

std::string name_of(const Case& c) {
  return c.rule + "_" + c.cell + (c.window != 0 ? "_window" + std::to_string(c.window) : "") +
         (c.unequal ? "_unequal" : "") + (c.float64 ? "_f64" : "") + (c.interpreter ? "_interpreter" : "") +
         (c.threads > 1 ? "_threads" : "") + (c.update == Update::window ? "_every_window" : "");
}
void PrintTo(const Case& c, std::ostream* out) { *out << name_of(c); }

ProgramSpec spec_of(const Case& c) {
  ProgramSpec spec = net(c.rule, c.cell, "linear_mse", c.synth, 5);
  spec.float64 = c.float64;
  spec.interpreter = c.interpreter;
  spec.update = c.update;
  if (c.window != 0) spec.header["n"] = c.window;
  return spec;
}

// Two sequences with learning and one without: losses, all that was learned and gathered.
std::vector<double> outcome(const std::shared_ptr<const Program>& program, const Case& c, std::uint64_t memory,
                            std::int64_t steps) {
  const std::int64_t examples = c.examples();
  Session session(
      program,
      {.batch = examples, .steps = steps, .seed = 3, .threads = c.threads, .memory = memory, .most_at_once = 7});
  draw_values(session, 5);
  std::vector<double> all;
  for (std::uint64_t k = 0; k < 3; ++k) {
    Batch batch = draw_batch(steps - static_cast<std::int64_t>(k), examples, 3, 2, 7 + k);
    if (c.unequal)
      for (std::int64_t b = 0; b < examples; ++b)
        batch.lengths.push_back(std::max<std::int64_t>(1, batch.steps - 9 * b));
    const RunResult result = session.run(batch, k != 1);
    all.push_back(result.loss);
    all.push_back(static_cast<double>(result.loss_steps));
    for (const std::string& name : parameters(session))
      for (const double x : session.gathered(name)) all.push_back(x);
  }
  for (const auto& [name, values] : session.state()) all.insert(all.end(), values.begin(), values.end());
  return all;
}

// The least memory with which the session says that it would do.
std::uint64_t least(const std::shared_ptr<const Program>& program, std::int64_t examples, std::int64_t steps,
                    std::string& message) {
  message = error_of(
      [&] { Session(program, {.batch = examples, .steps = steps, .seed = 3, .memory = 1000, .most_at_once = 7}); });
  const auto before = message.rfind(". ", message.find(" are the least"));
  if (before == std::string::npos || message.find(" are the least") == std::string::npos) return 0;
  return read_bytes(message.substr(before + 2, message.find(" are the least") - before - 2)).value_or(0);
}

class Recomputed : public ::testing::TestWithParam<Case> {};

TEST_P(Recomputed, IsTheSameBitForBit) {
  const Case& c = GetParam();
  const auto program = compile(spec_of(c));
  const std::int64_t steps = c.steps();
  std::string message;
  const std::uint64_t little = least(program, c.examples(), steps, message);
  ASSERT_GT(little, 0u) << message;
  const std::vector<double> kept = outcome(program, c, 0, steps);
  for (const double factor : {1.02, 1.1}) {
    const auto memory = static_cast<std::uint64_t>(factor * static_cast<double>(little));
    std::string why_not;
    const compiler::Layout layout =
        compiler::plan_layout(*program->plan, c.examples(), steps, program->float64, memory, c.threads > 1 ? 2 : 1, 7);
    EXPECT_TRUE(layout.segments.any()) << factor << " of " << little;
    const std::vector<double> again = outcome(program, c, memory, steps);
    ASSERT_EQ(kept.size(), again.size());
    EXPECT_EQ(std::memcmp(kept.data(), again.data(), kept.size() * sizeof(double)), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rules, Recomputed,
    ::testing::Values(Case{"bptt", "lstm", ""}, Case{"bptt", "rnn_tanh", "", 0, true},
                      Case{"bptt", "gru", "", 0, true, true}, Case{"bptt", "lstm", "", 110},
                      Case{"bptt", "lstm", "", 110, true, false, false, 2},
                      Case{"n_step_sg", "lstm", "linear", 120, true},
                      Case{"n_step_sg", "rnn_tanh", "linear", 120, false, false, false, 2, Update::window},
                      Case{"backprop", "lstm", "", 0, true}, Case{"bp_lambda", "lstm", "linear", 0, true},
                      Case{"bp_lambda", "rnn_tanh", "linear", 0, false, true, false, 2},
                      Case{"rtrl", "rnn_tanh", "", 0, true}, Case{"offline_lambda_sg", "lstm", "linear", 0, true},
                      Case{"bptt", "rnn_tanh", "", 0, true, false, true},
                      Case{"sgprop", "rnn_tanh", "local", 0, false}),
    [](const auto& each) { return name_of(each.param); });

TEST(Segments, FitTheLongestThatTheMemoryHolds) {
  compiler::Segments margins;
  margins.back = margins.ahead = 1;
  long double least = 0;
  const compiler::SegmentCosts costs{1000, 10};
  const compiler::Segments none = compiler::fit_segments(costs, margins, 1000, 1, 1000, least);
  EXPECT_FALSE(none.any());
  EXPECT_LT(least, 1000 + 10 * 150);  // about twice the root of the steps
  EXPECT_GT(least, 1000 + 10 * 80);
  const compiler::Segments some = compiler::fit_segments(costs, margins, 1000, 1, least, least);
  const compiler::Segments more = compiler::fit_segments(costs, margins, 1000, 1, least * 2, least);
  EXPECT_TRUE(some.any());
  EXPECT_GT(more.steps, some.steps);
}

TEST(Segments, AnErrorSaysWhyNot) {
  std::string message;
  ProgramSpec spec = net("rtrl", "rnn_tanh");
  spec.schedule = {{"", "dense"}};
  EXPECT_EQ(least(compile(spec), 6, 100, message), 0u);
  EXPECT_MENTIONS(message, "has no backward recurrence");
}

TEST(Bytes, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(read_bytes("2GiB"), std::uint64_t{2} << 30);
  EXPECT_EQ(read_bytes("1.5 MB"), 1'500'000u);
  EXPECT_EQ(read_bytes("4096"), 4096u);
  EXPECT_EQ(read_bytes("0.5B"), std::nullopt);
  EXPECT_EQ(read_bytes("-1GiB"), std::nullopt);
  EXPECT_EQ(read_bytes("2 gigs"), std::nullopt);
  EXPECT_EQ(read_bytes(""), std::nullopt);
  EXPECT_EQ(readable_bytes(3.0L * (1 << 20)), "3 MiB");
  EXPECT_EQ(readable_bytes(1000), "1000 B");
}

}  // namespace
}  // namespace eligo::test
