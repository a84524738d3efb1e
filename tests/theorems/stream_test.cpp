// Streams: a step in two halves is a step, what is shown of it is what a run shows, and what may not be is refused.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

struct Stream {
  std::string rule, cell;
  Update update = Update::step;
  std::string readout = "linear_mse";
};
std::string name_of(const Stream& s) {
  return s.rule + "_" + s.cell + "_" + s.readout + (s.update == Update::step ? "" : "_every_sequence");
}
void PrintTo(const Stream& stream, std::ostream* out) { *out << name_of(stream); }

const std::vector<Stream> streams = {
    {"bp_lambda", "lstm"},
    {"bp_lambda", "rnn_projected", Update::step, "linear_softmax"},
    {"bp_lambda", "gru", Update::sequence},
    {"rtrl", "gru"},
    {"rtrl", "rnn_projected", Update::sequence},
    {"uoro", "rnn_tanh", Update::step, "linear_softmax"},
    {"kf_rtrl", "rnn_tanh"},
    {"snap1", "lstm"},
    {"snap1", "sparsenet"},
    {"rflo", "rnn_leaky"},
    {"eprop", "lstm"},
    {"no_bptt", "gru", Update::step, "linear_softmax"},
    {"bp_lambda_authors", "rnn_tanh"},
};

std::span<const double> row(const std::vector<double>& values, std::int64_t t, std::int64_t steps) {
  const std::size_t width = values.size() / static_cast<std::size_t>(steps);
  return std::span(values).subspan(static_cast<std::size_t>(t) * width, width);
}

// Examples that begin again, each at its own time: as if every episode were a stream of its own.
void begin_again(ProgramSpec s) {
  const Shape shape{.steps = 9, .examples = 3};
  s = exact(s);
  s.update = Update::sequence;
  s.optimiser = "sgd";
  s.outputs = true;
  const auto program = compile(s);
  Session together(program, {.batch = shape.examples, .steps = 4, .seed = 5});
  Session alone(program, {.batch = 1, .steps = 4, .seed = 5});
  std::map<std::string, std::vector<double>> sums;
  for (Session* each : {&together, &alone}) each->set_hyper("optimiser.α", 0);
  const Batch b = make_batch(shape, "episodes");
  const auto ends = [](std::int64_t t, std::int64_t e) { return (t == 2 && e != 1) || (t == 5 && e == 0); };
  std::vector<std::vector<double>> outputs(static_cast<std::size_t>(shape.examples)), states = outputs;
  for (std::int64_t t = 0; t < shape.steps; ++t) {
    const std::vector<double> all = together.forward(row(b.x, t, shape.steps));
    together.learn(row(b.y, t, shape.steps));
    const std::vector<double> h = together.get("net.h");
    for (std::int64_t e = 0; e < shape.examples; ++e) {
      const auto mine = row(all, e, shape.examples), state = row(h, e, shape.examples);
      outputs[static_cast<std::size_t>(e)].insert(outputs[static_cast<std::size_t>(e)].end(), mine.begin(), mine.end());
      states[static_cast<std::size_t>(e)].insert(states[static_cast<std::size_t>(e)].end(), state.begin(), state.end());
    }
    std::vector<std::int64_t> again;
    for (std::int64_t e = 0; e < shape.examples; ++e)
      if (ends(t, e)) again.push_back(e);
    together.reset(again);
    if (t == 6) {  // what began when is saved, too
      const std::vector<std::byte> saved = together.snapshot();
      together.reset(std::vector<std::int64_t>{1});
      together.resume(saved);
    }
  }
  together.reset();
  for (std::int64_t e = 0; e < shape.examples; ++e) {
    std::vector<double> out, h;
    for (std::int64_t t = 0; t < shape.steps; ++t) {
      const auto of = [&](const std::vector<double>& values) {
        return row(values, t * shape.examples + e, shape.steps * shape.examples);
      };
      const std::vector<double>& o = alone.forward(of(b.x));
      out.insert(out.end(), o.begin(), o.end());
      alone.learn(of(b.y));
      const std::vector<double> state = alone.get("net.h");
      h.insert(h.end(), state.begin(), state.end());
      if (!ends(t, e) && t + 1 < shape.steps) continue;
      alone.reset();
      for (const std::string& name : parameters(alone)) {
        const std::vector<double> gathered = alone.gathered(name);
        std::vector<double>& sum = sums[name];
        sum.resize(gathered.size());
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += gathered[i] / static_cast<double>(shape.examples);
      }
    }
    EXPECT_LE(difference(outputs[static_cast<std::size_t>(e)], out), 1e-12) << e;
    EXPECT_LE(difference(states[static_cast<std::size_t>(e)], h), 1e-12) << e;
  }
  for (const auto& [name, sum] : sums) EXPECT_LE(difference(together.gathered(name), sum), 1e-11) << name;
}

class Streams : public testing::TestWithParam<Stream> {
 protected:
  ProgramSpec spec() const {
    const Stream& p = GetParam();
    ProgramSpec s = net(p.rule, p.cell, p.readout, p.rule == "rflo" ? "feedback" : "linear");
    if (p.cell == "rnn_projected") s.sizes["p"] = 4;
    if (p.cell == "sparsenet") s.sizes = {{"w", 3}, {"q", 1}, {"slot", 2}, {"r", 2}, {"m", 3}, {"k", 2}};
    s.update = p.update;
    s.optimiser = "adam";
    s.online = true;
    return s;
  }
  Batch batch(const std::string& key) const {
    Batch b = make_batch(shape_, key);
    b.lengths.clear();
    b.loss_mask.clear();
    return b;
  }
  const Shape shape_{.steps = 9, .examples = 3};
};

// Also beyond the length that the session was made for, and in a second sequence.
TEST_P(Streams, TwoHalvesAreAStep) {
  ProgramSpec s = spec();
  s.outputs = true;
  s.show = {"L"};
  Session whole = make_session(s, {.steps = 4, .examples = shape_.examples});
  Session halves = make_session(s, {.steps = 4, .examples = shape_.examples});
  for (const char* key : {"first", "second"}) {
    const Batch b = batch(key);
    for (std::int64_t t = 0; t < shape_.steps; ++t) {
      const auto x = row(b.x, t, shape_.steps), y = row(b.y, t, shape_.steps);
      const RunResult want = whole.step(x, y);
      EXPECT_FALSE(halves.forward(x).empty());
      const RunResult got = halves.learn(y);
      EXPECT_EQ(got.loss, want.loss) << t;
      EXPECT_EQ(got.loss_steps, want.loss_steps);
    }
    whole.reset();
    halves.reset();
    const auto want = whole.state();
    for (const auto& [name, values] : halves.state()) EXPECT_EQ(values, want.at(name)) << name;
  }
}

// A step that is masked, or has no target at all, teaches what a run with that mask learns of it.
TEST_P(Streams, MaskedStepsAreThoseOfARun) {
  ProgramSpec s = spec();
  s.update = Update::sequence;
  Batch b = batch("masked");
  b.loss_mask.assign(static_cast<std::size_t>(shape_.steps * shape_.examples), 1);
  for (std::int64_t e = 0; e < shape_.examples; ++e) b.loss_mask[static_cast<std::size_t>(4 * shape_.examples + e)] = 0;
  b.loss_mask[1] = 0;
  Session whole = make_session(s, shape_), stream = make_session(s, shape_);
  double loss = 0;
  std::int64_t counted = 0;
  for (std::int64_t t = 0; t < shape_.steps; ++t) {
    stream.forward(row(b.x, t, shape_.steps));
    const auto y = t == 4 ? std::span<const double>() : row(b.y, t, shape_.steps);
    const RunResult step = stream.learn(y, row(b.loss_mask, t, shape_.steps));
    loss += step.loss;
    counted += step.loss_steps;
  }
  const RunResult want = whole.run(b);
  EXPECT_NEAR(loss, want.loss, 1e-6 * std::abs(want.loss));
  EXPECT_EQ(counted, want.loss_steps);
  if (GetParam().rule.starts_with("bp_lambda")) return;  // a run learns of its last step, too
  stream.reset();
  for (const std::string& name : parameters(whole))
    EXPECT_LE(difference(stream.gathered(name), whole.gathered(name)), 1e-4) << name;
}

// Saved in the middle, also between the halves of a step, and gone on with by another session, which was elsewhere.
TEST_P(Streams, GoOnFromASnapshot) {
  ProgramSpec s = spec();
  s.outputs = true;
  const auto program = compile(s);
  const SessionOptions options{.batch = shape_.examples, .steps = 4, .seed = 5};
  Session whole(program, options), other(program, options);
  const Batch b = batch("saved"), elsewhere = batch("elsewhere");
  other.step(row(elsewhere.x, 0, shape_.steps), row(elsewhere.y, 0, shape_.steps));
  for (std::int64_t t = 0; t < shape_.steps; ++t) {
    const auto x = row(b.x, t, shape_.steps), y = row(b.y, t, shape_.steps);
    const std::vector<double> want = whole.forward(x);
    if (t == 2) other.resume(whole.snapshot());
    if (t > 4) {
      EXPECT_EQ(other.forward(x), want) << t;
    }
    whole.learn(y);
    if (t == 2 || t > 4) other.learn(y);
    if (t == 4) other.resume(whole.snapshot());
  }
  whole.reset();
  other.reset();
  const auto want = whole.state();
  for (const auto& [name, values] : other.state()) EXPECT_EQ(values, want.at(name)) << name;
}

TEST_P(Streams, ExamplesBeginAgain) {
  if (GetParam().rule == "uoro" || GetParam().rule == "kf_rtrl") return;  // draw for each stream and step
  begin_again(spec());
}

// States and recurrences are read as they stand.
TEST_P(Streams, TellTheirState) {
  ProgramSpec s = spec();
  s.update = Update::sequence;
  Session stream = make_session(s, shape_);
  EXPECT_MENTIONS(error_of([&] { stream.get("net.h"); }), "there is no tensor net.h");
  s.show = {"net.h"};
  Session whole = make_session(s, shape_);
  const Batch b = batch("state");
  whole.run(b);
  const auto all = whole.shown("net.h");
  for (std::int64_t t = 0; t < shape_.steps; ++t) {
    stream.forward(row(b.x, t, shape_.steps));
    const auto want = row(all.values, t + 1, all.rows);
    EXPECT_LE(difference(stream.get("net.h"), {want.begin(), want.end()}), 1e-5) << t;
    stream.learn(row(b.y, t, shape_.steps));
  }
}

// What a stream puts out, and shows, is what a run of the same steps shows.
TEST_P(Streams, ShowWhatARunShows) {
  ProgramSpec s = spec();
  s.update = Update::sequence;
  s.outputs = true;
  s.show = {"net.output", "net.h", "L"};  // the cell's output is none of a readout
  Session whole = make_session(s, shape_), stream = make_session(s, shape_), still = make_session(s, shape_);
  const Batch b = batch("shown");
  whole.run(b);
  const auto of_run = [&](const std::string& name, std::int64_t t) {
    const Session::Shown all = whole.shown(name);
    const std::int64_t first = all.rows - shape_.steps;
    const auto values = row(all.values, t + first, all.rows);
    return std::vector<double>(values.begin(), values.end());
  };
  for (std::int64_t t = 0; t < shape_.steps; ++t) {
    const auto x = row(b.x, t, shape_.steps);
    EXPECT_EQ(stream.forward(x), of_run("L.output", t)) << t;
    EXPECT_EQ(stream.shown("net.h").values, of_run("net.h", t)) << t;
    stream.learn(row(b.y, t, shape_.steps));
    EXPECT_EQ(stream.shown("L").values, of_run("L", t)) << t;
    EXPECT_EQ(stream.shown("L").rows, 1);
    EXPECT_EQ(still.forward(x, false), of_run("L.output", t)) << t;
  }
  const auto before = make_session(s, shape_).state();
  for (const std::string& name : parameters(still)) EXPECT_EQ(still.get(name), before.at(name)) << name;
}

INSTANTIATE_TEST_SUITE_P(Rules, Streams, testing::ValuesIn(streams),
                         [](const auto& each) { return name_of(each.param); });

// A line and a recurrence that hold at the start, with nothing to wait for there.
TEST(StreamStarts, LinesOfTheStartRunForThoseThatBegin) {
  const TemporaryFolder folder;
  folder.write("zero.eli", R"(
rule zero(net: cell, L: readout, g: synth) {
  let s = net.state, φ = L.params, θ = g.params
  G[t] = g(s[t])
  P[t] = 0.5*P[t-1] + s[t]
  P[start] = 1 + s[start]
  learn θ += (G[t] + P[t]) . d(G[t])/d(θ)  for t in start..end
  learn φ -= d(L[t])/d(φ)
}
)");
  ProgramSpec s = net(folder / "zero.eli:zero", "rnn_tanh");
  s.online = true;
  begin_again(s);
}

TEST(StreamFaults, HalvesComeInTurn) {
  ProgramSpec s = net("rtrl", "rnn_tanh");
  s.update = Update::step;
  const Shape shape{.steps = 2, .examples = 2};
  Session session = make_session(s, shape);
  const Batch b = make_batch(shape);
  const auto x = row(b.x, 0, 2), y = row(b.y, 0, 2);
  EXPECT_MENTIONS(error_of([&] { session.learn(y); }), "learn() comes after forward(x)");
  session.forward(x);
  EXPECT_MENTIONS(error_of([&] { session.forward(x); }), "forward() was called twice");
  EXPECT_MENTIONS(error_of([&] { session.step(x, y); }), "still waits for learn()");
  EXPECT_MENTIONS(error_of([&] { session.learn(y.subspan(1)); }), "y has 3 values");
  EXPECT_MENTIONS(error_of([&] { session.learn({}); }), "y has 0 values");
  EXPECT_MENTIONS(error_of([&] { session.reset(std::vector<std::int64_t>{0}); }), "still waits for learn()");
  EXPECT_MENTIONS(error_of([&] { session.reset(std::vector<std::int64_t>{2}); }), "there is no example 2");
  EXPECT_MENTIONS(error_of([&] { session.learn(y, std::vector<double>{1}); }), "mask has 1 values");
  const std::vector<double> wrong(y.size(), std::nan(""));
  EXPECT_MENTIONS(error_of([&] { session.learn(wrong); }), "y is nan");
  session.learn(y);  // a refused call has changed nothing
  EXPECT_MENTIONS(error_of([&] { session.forward(x, false); }), "this stream learns");
  session.reset();
  session.forward(x, false);
  EXPECT_MENTIONS(error_of([&] { session.learn(y); }), "learn() comes after forward(x)");
  EXPECT_MENTIONS(error_of([&] { session.step(x, y); }), "does not learn");
  session.reset();
  session.step(x, y);
}

TEST(StreamFaults, ASnapshotIsOfItsProgram) {
  ProgramSpec s = net("rtrl", "rnn_tanh");
  s.update = Update::step;
  const Shape shape{.steps = 2, .examples = 2};
  const Batch b = make_batch(shape);
  Session session = make_session(s, shape), other = make_session(s, {.steps = 2, .examples = 3});
  EXPECT_MENTIONS(error_of([&] { session.snapshot(); }), "there is no stream");
  session.step(row(b.x, 0, 2), row(b.y, 0, 2));
  const std::vector<std::byte> saved = session.snapshot();
  EXPECT_MENTIONS(error_of([&] { other.resume(saved); }), "of another program, or of a session of another batch");
  Session seeded(compile(s), {.batch = 2, .steps = 2, .seed = 99});
  EXPECT_MENTIONS(error_of([&] { seeded.resume(saved); }), "the session has 99");
  std::vector<std::byte> damaged(saved.begin(), saved.end() - 1);
  EXPECT_MENTIONS(error_of([&] { session.resume(damaged); }), "it was cut off");
  EXPECT_MENTIONS(error_of([&] { session.resume(std::vector<std::byte>(5)); }), "this is no snapshot");
  session.step(row(b.x, 1, 2), row(b.y, 1, 2));  // a refused one has changed nothing
  session.resume(saved);
}

TEST(StreamFaults, ARuleThatReadsBackIsRefused) {
  const Shape shape{.steps = 2, .examples = 2};
  Session session = make_session(net("bptt", "rnn_tanh"), shape);
  const Batch b = make_batch(shape);
  EXPECT_MENTIONS(error_of([&] { session.forward(row(b.x, 0, 2)); }), "reads back over a window");
}

}  // namespace
}  // namespace eligo::test
