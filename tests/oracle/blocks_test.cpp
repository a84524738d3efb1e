// `at each` blocks: kernels against the interpreter, one meaning in several spellings, revisions of a cell by hand, and
// what is refused.
#include <gtest/gtest.h>

#include "dsl/diagnostic.h"
#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

// Head and tail of a rule around its block.
std::string rule_with(const std::string& name, const std::string& before, const std::string& block,
                      const std::string& range = "start..t-1", bool cell_learns = true) {
  const std::string cell = "  learn ψ -= (d(L[t])/d(s[t]) + G[t]) . d(s[t])/d(ψ)\n";
  return "rule " + name + R"((net: cell, L: readout, g: synth) {
  let s = net.state, ψ = net.params, φ = L.params, θ = g.params
  hyper λ = 0.7 in [0, 1], γ = 0.9 in [0, 1], α = 0.1
  G[t]    = g(s[t])
  G[last] = 0
  J[t]    = d(s[t])/d(s[t-1])
)" + before + "\n  at each t, for k in " + range + " {\n" + block + "\n  }\n" +
         (cell_learns ? cell : "") + "  learn φ -= d(L[t])/d(φ)\n}\n";
}

const std::string restart = "\n    θ[start] = θ before sequence; θ := θ[t]";

// The library's rule, with all indices one further, a macro, and a name for the loss's part.
const std::string shifted = rule_with("shifted", "  record B[t] = G[t]", R"(
    V[k-1] = (l[k] + γ*(λ*V[k] + (1-λ)*B[k])) . J[k]
    l[k]   = d(L[k])/d(s[k])
    V[t]   = B[t]
    θ[k]   = θ[k-1] + α * err[k] . d(g(s[k-1]; θ[k-1]))/d(θ[k-1])
    err[k] = V[k-1] - g(s[k-1]; θ[k-1]))" + restart, "start+1..t");

// The λ-target of predictions by today's θ, swept back, or accumulated by a trace that runs forward along k.
const std::string swept = rule_with("swept", "", R"(
    V[k]   = (d(L[k+1])/d(s[k+1]) + γ*(λ*V[k+1] + (1-λ)*G[k+1])) . J[k+1]
    V[t]   = G[t]
    θ[k+1] = θ[k] + α * (V[k] - G[k]) . d(G[k])/d(θ))" + restart);
const std::string traced = rule_with("traced", "", R"(
    e[k]   = γ*λ * J[k] . e[k-1] + d(G[k])/d(θ)
    D[k]   = (d(L[k+1])/d(s[k+1]) + γ*G[k+1]) . J[k+1] - G[k]
    θ[k+1] = θ[k] + α * D[k] . e[k])" + restart);
// The rule's own trace, which the arrivals have carried already.
const std::string carried = rule_with("carried", "  e[t] = γ*λ * J[t] . e[t-1] + d(G[t])/d(θ)", R"(
    θ[k+1] = θ[k] + α * ((d(L[k+1])/d(s[k+1]) + γ*G[k+1]) . J[k+1] - G[k]) . e[k])" + restart);

// Passes of both ways, one after the other; values of the step reached and of the start; a second block.
const std::string both_ways = rule_with("both_ways", "  window 4, short first", R"(
    V[k]   = V[k+1] . J[k+1]
    V[t]   = G[t] + (t - 2) * s[t] + 0.1*T*s[start]
    F[k]   = 0.5*F[k-1] + V[k] * s[k]
    Z[k]   = F[k] + 0.5*Z[k+1]
    θ[k+1] = θ[k] + α * (Z[k] + 0.1*g(s[t]; θ[k]) + 0.1*F[t]) . d(g(s[k]))/d(θ)
    θ[start] = 0.5*θ + 0.5*(θ before sequence)
    θ := 0.9*θ[t] + 0.1*θ
  }
  at each t, for k in start+1..t {
    ψ[k] = ψ[k-1] - α * r[k] . d(s[k])/d(ψ)
    r[k] = d(L[k])/d(s[k])
    ψ[start] = ψ; ψ := ψ[t])", "start..t-1", false);

// Two synthesisers revised in one pass.
const std::string two = R"(
rule two(net: cell, L: readout, g: synth, f: synth) {
  let s = net.state, ψ = net.params, φ = L.params, θ = g.params, χ = f.params
  hyper α = 0.1
  at each t, for k in start..t-1 {
    aim[k]   = d(L[k+1])/d(s[k+1]) . d(s[k+1])/d(s[k])
    θ[k+1]   = θ[k] + α * (aim[k] - g(s[k]; θ[k])) . d(g(s[k]; θ[k]))/d(θ[k])
    χ[k+1]   = χ[k] + α * (g(s[k]; 0.5*θ[k] + 0.5*θ) - f(s[k]; χ[k])) . d(f(s[k]; χ[k]))/d(χ[k])
    θ[start] = θ; θ := θ[t]
    χ[start] = χ; χ := χ[t]
  }
  learn ψ -= (d(L[t])/d(s[t]) + f(s[t])) . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
)";

class Blocks : public testing::Test {
 protected:
  ProgramSpec spec(const std::string& rule, const std::string& text, const std::string& cell = "rnn_tanh") const {
    folder_.write(rule + ".eli", text);
    ProgramSpec s = exact(net(folder_ / rule + ".eli:" + rule, cell, "linear_mse", "linear", 3));
    s.synth = "linear";
    s.update = Update::step;
    return s;
  }
  std::map<std::string, std::vector<double>> outcome(const ProgramSpec& s, const Shape& shape, int threads = 1) const {
    Session session = make_session(s, shape, threads);
    session.set_hyper("optimiser.α", 0.05);
    std::map<std::string, std::vector<double>> out;
    for (const char* key : {"first", "second"}) session.run(make_batch(shape, key));
    for (const TensorInfo& info : session.tensors())
      if (!info.name.ends_with("[start]")) out[info.name] = session.get(info.name);
    for (const std::string& name : s.show) out["shown " + name] = session.shown(name).values;
    return out;
  }
  static double distance(const std::map<std::string, std::vector<double>>& a,
                         const std::map<std::string, std::vector<double>>& b) {
    double most = 0;
    for (const auto& [name, values] : a) most = std::max(most, difference(values, b.at(name)));
    return most;
  }
  std::string refusal(const std::string& name, const std::string& block, const std::string& range = "start..t-1") const {
    ProgramSpec s = spec(name, rule_with(name, "", block, range));
    if (block.find("F[k]") != std::string::npos) s.show = {"F"};
    try {
      instantiate(s);
    } catch (const dsl::SourceError& error) {
      return error.what();
    }
    return "";
  }
  const TemporaryFolder folder_;
  const Shape shape_{.steps = 6, .examples = 3, .unequal = true, .masked = true};
};

TEST_F(Blocks, AgreeWithTheInterpreter) {
  struct Case {
    std::string name, text, cell;
    std::vector<std::string> show;
  };
  for (const Case& c : {Case{"shifted", shifted, "rnn_tanh", {"V", "err", "l", "B"}},
                        {"traced", traced, "lstm", {"e", "D"}},
                        {"carried", carried, "rnn_linear", {"e"}},
                        {"both_ways", both_ways, "rnn_tanh", {"V", "F", "Z", "r", "θ"}}}) {
    SCOPED_TRACE(c.name + " " + c.cell);
    ProgramSpec s = spec(c.name, c.text, c.cell);
    s.show = c.show;
    const auto fast = outcome(s, shape_);
    s.interpreter = true;
    const auto slow = outcome(s, shape_);
    EXPECT_LE(distance(fast, slow), 1e-11);
    s.interpreter = s.float64 = false;
    EXPECT_LE(distance(outcome(s, shape_), slow), 1e-4);
  }
}

TEST_F(Blocks, TwoParametersInOnePass) {
  ProgramSpec s = spec("two", two);
  s.synth = "g=linear, f=linear";
  s.show = {"aim"};
  const auto fast = outcome(s, shape_);
  s.interpreter = true;
  EXPECT_LE(distance(fast, outcome(s, shape_)), 1e-11);
}

TEST_F(Blocks, OneMeaningInSeveralSpellings) {
  ProgramSpec library = spec("swept", swept);
  library.rule = "online_lambda_sg";
  Session a = make_session(library, shape_), b = make_session(spec("shifted", shifted), shape_);
  for (Session* each : {&a, &b}) {
    each->set_hyper("λ", 0.7);
    each->set_hyper("α", 0.1);
    each->run(make_batch(shape_));
  }
  for (const char* name : {"g.A", "g.a", "net.W", "L.V"}) EXPECT_LE(difference(a.get(name), b.get(name)), 1e-12) << name;

  const auto sweep = outcome(spec("swept", swept), shape_);
  EXPECT_LE(distance(outcome(spec("traced", traced), shape_), sweep), 1e-12);
  EXPECT_GE(distance(outcome(spec("shifted", shifted), shape_), sweep), 1e-5);
  // Within a sequence the rule's trace is the same, as a linear synthesiser's derivative does not know θ; with the cell
  // still, so are its Jacobians.
  EXPECT_LE(distance(outcome(spec("carried", carried), shape_), sweep), 1e-12);
}

// ψ revised at each arrival by the losses so far, with the derivatives of the parameters of each step.
TEST_F(Blocks, ACellIsRevisedWithTheDerivativesOfItsSteps) {
  const std::string text = R"(
rule revised_cell(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  hyper α = 0.3
  at each t, for k in start+1..t {
    r[k] = l[k] . d(s[k])/d(s[k-1])
    l[k] = d(L[k])/d(s[k])
    ψ[k] = ψ[k-1] - α * r[k] . d(s[k-1])/d(ψ)
    ψ[start] = ψ; ψ := ψ[t]
  }
  learn φ -= d(L[t])/d(φ)
}
)";
  const std::size_t n = 3;
  ProgramSpec s = spec("revised_cell", text, "rnn_linear");
  s.synth.clear();
  s.show = {"s", "L.o"};
  Session session = make_session(s, shape_);
  session.set_hyper("optimiser.α", 0);
  const Batch batch = make_batch(shape_);
  std::vector<double> w = session.get("net.W");
  const std::vector<double> u = session.get("net.U"), bias = session.get("net.b"), v = session.get("L.V"),
                            vb = session.get("L.b"), start = session.get("net.h[start]");
  std::vector<double> now_u = u, now_b = bias;
  struct Step {
    std::vector<double> s, w, x, loss;
  };
  std::vector<std::vector<Step>> done(3);
  for (std::size_t b = 0; b < 3; ++b) done[b].push_back({{start.begin() + b * n, start.begin() + (b + 1) * n}, {}, {}, {}});
  for (std::size_t t = 1; t <= 6; ++t) {
    for (std::size_t b = 0; b < 3; ++b) {
      if (static_cast<std::int64_t>(t) > batch.lengths[b]) continue;
      Step step{std::vector<double>(n), w, {}, std::vector<double>(n, 0.0)};
      const std::size_t point = (t - 1) * 3 + b;
      for (std::size_t j = 0; j < 3; ++j) step.x.push_back(batch.x[point * 3 + j]);
      for (std::size_t i = 0; i < n; ++i) {
        step.s[i] = now_b[i];
        for (std::size_t j = 0; j < n; ++j) step.s[i] += w[i * n + j] * done[b].back().s[j] + now_u[i * 3 + j] * step.x[j];
      }
      for (std::size_t k = 0; k < 2; ++k) {
        double error = vb[k] - batch.y[point * 2 + k];
        for (std::size_t i = 0; i < n; ++i) error += v[k * n + i] * step.s[i];
        for (std::size_t i = 0; i < n; ++i) step.loss[i] += batch.loss_mask[point] * error * v[k * n + i];
      }
      done[b].push_back(step);
    }
    for (std::size_t k = 2; k <= t; ++k) {  // before the first step the state knows no parameters
      for (std::size_t b = 0; b < 3; ++b) {
        if (k >= done[b].size()) continue;
        for (std::size_t i = 0; i < n; ++i) {
          double r = 0;
          for (std::size_t j = 0; j < n; ++j) r += done[b][k].loss[j] * done[b][k].w[j * n + i];
          for (std::size_t j = 0; j < n; ++j) w[i * n + j] -= 0.3 * r * done[b][k - 2].s[j] / 3;
          for (std::size_t j = 0; j < 3; ++j) now_u[i * 3 + j] -= 0.3 * r * done[b][k - 1].x[j] / 3;
          now_b[i] -= 0.3 * r / 3;
        }
      }
    }
  }
  const std::vector<double> before = session.get("net.W");
  session.run(batch);
  EXPECT_LE(difference(session.get("net.W"), w), 1e-12);
  EXPECT_LE(difference(session.get("net.U"), now_u), 1e-12);
  EXPECT_LE(difference(session.get("net.b"), now_b), 1e-12);
  EXPECT_GE(difference(session.get("net.W"), before), 1e-2);
}

TEST_F(Blocks, ThreadsChangeNoBit) {
  const Shape wide{.steps = 4, .examples = 51, .unequal = true};
  for (const auto& [name, text] : {std::pair{"shifted", shifted}, {"both_ways", both_ways}}) {
    const ProgramSpec s = spec(name, text);
    const auto one = outcome(s, wide, 1);
    EXPECT_EQ(outcome(s, wide, 2), one);
    EXPECT_EQ(outcome(s, wide, 4), one);
  }
  ProgramSpec clipped = spec("shifted", shifted);
  clipped.rule = "bp_lambda_authors";
  EXPECT_EQ(outcome(clipped, wide, 4), outcome(clipped, wide, 1));
}

TEST_F(Blocks, WithoutLearningNothingChanges) {
  ProgramSpec s = spec("shifted", shifted);
  s.show = {"V"};
  Session session = make_session(s, shape_);
  const auto before = session.get("g.A");
  session.run(make_batch(shape_), false);
  EXPECT_EQ(session.get("g.A"), before);
  const auto shown = session.shown("V");
  EXPECT_EQ(shown.rows, 7);
  EXPECT_GT(dot(shown.values, shown.values), 1e-6);
  session.run(make_batch(shape_));
  EXPECT_NE(session.get("g.A"), before);
}

// What a longer batch of more examples has left behind is not seen.
TEST_F(Blocks, AShorterBatchIsRunAsInANewSession) {
  for (const auto& [name, text] : {std::pair{"shifted", shifted}, {"both_ways", both_ways}}) {
    ProgramSpec s = spec(name, text);
    s.show = {"V"};
    const Shape little{.steps = 3, .examples = 2}, least{.steps = 1, .examples = 1};
    Session used = make_session(s, shape_), fresh = make_session(s, shape_);
    used.run(make_batch(shape_));
    fill(used);
    for (const Shape& shape : {little, least}) {
      for (Session* each : {&used, &fresh}) each->run(make_batch(shape));
      for (const char* parameter : {"g.A", "g.a", "net.W"}) EXPECT_EQ(used.get(parameter), fresh.get(parameter));
      EXPECT_EQ(used.shown("V").values, fresh.shown("V").values);
    }
  }
}

// A record and a line that hold at the start, where nothing has arrived yet.
TEST_F(Blocks, TheStartIsRecordedAndLearnedFrom) {
  const std::string text = R"(
rule from_start(net: cell, L: readout, g: synth) {
  let s = net.state, ψ = net.params, φ = L.params, θ = g.params
  record B[t] = s[t]
  P[t] = 0.5*P[t-1] + B[t]
  P[start] = 2*s[start]
  learn θ += P[t] . d(g(s[t]))/d(θ)  for t in start..end
  learn ψ -= (d(L[t])/d(s[t]) + g(s[t])) . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
)";
  ProgramSpec s = spec("from_start", text);
  s.update = Update::sequence;
  s.show = {"s", "P"};
  for (const bool interpreter : {false, true}) {
    s.interpreter = interpreter;
    Session session = make_session(s, shape_);
    session.set_hyper("optimiser.α", 0);
    const Batch batch = make_batch(shape_);
    session.run(batch);
    const auto states = session.shown("s").values, shown = session.shown("P").values;
    std::vector<double> want(3, 0.0);
    for (std::size_t b = 0; b < 3; ++b) {
      std::vector<double> p(3, 0.0);
      for (std::size_t t = 0; t <= static_cast<std::size_t>(batch.lengths[b]); ++t)
        for (std::size_t i = 0; i < 3; ++i) {
          const double state = states[(t * 3 + b) * 3 + i];
          p[i] = t == 0 ? 2 * state : 0.5 * p[i] + state;
          EXPECT_NEAR(shown[(t * 3 + b) * 3 + i], p[i], 1e-12) << t;
          want[i] += p[i] / 3;
        }
    }
    EXPECT_LE(difference(session.gathered("g.a"), want), 1e-12);
  }
}

TEST_F(Blocks, WhatCannotRunIsRefusedWithItsReason) {
  const std::string go = "θ[k+1] = θ[k] + α * s[k] . d(g(s[k]))/d(θ)\n";
  EXPECT_EQ(refusal("fine", go + restart), "");
  EXPECT_MENTIONS(refusal("begin", go + "θ := θ[t]"), "nothing says where the revision of θ begins");
  EXPECT_MENTIONS(refusal("past", "θ[k+1] = θ[k-1] + α * s[k] . d(g(s[k]))/d(θ)\n" + restart), "here that is θ[k]");
  EXPECT_MENTIONS(refusal("short_range", go + restart, "start..t-2"), "do not lead from θ[start] to θ[t]");
  EXPECT_MENTIONS(refusal("late", go + restart, "t-3..t-1"), "k begins at `start`");
  EXPECT_MENTIONS(refusal("varies", go + "θ[start] = L[t] * θ\nθ := θ[t]"), "differs between examples");
  EXPECT_MENTIONS(refusal("set_end", go + restart + "\nθ[t] = θ"), "cannot be set");
  EXPECT_MENTIONS(refusal("beyond", go + restart + "\nF[k+2] = s[k]"), "beyond start..t");
  EXPECT_MENTIONS(refusal("letter", go + restart + "\nF[k] = sum(g.a[k])"), "take another letter");
  EXPECT_MENTIONS(refusal("history", go + restart + "\nF[k] = F[k+1] + g(s[k]; θ[k])"), "no order of passes");
}

}  // namespace
}  // namespace eligo::test
