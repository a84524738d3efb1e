// When a walk back is not the trace: each case is refused with its reason, and what is right instead is taken.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/runtime/temporary.h"
#include "tests/schedules/outcome.h"

namespace eligo::test {
namespace {

const Shape kUneven{.steps = 5, .examples = 3, .unequal = true, .masked = true};

// BP(λ) with some of its lines exchanged.
std::string rule(const std::string& learn, const std::string& equations = "", const std::string& header = "g: synth",
                 const std::string& trace = "e[t] = γ*λ * J[t] . e[t-1] + d(G[t])/d(θ)") {
  return "rule own(net: cell, L: readout, " + header + R"() {
  let s = net.state, ψ = net.params, φ = L.params, θ = g.params
  hyper λ = 0.8, γ = 0.9
  G[t] = g(s[t])
  G[last] = 0
  J[t] = d(s[t])/d(s[t-1])
  )" + equations +
         "\n  " + trace + R"(
  δ[t] = (d(L[t+1])/d(s[t+1]) + γ*G[t+1]) . J[t+1] - G[t]
  )" + learn +
         R"(
  learn ψ -= (d(L[t])/d(s[t]) + G[t]) . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
)";
}

class Refused : public testing::Test {
 protected:
  ProgramSpec own(const std::string& text, Update update = Update::sequence) {
    folder_.write("own.eli", text);
    ProgramSpec spec = small("own", "rnn_tanh");
    spec.rule_paths = {folder_.path()};
    spec.update = update;
    spec.online = false;
    return spec;
  }

  static std::string refusal(const ProgramSpec& spec, const std::string& word, const std::string& name = "e") {
    ProgramSpec own = with(spec, "dense", true);
    own.schedule[name] = word;
    return outcome(own, kUneven).refusal;
  }

  // `word` is exact where it is taken: against the dense trace, interpreted and compiled.
  static void expect_exact(const ProgramSpec& spec, const std::string& word, const std::string& name = "e") {
    const Outcome dense = outcome(with(spec, "dense", true), kUneven);
    for (const bool interpreter : {true, false}) {
      ProgramSpec walked = with(spec, "dense", interpreter);
      walked.schedule[name] = word;
      std::string where;
      const Outcome got = outcome(walked, kUneven);
      EXPECT_EQ(got.refusal, "");
      EXPECT_LE(apart(got, dense, &where), 1e-9) << word << ": " << where;
    }
  }

  TemporaryFolder folder_;
};

const std::string kLearn = "learn θ += δ[t] . e[t]  for t in start..end";

TEST_F(Refused, WhereTheLearnedParameterIsReadBeforeTheEnd) {
  const ProgramSpec spec = own(rule(kLearn), Update::step);
  EXPECT_MENTIONS(refusal(spec, "reverse"), "e cannot be computed by reverse: g.A changes before the sequence ends");
  expect_exact(spec, "replay");
}

TEST_F(Refused, WhereAStepIsClipped) {
  const ProgramSpec spec = own(rule(kLearn + "  clip 0.01"));
  EXPECT_MENTIONS(refusal(spec, "reverse"), "what a step adds is clipped");
  expect_exact(spec, "replay");
}

TEST_F(Refused, WhereAStepIsNormalised) {
  const ProgramSpec spec = own(rule("learn θ += unit(δ[t] . e[t])"));
  EXPECT_NE(refusal(spec, "reverse"), "");
  EXPECT_NE(refusal(spec, "replay"), "");
}

TEST_F(Refused, WhereTheTraceIsShown) {
  ProgramSpec spec = own(rule(kLearn));
  spec.show = {"e"};
  EXPECT_MENTIONS(refusal(spec, "reverse"), "its values are shown");
  EXPECT_MENTIONS(refusal(spec, "replay"), "its values are shown");
}

TEST_F(Refused, WhereAnotherRecurrenceReadsTheTrace) {
  const ProgramSpec spec = own(rule("learn θ += δ[t] . f[t]", "f[t] = 0.5*f[t-1] + e[t]"));
  EXPECT_MENTIONS(refusal(spec, "reverse", "e"), "f reads it");
  expect_exact(spec, "reverse", "f");
  expect_exact(spec, "replay", "f");
}

TEST_F(Refused, WhereTheTraceIsNotLinearInItself) {
  for (const char* trace : {"e[t] = γ * tanh(e[t-1]) + d(G[t])/d(θ)", "e[t] = γ * e[t-1]*e[t-1] + d(G[t])/d(θ)",
                            "e[t] = e[t-1]/(1 + norm2(e[t-1])) + d(G[t])/d(θ)"}) {
    const ProgramSpec spec = own(rule(kLearn, "", "g: synth", trace));
    EXPECT_NE(refusal(spec, "reverse"), "") << trace;
    EXPECT_NE(refusal(spec, "replay"), "") << trace;
    const Outcome dense = outcome(with(spec, "dense", true), kUneven);
    EXPECT_LE(apart(outcome(with(spec, "auto"), kUneven), dense), 1e-9) << trace;
  }
}

TEST_F(Refused, WhereATraceIsCarriedIntoAWindow) {
  ProgramSpec spec =
      own(rule("window 2\n  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])\n  "
               "learn θ += r[t] . d(G[t])/d(θ)\n  " +
               kLearn));
  EXPECT_MENTIONS(refusal(spec, "reverse"), "the rule's windows are shorter than a sequence");
}

// Each with its own start, which the walk has to reach.
TEST_F(Refused, NothingWhereTheTraceStartsElsewhere) {
  for (const char* start : {"e[start] = 0 * d(G[start])/d(θ)", "e[start] = 2 * d(G[start])/d(θ)"}) {
    const ProgramSpec spec = own(rule(kLearn, start));
    expect_exact(spec, "reverse");
    expect_exact(spec, "replay");
  }
}

TEST_F(Refused, WhereFactorsWouldBeComputedAfterAChange) {
  const std::string text =
      rule(kLearn + "  every sequence\n  learn ξ += (δ[t] - f(s[t])) . d(f(s[t]))/d(ξ)  every step",
           "let ξ = f.params\n  K[t] = d(f(s[t]))/d(s[t])", "g: synth, f: synth",
           "e[t] = γ*λ * K[t] . e[t-1] + d(G[t])/d(θ)");
  const ProgramSpec spec = own(text);
  EXPECT_MENTIONS(refusal(spec, "reverse"), "f.A changes inside a sequence");
  expect_exact(spec, "replay");
}

TEST_F(Refused, WhereEachStepIsToBeLearnedFrom) {
  ProgramSpec spec = own(rule(kLearn));
  spec.online = true;
  EXPECT_MENTIONS(refusal(spec, "reverse"), "each step is to be learned from when it comes");
  EXPECT_MENTIONS(refusal(spec, "replay"), "without end");
}

TEST_F(Refused, WordsThatAreNoneAndNamesThatAreNone) {
  const ProgramSpec spec = own(rule(kLearn));
  EXPECT_MENTIONS(refusal(spec, "backwards"), "\"backwards\" is no schedule");
  EXPECT_MENTIONS(refusal(spec, "replay(2)"), "write \"approximate replay(2)\"");
  EXPECT_MENTIONS(refusal(spec, "reverse", "f"), "there is no forward recurrence f to schedule; this rule has e");
}

double norm(const std::vector<double>& values, std::size_t first, std::size_t count) {
  double sum = 0;
  for (std::size_t i = first; i < first + count; ++i) sum += values[i] * values[i];
  return std::sqrt(sum);
}

// What lies further back than k steps is left out, and no more than that: the sum over t of |δ[t]| times what is
// missing of e[t], at most the sum over j > k of (γλ)^j |J[t]| ... |J[t-j+1]| |d(G[t-j])/d(θ)|.
TEST_F(Refused, NothingOfWhatIsAtMostKStepsBack) {
  const Shape shape{.steps = 6, .examples = 2};
  ProgramSpec spec = own(rule(kLearn));
  const auto run = [&](const std::string& word, const std::vector<std::string>& show) {
    ProgramSpec one = with(spec, "dense");
    one.schedule["e"] = word;
    one.show = show;
    SessionOptions options;
    options.batch = shape.examples;
    options.steps = shape.steps;
    Session session(compile(one), options);
    fill(session);
    session.run(make_batch(shape));
    return session;
  };
  const Session dense = run("dense", {"J", "δ", "s"});
  const auto j = dense.shown("J"), d = dense.shown("δ"), s = dense.shown("s");
  const std::size_t units = 3, first = static_cast<std::size_t>(j.rows) - 6;  // of J: whether row 0 is the start
  const std::vector<double> want_matrix = dense.gathered("g.A"), want_bias = dense.gathered("g.a");
  double before = 1e300;
  for (std::size_t k = 0; k <= 6; ++k) {
    const Session walked = run("approximate replay(" + std::to_string(k) + ")", {});
    const std::vector<double> matrix = walked.gathered("g.A"), bias = walked.gathered("g.a");
    double error = 0, bound = 0;
    for (std::size_t i = 0; i < matrix.size(); ++i) error += std::pow(matrix[i] - want_matrix[i], 2);
    for (std::size_t i = 0; i < bias.size(); ++i) error += std::pow(bias[i] - want_bias[i], 2);
    error = std::sqrt(error);
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t t = 0; t <= 6; ++t) {
        double product = 1;
        for (std::size_t back = 1; back <= t; ++back) {
          const std::size_t step = t - back + 1;  // J[step] leads from step - 1 to step
          product *= 0.72 * norm(j.values, ((step - 1 + first) * 2 + b) * units * units, units * units);
          const double state = norm(s.values, ((t - back) * 2 + b) * units, units);
          if (back > k)
            bound += 0.5 * norm(d.values, (t * 2 + b) * units, units) * product *
                     std::sqrt(static_cast<double>(units) * (1 + state * state));
        }
      }
    EXPECT_LE(error, bound + 1e-12) << "replay(" << k << ")";
    EXPECT_TRUE(error < before || error < 1e-12) << "replay(" << k << ") " << error << " after " << before;
    EXPECT_EQ(error > 1e-9, k < 5) << "replay(" << k << ") " << error;
    before = error;
  }
}

// With W = I/2 a linear net's signal is half as long with every step back.
TEST_F(Refused, WhatIsLeftOfTheSignalIsReported) {
  const Shape shape{.steps = 7, .examples = 2};
  ProgramSpec spec = small("rtrl", "rnn_linear", "linear", 3);
  for (const auto& [word, left] : std::vector<std::pair<std::string, double>>{{"approximate replay(3)", 0.125},
                                                                              {"approximate replay(1)", 0.5},
                                                                              {"approximate replay(6)", 0},
                                                                              {"replay", 0}}) {
    spec.schedule["P"] = word;
    SessionOptions options;
    options.batch = shape.examples;
    options.steps = shape.steps;
    Session session(compile(spec), options);
    session.set("net.W", std::vector<double>{0.5, 0, 0, 0, 0.5, 0, 0, 0, 0.5});
    EXPECT_NEAR(session.run(make_batch(shape)).left_out, left, 1e-12) << word;
  }
}

// Shards are cut and added as they are for the dense trace.
TEST_F(Refused, NothingByTheNumberOfThreads) {
  const Shape many{.steps = 5, .examples = 40, .unequal = true, .masked = true};
  for (const char* word : {"dense", "reverse", "replay"}) {
    ProgramSpec spec = with(own(rule(kLearn)), word);
    spec.float64 = false;
    const Outcome one = outcome(spec, many, 1), two = outcome(spec, many, 2);
    EXPECT_EQ(one.numbers, two.numbers) << word;
    EXPECT_EQ(one.loss, two.loss) << word;
  }
}

}  // namespace
}  // namespace eligo::test
