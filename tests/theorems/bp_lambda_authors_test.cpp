// BP(λ) as its authors run it, and clipped learn lines in general, against sums by hand.
#include <gtest/gtest.h>

#include "tests/runtime/temporary.h"
#include "tests/theorems/sgprop.h"
#include "tests/theorems/unrolled.h"

namespace eligo::test {
namespace {

constexpr std::int64_t kTargets = 2;
constexpr double kHuge = 1e9;
const auto named = [](const auto& each) { return name_of(each.param); };

Vector clipped(const Vector& v, double bound) {
  const double length = norm(v);
  return length > bound ? scaled(v, bound / length) : v;
}

class BpLambdaAuthors : public testing::TestWithParam<LambdaCase> {
 protected:
  static constexpr double lambda = 0.7, gamma = 0.9;
  Session run(const std::string& rule, double bound = kHuge, Update update = Update::sequence, double rate = 0) const {
    ProgramSpec spec = rule_on(rule, GetParam(), {"s", "J", "L.o"});
    spec.update = update;
    Session session = still(spec);
    session.set_hyper("λ", lambda);
    session.set_hyper("γ", gamma);
    session.set_hyper("optimiser.θ.α", rate);
    if (rule == "bp_lambda_authors") session.set_hyper("bound", bound);
    session.run(batch_);
    return session;
  }
  Linear before() const { return synthesiser(still(rule_on("bp_lambda", GetParam()))); }

  Linear step(const Unrolled& u, const Linear& g, std::int64_t t, std::int64_t first, std::int64_t last) const {
    return u.bp_lambda_step(g, t, first, last, lambda, gamma);
  }
  // The whole sequence, with each step's update clipped and applied at a rate (0: θ stays).
  std::pair<Linear, Linear> by_hand(const Unrolled& u, double bound, double rate) const {
    Linear theta = before(), sum = Linear::zero(u.size());
    for (std::int64_t t = 1; t < u.steps(); ++t) {
      Linear added = step(u, theta, t, 1, u.steps());
      added.A = clipped(added.A, bound);
      added.a = clipped(added.a, bound);
      sum.add(added, 1);
      theta.add(added, rate);
    }
    return {sum, theta};
  }
  const Batch batch_ = batch_of(GetParam());
};

TEST_P(BpLambdaAuthors, DiffersByTheInitialStatesTerm) {
  const Session paper = run("bp_lambda"), authors = run("bp_lambda_authors");
  const Unrolled u(paper, batch_, kTargets);
  const Linear g = before();
  Linear want = gathered_synthesiser(authors);
  Linear term = Linear::zero(u.size());
  for (std::int64_t t = 0; t < u.steps(); ++t) term.add(step(u, g, t, 0, 0), 1);
  want.add(term, 1);
  EXPECT_LE(distance(gathered_synthesiser(paper), want), 1e-12);
  EXPECT_GE(norm(term.A) + norm(term.a), 1e-3);
  for (const char* name : {"L.V", "L.b"})
    EXPECT_LE(difference(paper.gathered(name), authors.gathered(name)), 1e-14) << name;
}

TEST_P(BpLambdaAuthors, TheClipIsThatOfEachStep) {
  const double bound = 0.02;
  const Session session = run("bp_lambda_authors", bound);
  const Unrolled u(session, batch_, kTargets);
  EXPECT_LE(distance(gathered_synthesiser(session), by_hand(u, bound, 0).first), 1e-12);
  const Linear unclipped = by_hand(u, kHuge, 0).first;
  EXPECT_GE(distance(gathered_synthesiser(session), unclipped), 1e-2);
  const Linear of_the_sum{clipped(unclipped.A, bound), clipped(unclipped.a, bound)};
  EXPECT_GE(distance(gathered_synthesiser(session), of_the_sum), 1e-2);
  EXPECT_LE(distance(gathered_synthesiser(run("bp_lambda_authors", kHuge)), unclipped), 1e-12);
}

// With an update at every step, each clipped addition is in force at the next.
TEST_P(BpLambdaAuthors, UpdatesOfEachStepAreClippedFirst) {
  const double bound = 0.02, rate = 0.5;
  const Session session = run("bp_lambda_authors", bound, Update::step, rate);
  const Unrolled u(session, batch_, kTargets);
  EXPECT_LE(distance(synthesiser(session), by_hand(u, bound, rate).second), 1e-12);
  EXPECT_GE(distance(gathered_synthesiser(session), by_hand(u, bound, 0).first), 1e-6);
}

// In their code the losses carry 1/B: the synthesiser predicts 1/B of the gradient, and the cell's sum over the batch
// makes up for it.
TEST_P(BpLambdaAuthors, ScaleIsTheBatchInTheirLoss) {
  const Session plain = run("bp_lambda_authors");
  const double scale = 1.0 / static_cast<double>(batch_.examples);
  Session theirs = still(rule_on("bp_lambda_authors", GetParam()));
  theirs.set_hyper("λ", lambda);
  theirs.set_hyper("γ", gamma);
  theirs.set_hyper("bound", kHuge);
  theirs.set_hyper("scale", scale);
  const Linear g = before();
  theirs.set("g.A", scaled(g.A, scale));
  theirs.set("g.a", scaled(g.a, scale));
  theirs.run(batch_);
  const Linear learned = gathered_synthesiser(plain);
  EXPECT_LE(distance(gathered_synthesiser(theirs), {scaled(learned.A, scale), scaled(learned.a, scale)}), 1e-12);
  for (const std::string& name : parameters(plain)) {
    if (name.rfind("net.", 0) != 0) continue;
    EXPECT_LE(difference(theirs.gathered(name), plain.gathered(name)), 1e-12) << name;
  }
  theirs.set("g.A", g.A);
  theirs.run(batch_);
  EXPECT_GE(difference(theirs.gathered("g.A"), scaled(learned.A, scale)), 1e-3);
}

// Their alpha_learning: of step t the cell learns with θ as the update on the arrival of step t leaves it.
TEST_P(BpLambdaAuthors, TheCellLearnsAfterTheUpdate) {
  const double rate = 0.5, kappa = 0.7;
  std::vector<Vector> got;
  for (const std::int64_t after : {0, 1}) {
    ProgramSpec spec = rule_on("bp_lambda_authors", GetParam(), {"s", "J", "L.o"});
    spec.update = Update::step;
    spec.header["after"] = after;
    Session session = still(spec);
    for (const auto& [name, value] : {std::pair("λ", lambda), {"γ", gamma}, {"κ", kappa}, {"bound", kHuge}})
      session.set_hyper(name, value);
    session.set_hyper("optimiser.θ.α", rate);
    session.run(batch_);
    const Unrolled u(session, batch_, kTargets);
    std::vector<Linear> theta(static_cast<std::size_t>(u.steps()) + 1, before());  // behind the arrival of each step
    for (std::int64_t t = 2; t <= u.steps(); ++t) {
      Linear& now = theta[static_cast<std::size_t>(t)] = theta[static_cast<std::size_t>(t) - 1];
      now.add(step(u, now, t - 1, 1, u.steps()), rate);
    }
    const Samples samples = probe(rule_on("bp_lambda_authors", GetParam()), session, batch_);
    for (const std::int64_t by_hand : {0, 1}) {
      Credits credits;
      for (std::int64_t b = 0; b < u.examples(); ++b) {
        credits.emplace_back(static_cast<std::size_t>(u.length(b)));
        for (std::int64_t t = 1; t <= u.length(b); ++t) {
          const Linear& g = theta[static_cast<std::size_t>(std::max<std::int64_t>(t - 1 + by_hand, 0))];
          Vector& mixed = credits.back()[static_cast<std::size_t>(t) - 1].mixed;
          mixed = u.loss(t, b);
          mixed += scaled(u.predicted(g, t, b), kappa);
        }
      }
      const Vector want = learned(samples, credits);
      Vector all;
      for (const std::string& name : parameters(session))
        if (name.rfind("net.", 0) == 0)
          for (const double x : session.gathered(name)) all.push_back(x);
      if (by_hand == after) EXPECT_LE(difference(all, want), 1e-11) << after;
      else EXPECT_GE(difference(all, want), 1e-4) << after;
    }
    got.push_back(session.gathered("g.A"));
  }
  EXPECT_LE(difference(got[0], got[1]), 1e-14);  // the synthesiser does not notice
}

// Where θ stays over the sequence there is no before and after.
TEST_P(BpLambdaAuthors, WithoutUpdatesInsideItIsTheSame) {
  std::vector<Vector> got;
  for (const std::int64_t after : {0, 1}) {
    ProgramSpec spec = rule_on("bp_lambda_authors", GetParam(), {"s"});
    spec.header["after"] = after;
    Session session = still(spec);
    session.run(batch_);
    Vector& all = got.emplace_back();
    for (const std::string& name : parameters(session))
      for (const double x : session.gathered(name)) all.push_back(x);
  }
  EXPECT_LE(difference(got[0], got[1]), 1e-13);
}

INSTANTIATE_TEST_SUITE_P(Cases, BpLambdaAuthors,
                         testing::ValuesIn(std::vector<LambdaCase>{
                             {"rnn_linear"}, {"rnn_tanh"}, {"lstm"}, {"rnn_tanh", true}, {"lstm", true}}),
                         named);

// Lines that run backward, and those that read no t, are clipped step by step and window by window.
const char* const clipped_rules = R"(
rule clipped_bptt(net: cell, L: readout, n = all) {
  let s = net.state, ψ = net.params, φ = L.params
  hyper bound = 1
  window n, short first
  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])
  learn ψ -= r[t] . d(s[t])/d(ψ)  clip bound
  learn φ -= d(L[t])/d(φ)
}
rule clipped_ends(net: cell, L: readout, n = all) {
  let s = net.state, ψ = net.params, φ = L.params
  hyper bound = 1
  window n, short first
  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])
  learn ψ -= r[t] . d(s[t])/d(ψ)
  learn φ -= d(L[end])/d(φ)  clip 0.05
}
)";

class Clip : public testing::Test {
 protected:
  ProgramSpec spec(const std::string& rule) const {
    ProgramSpec s = exact(net(folder_ / "rules.eli:" + rule, "rnn_linear", "linear_mse", "linear", 4));
    s.header["n"] = 4;
    s.show = {"s", "r", "L.o"};
    return s;
  }
  const TemporaryFolder folder_;
  const std::string file_ = folder_.write("rules.eli", clipped_rules);
  const Batch batch_ = make_batch(lambda_shape);
};

TEST_F(Clip, ABackwardLineIsClippedAtEachStep) {
  const double bound = 0.02;
  Session session = make_session(spec("clipped_bptt"), lambda_shape);
  session.set_hyper("optimiser.α", 0);
  session.set_hyper("bound", bound);
  session.run(batch_);
  const Steps s(session.shown("s"), 6, 3), r(session.shown("r"), 6, 3);
  Vector want(16, 0.0), whole(16, 0.0);
  for (std::int64_t t = 1; t <= 6; ++t) {
    Vector added(16, 0.0);
    for (std::int64_t b = 0; b < 3; ++b)
      for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t j = 0; j < 4; ++j) added[i * 4 + j] -= r.at(t, b)[i] * s.at(t - 1, b)[j] / 3;
    want += clipped(added, bound);
    whole += added;
  }
  EXPECT_LE(difference(session.gathered("net.W"), want), 1e-12);
  EXPECT_GE(difference(session.gathered("net.W"), whole), 1e-2);
  session.set_hyper("bound", kHuge);
  session.run(batch_);
  EXPECT_LE(difference(session.gathered("net.W"), whole), 1e-12);
}

// Where each step has a value of its own, a step's line adds to that one alone: its sum is what is bounded.
TEST_F(Clip, ValuesPerStepAreBoundedEachByItself) {
  ProgramSpec s = spec("clipped_bptt");
  s.cell = "feedforward";
  s.header["n"] = -1;
  Session session = make_session(s, lambda_shape);
  session.set_hyper("optimiser.α", 0);
  std::map<std::string, Vector> whole;
  for (const double bound : {kHuge, 0.05}) {
    session.set_hyper("bound", bound);
    session.run(batch_);
    bool any = false;
    for (const char* name : {"net.b", "net.W", "net.E"}) {
      const Vector got = session.gathered(name);
      if (bound == kHuge) whole[name] = got;
      const std::size_t steps = std::string(name) == "net.E" ? 1 : 6, size = got.size() / steps;
      for (std::size_t t = 0; t < steps; ++t) {
        const auto at = static_cast<std::ptrdiff_t>(t * size), to = static_cast<std::ptrdiff_t>((t + 1) * size);
        const Vector part(whole[name].begin() + at, whole[name].begin() + to);
        EXPECT_LE(difference({got.begin() + at, got.begin() + to}, clipped(part, bound)), 1e-12) << name << t + 1;
        any = any || norm(part) > bound;
      }
    }
    EXPECT_EQ(any, bound != kHuge);
  }
  session.set_hyper("optimiser.α", 1);  // what is bounded is what moves each step's value
  const Vector before = session.get("net.b"), gathered = session.gathered("net.b");
  session.run(batch_);
  Vector moved = session.get("net.b");
  moved += scaled(before, -1);
  EXPECT_LE(difference(moved, gathered), 1e-12);
}

// Windows of 4 over 6 steps end at 2 and 6.
TEST_F(Clip, ALineOfTheWindowIsClippedOnceAWindow) {
  Session session = make_session(spec("clipped_ends"), lambda_shape);
  session.set_hyper("optimiser.α", 0);
  session.run(batch_);
  const Steps o(session.shown("L.o"), 6, 3);
  Vector want(2, 0.0), whole(2, 0.0);
  std::int64_t start = 0;
  for (const std::int64_t end : {2, 6}) {
    Vector added(2, 0.0);
    for (std::int64_t b = 0; b < 3; ++b) {
      const std::int64_t at = std::min(end, batch_.lengths[static_cast<std::size_t>(b)]);
      if (at <= start) continue;
      const auto point = static_cast<std::size_t>((at - 1) * 3 + b);
      for (std::size_t k = 0; k < 2; ++k)
        added[k] -= batch_.loss_mask[point] * (o.at(at, b)[k] - batch_.y[point * 2 + k]) / 3;
    }
    want += clipped(added, 0.05);
    whole += added;
    start = end;
  }
  EXPECT_LE(difference(session.gathered("L.b"), want), 1e-12);
  EXPECT_GE(difference(session.gathered("L.b"), whole), 1e-2);
}

// A clipped rule that is online learns step by step as in a run; the losses feel every update.
TEST_F(Clip, StepsAreARun) {
  const Shape shape{.steps = 6, .examples = 2};
  const LambdaCase c{"rnn_tanh"};
  ProgramSpec spec = rule_on("bp_lambda_authors", c);
  spec.update = Update::step;
  Session stepped = make_session(spec, shape), loose = make_session(spec, shape);
  spec.show = {"L"};
  Session whole = make_session(spec, shape);
  for (Session* each : {&whole, &stepped, &loose}) {
    each->set_hyper("optimiser.α", 0.5);
    each->set_hyper("bound", each == &loose ? kHuge : 0.02);
  }
  const Batch batch = make_batch(shape);
  whole.run(batch);
  const Steps losses(whole.shown("L"), shape.steps, shape.examples);
  double apart = 0;
  for (std::int64_t t = 0; t < shape.steps; ++t) {
    const auto row = [&](const Vector& all, std::size_t width) {
      return std::span(all).subspan(static_cast<std::size_t>(t) * width, width);
    };
    const double want = (losses.at(t + 1, 0)[0] + losses.at(t + 1, 1)[0]) / 2;
    EXPECT_NEAR(stepped.step(row(batch.x, 6), row(batch.y, 4)).loss, want, 1e-13) << t;
    apart = std::max(apart, std::abs(loose.step(row(batch.x, 6), row(batch.y, 4)).loss - want));
  }
  EXPECT_GE(apart, 1e-5);
}

TEST_F(Clip, ABoundMustBePositive) {
  Session session = make_session(spec("clipped_bptt"), lambda_shape);
  session.set_hyper("bound", 0);
  EXPECT_MENTIONS(error_of([&] { session.run(batch_); }), "bound");
}

}  // namespace
}  // namespace eligo::test
