// Steps that are taken many at once: the same numbers as the interpreter's, which knows nothing of it, whatever number
// is taken, and however it falls on windows, rings and shards.
#include <gtest/gtest.h>

#include <fmt/core.h>

#include "compiler/ir/manifest.h"
#include "runtime/engine/program.h"
#include "tests/oracle/nets.h"

namespace eligo::test {
namespace {

struct Setting {
  const char* rule;
  const char* cell;
  const char* synth = "linear";
  std::int64_t n = 0;    // of the rule's header
  bool carried = false;  // its traces forward, whatever is cheaper
};

void PrintTo(const Setting& s, std::ostream* out) { *out << s.rule << " on " << s.cell; }

const std::vector<Setting> settings = {
    {"bptt", "rnn_tanh", "linear", -1},
    {"bptt", "lstm", "linear", 3},
    {"bptt", "gru", "linear", 4},
    {"n_step_sg", "lstm", "mlp", 3},
    {"n_step_sg", "rnn_tanh"},
    {"bp_lambda", "lstm"},
    {"bp_lambda", "lstm", "linear", 0, true},
    {"rtrl", "gru", "linear", 0, true},
    {"bp_lambda", "gru", "mlp"},
    {"bp_lambda_authors", "rnn_tanh"},
    {"rtrl", "rnn_tanh"},
    {"snap1", "lstm"},
    {"uoro", "rnn_tanh"},
    {"rflo", "rnn_leaky", "feedback"},
    {"eprop", "lstm"},
    {"no_bptt", "gru"},
    {"offline_lambda_sg", "rnn_tanh"},
    {"online_lambda_sg", "rnn_tanh"},
    {"kf_rtrl", "rnn_leaky"},
    {"dni_marschall", "rnn_tanh", "labelled"},
};

ProgramSpec specification(const Setting& s) {
  ProgramSpec spec = exact(net(s.rule, s.cell, "linear_softmax", s.synth, s.cell == std::string("lstm") ? 2 : 3));
  if (s.n != 0) spec.header["n"] = s.n;
  if (s.carried) spec.schedule[""] = "dense";
  return spec;
}

struct Way {
  std::int64_t batch, steps, most_at_once;  // of the session
  int threads = 1;
};

Session outcome(const std::shared_ptr<const Program>& program, const Shape& shape, const Way& way) {
  Session session(
      program,
      {.batch = way.batch, .steps = way.steps, .seed = 3, .threads = way.threads, .most_at_once = way.most_at_once});
  fill(session);
  session.set_hyper("optimiser.α", 0.05);
  Shape shorter = shape;
  shorter.steps = shape.steps - 2;
  shorter.unequal = false;
  session.run(make_batch(shape, "first"));
  session.run(make_batch(shorter, "second"));
  session.run(make_batch(shape, "third"));
  return session;
}

void expect_same(const Session& got, const Session& want, double tolerance) {
  for (const std::string& name : parameters(want)) {
    EXPECT_LE(difference(got.gathered(name), want.gathered(name)), tolerance) << "learn " << name;
    EXPECT_LE(difference(got.get(name), want.get(name)), tolerance) << name;
  }
}

class AtOnce : public testing::TestWithParam<Setting> {};

TEST_P(AtOnce, AgreesWithTheInterpreter) {
  ProgramSpec spec = specification(GetParam());
  const auto fast = compile(spec);
  spec.interpreter = true;
  const auto slow = compile(spec);
  for (const bool unequal : {false, true}) {
    const Shape shape{.steps = 8, .examples = 2, .unequal = unequal, .masked = unequal};
    const Session want = outcome(slow, shape, {2, 8, 1});
    for (const std::int64_t at_once : {1, 2, 3, 8}) {
      SCOPED_TRACE(fmt::format("{} steps at once{}", at_once, unequal ? ", unequal lengths" : ""));
      expect_same(outcome(fast, shape, {3, 9, at_once}), want, 1e-10);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, AtOnce, testing::ValuesIn(settings), [](const auto& each) {
  return fmt::format("{}_{}_{}", each.param.rule, each.param.cell, each.index);
});

// Sequences longer than the session was made for: rings begin again in the middle of a run.
TEST(StepsAtOnce, OnSequencesOfAnyLength) {
  for (const Setting& s :
       {Setting{"rtrl", "rnn_tanh", "", 0, true}, {"bp_lambda", "rnn_tanh", "linear", 0, true}, {"no_bptt", "lstm"}}) {
    SCOPED_TRACE(s.rule);
    const auto program = compile(specification(s));
    const Shape shape{.steps = 41, .examples = 3, .unequal = true};
    expect_same(outcome(program, shape, {3, 7, 0}), outcome(program, shape, {3, 43, 1}), 1e-11);
  }
}

TEST(StepsAtOnce, TheSameBitsOnAnyNumberOfThreads) {
  for (const Setting& s : {Setting{"bptt", "lstm", "linear", 3}, {"bp_lambda", "gru"}}) {
    ProgramSpec spec = specification(s);
    spec.float64 = false;
    const auto program = compile(spec);
    for (const std::int64_t examples : {51, 103}) {  // of which shards have unequal parts
      SCOPED_TRACE(fmt::format("{}, {} examples", s.rule, examples));
      const Shape shape{.steps = 7, .examples = examples, .unequal = true};
      const Session one = outcome(program, shape, {examples, 7, 0, 1}),
                    two = outcome(program, shape, {examples, 7, 0, 2});
      for (const std::string& name : parameters(one)) EXPECT_EQ(one.get(name), two.get(name)) << name;
      spec.float64 = true;
      expect_same(outcome(compile(spec), shape, {examples, 7, 2, 2}),
                  outcome(compile(spec), shape, {examples + 60, 9, 3}), 1e-11);
      spec.float64 = false;
    }
  }
}

const compiler::Plan::Phase* phase(const std::shared_ptr<const Program>& program, const std::string& name) {
  for (const compiler::Plan::Phase& each : program->plan->phases)
    if (each.name() == name && !each.writes.empty()) return &each;
  return nullptr;
}

TEST(StepsAtOnce, WhatRecursStaysStepByStep) {
  const auto program = compile(specification({"bptt", "lstm", "linear", -1}));
  for (const char* name : {"step.before", "step.after", "sweep.before", "sweep.after"}) {
    ASSERT_TRUE(phase(program, name)) << name;
    EXPECT_TRUE(phase(program, name)->takes_many_steps()) << name;
  }
  for (const char* name : {"step", "sweep"})
    for (const compiler::Plan::Write& write : phase(program, name)->writes) {
      EXPECT_EQ(write.kind, compiler::RootKind::store) << "a gradient is gathered in each step";
      EXPECT_NE(program->plan->tensors[static_cast<std::size_t>(write.tensor)].name, "L.o");
    }
}

// Where parameters change between the steps, each step needs what the one before it has learned.
TEST(StepsAtOnce, NothingWhereParametersChangeWithinASequence) {
  for (const Update update : {Update::step, Update::sequence}) {
    ProgramSpec spec = specification({"rtrl", "rnn_tanh", "", 0, true});
    spec.update = update;
    EXPECT_EQ(phase(compile(spec), "arrive.after") != nullptr, update == Update::sequence);
  }
}

}  // namespace
}  // namespace eligo::test
