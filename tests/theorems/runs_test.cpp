// What must not change a result: the number of threads, a pause between two batches, one step at a time.
#include <gtest/gtest.h>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

using State = std::map<std::string, std::vector<double>>;

struct Rule {
  std::string name, optimiser;
  Update update;
};
std::string name_of(const Rule& rule) {
  static const char* const every[] = {"step", "window", "sequence"};
  return rule.name + "_" + rule.optimiser + "_every_" + every[static_cast<int>(rule.update)];
}
void PrintTo(const Rule& rule, std::ostream* out) { *out << name_of(rule); }

const std::vector<Rule> rules = {{"bptt", "sgd", Update::sequence},      {"n_step_sg", "adam", Update::window},
                                 {"bp_lambda", "adam", Update::step},    {"bp_lambda", "sgd", Update::sequence},
                                 {"rtrl", "adam", Update::step}};

class Runs : public testing::TestWithParam<Rule> {
 protected:
  ProgramSpec spec() const {
    ProgramSpec s = net(GetParam().name, "lstm");
    s.optimiser = GetParam().optimiser;
    s.update = GetParam().update;
    return s;
  }
  State after(Session& session, int from, int to) const {
    for (int i = from; i < to; ++i) session.run(make_batch(shape_, "batch" + std::to_string(i)));
    return session.state();
  }
  // But for the count of sequences, which keys random draws.
  static void expect_same(const State& got, const State& want) {
    for (const auto& [name, values] : got) {
      if (name == "sequence") continue;
      EXPECT_EQ(values, want.at(name)) << name;
    }
  }
  const Shape shape_{.steps = 5, .examples = 51, .unequal = true, .masked = true};
};

TEST_P(Runs, DoNotDependOnThreads) {
  const auto program = compile(spec());
  std::vector<State> ends;
  std::vector<std::vector<double>> gathered;
  for (const int threads : {1, 2, 7}) {
    Session session(program, {.batch = shape_.examples, .steps = shape_.steps, .seed = 3, .threads = threads});
    ends.push_back(after(session, 0, 3));
    gathered.push_back(session.gathered(parameters(session).front()));
  }
  EXPECT_EQ(ends[0], ends[1]);
  EXPECT_EQ(ends[0], ends[2]);
  EXPECT_EQ(gathered[0], gathered[1]);
}

TEST_P(Runs, GoOnBitExactly) {
  const auto program = compile(spec());
  const SessionOptions options{.batch = shape_.examples, .steps = shape_.steps, .seed = 3};
  Session whole(program, options);
  const State want = after(whole, 0, 4);
  Session first(program, options);
  const State paused = after(first, 0, 2);
  EXPECT_NE(paused, want);
  Session second(program, options);
  second.restore(paused);
  EXPECT_EQ(after(second, 2, 4), want);
}

// Validation in between changes nothing.
TEST_P(Runs, WithoutLearningChangeNothing) {
  const auto program = compile(spec());
  const SessionOptions options{.batch = shape_.examples, .steps = shape_.steps, .seed = 3};
  Session plain(program, options), watched(program, options);
  const State want = after(plain, 0, 2);
  after(watched, 0, 1);
  const State before = watched.state();
  const double loss = watched.run(make_batch(shape_, "other"), false).loss;
  expect_same(watched.state(), before);
  EXPECT_EQ(watched.run(make_batch(shape_, "other"), false).loss, loss);
  expect_same(after(watched, 1, 2), want);
}

INSTANTIATE_TEST_SUITE_P(Rules, Runs, testing::ValuesIn(rules),
                         [](const auto& each) { return name_of(each.param); });

// A line that holds at the start adds once there, whether values of the start are shown or not, and in every sequence.
TEST(Shows, OfTheStartAddNothing) {
  const TemporaryFolder folder;
  folder.write("zero.eli", R"(
rule zero(net: cell, L: readout, g: synth) {
  let s = net.state, θ = g.params
  G[t] = g(s[t])
  learn θ += G[t] . d(G[t])/d(θ)  for t in start..end
}
)");
  const Shape shape{.steps = 2, .examples = 3};
  ProgramSpec spec = exact(net(folder / "zero.eli:zero", "rnn_tanh"));
  Session plain = make_session(spec, shape);
  spec.show = {"G"};
  Session shown = make_session(spec, shape);
  for (int sequence = 0; sequence < 3; ++sequence) {
    const Batch batch = make_batch(shape);
    plain.run(batch);
    shown.run(batch);
    EXPECT_EQ(shown.shown("G").rows, 3);
    for (const char* name : {"g.A", "g.a"}) EXPECT_EQ(shown.gathered(name), plain.gathered(name)) << sequence;
  }
}

std::span<const double> row(const std::vector<double>& values, std::int64_t t, std::int64_t width) {
  return std::span(values).subspan(static_cast<std::size_t>(t * width), static_cast<std::size_t>(width));
}

class Online : public testing::TestWithParam<std::string> {
 protected:
  const Shape shape_{.steps = 8, .examples = 2};
};

// RTRL looks nowhere ahead: after each sequence the same parameters.
TEST_P(Online, RtrlStepsAreARun) {
  ProgramSpec spec = exact(net("rtrl", GetParam()));
  spec.update = Update::step;
  Session whole = make_session(spec, shape_), stepped = make_session(spec, shape_);
  for (const char* key : {"first", "second"}) {
    const Batch batch = make_batch(shape_, key);
    const double loss = whole.run(batch).loss;
    double sum = 0;
    for (std::int64_t t = 0; t < shape_.steps; ++t) sum += stepped.step(row(batch.x, t, 6), row(batch.y, t, 4)).loss;
    stepped.reset();
    EXPECT_NEAR(sum, loss, 1e-13);
    for (const std::string& name : parameters(whole)) EXPECT_EQ(stepped.get(name), whole.get(name)) << name;
  }
}

// BP(λ) looks one step ahead, so a run knows at its last step that nothing comes. Up to it the losses, which feel every
// update, are the same.
TEST_P(Online, BpLambdaStepsAreARun) {
  ProgramSpec spec = exact(net("bp_lambda", GetParam()));
  spec.update = Update::step;
  Session stepped = make_session(spec, shape_);
  spec.show = {"L"};
  Session whole = make_session(spec, shape_);
  for (Session* each : {&whole, &stepped}) {
    each->set_hyper("λ", 0.7);
    each->set_hyper("optimiser.α", 0.05);
  }
  const Batch batch = make_batch(shape_);
  whole.run(batch);
  const std::vector<double> losses = whole.shown("L").values;
  const std::int64_t first = whole.shown("L").rows - shape_.steps;
  for (std::int64_t t = 0; t < shape_.steps; ++t) {
    const auto want = row(losses, t + first, 2);
    EXPECT_NEAR(stepped.step(row(batch.x, t, 6), row(batch.y, t, 4)).loss, (want[0] + want[1]) / 2, 1e-13) << t;
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, Online, testing::Values("rnn_tanh", "lstm"), [](const auto& each) { return each.param; });

}  // namespace
}  // namespace eligo::test
