// `eligo eval`: what a case may give (draws, starts, masks) and show (lines, updates), against sums by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "dsl/diagnostic.h"
#include "runtime/tools/evaluate_case.h"
#include "runtime/tools/task_case.h"
#include "support/random.h"
#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

using json = nlohmann::json;

constexpr const char* kRules = R"(
cell noisy(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  ξ[t] = normal[n]()
  h[t] = tanh(W . h[t-1] + U . x[t] + ξ[t])
}
rule noisy_signal(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  ν[t] = normal[s]()
  learn ψ -= (d(L[t])/d(s[t]) + ν[t]) . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
rule scaled_noise(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  ν[t] = 2*normal[s]()
  learn ψ -= (d(L[t])/d(s[t]) + ν[t]) . d(s[t])/d(ψ)
}
rule kept_per_step(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  keep c[s] per step = 0
  r[t] = c * d(L[t])/d(s[t])
  learn ψ -= r[t] . d(s[t])/d(ψ)
}
rule counting(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  a[t] = 0.5*a[t-1] + 1
  e[t] = 0.5*e[t-1] + s[t]
  learn ψ -= a[t]*e[t] . d(s[t])/d(ψ)
  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)
  learn ψ -= 0.01*ψ
  learn φ -= d(L[t])/d(φ)
}
rule means(net: cell over neurons w, L: readout) {
  let s = net.state, ψ = net.params
  keep m[w] = 0
  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)
  per neuron w, over batch and t {
    q = s[t]
    m := sum(mean(q))
  }
}
)";

// Numbers of any shape, from -1 to 1.
json drawn(const std::string& key, const std::vector<std::int64_t>& shape, std::size_t level = 0) {
  if (level == shape.size()) return uniform(make_key(7, key), 0, -1, 1);
  json out = json::array();
  for (std::int64_t i = 0; i < shape[level]; ++i) out.push_back(drawn(key + "." + std::to_string(i), shape, level + 1));
  return out;
}

std::vector<double> flat(const json& value) {
  if (value.is_number()) return {value.get<double>()};
  std::vector<double> out;
  for (const json& item : value)
    for (const double x : flat(item)) out.push_back(x);
  return out;
}

double apart(const json& a, const json& b) {
  const std::vector<double> x = flat(a), y = flat(b);
  if (x.size() != y.size() || x.empty()) return INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  return most;
}

class Eval : public testing::Test {
 protected:
  static constexpr std::int64_t n = 3, m = 2, k = 2;
  std::int64_t steps = 4, examples = 3;

  json a_case(const std::string& rule, const std::string& cell = "rnn_tanh") const {
    const bool own = std::string(kRules).find("rule " + rule + "(") != std::string::npos;
    json c;
    c["rule"] = own ? file_ + ":" + rule : rule;
    c["cell"] = cell == "noisy" ? file_ + ":noisy" : cell;
    c["readout"] = "linear_mse";
    c["synth"] = "linear";
    c["sizes"] = {{"n", n}, {"m", m}, {"k", k}};
    c["seed"] = 3;
    c["x"] = drawn("x", {steps, examples, m});
    c["y"] = drawn("y", {steps, examples, k});
    return c;
  }
  static json run(json c, const char* field = nullptr, const json& value = nullptr) {
    if (field) c[field] = value;
    return evaluate_case(c, {});
  }
  static std::string refusal(const json& c) {
    try {
      evaluate_case(c, {});
    } catch (const Error& e) {
      return e.what();
    } catch (const dsl::SourceError& e) {
      return e.what();
    }
    return "";
  }
  // One example of a case alone.
  static json only(json c, std::size_t example) {
    for (const char* field : {"x", "y", "loss_mask", "valid"})
      if (c.contains(field))
        for (json& step : c[field]) step = json::array({step[example]});
    if (c.contains("lengths")) c["lengths"] = json::array({c["lengths"][example]});
    return c;
  }

  const TemporaryFolder folder_;
  const std::string file_ = folder_.write("rules.eli", kRules);
};

// The gradient of a bias is the signal's mean over the examples, summed over the steps that they have.
TEST_F(Eval, DrawsAreGivenByTheNameOfTheirEquation) {
  for (const std::int64_t batch : {3, 60}) {  // 60 are cut into shards
    examples = batch;
    for (const char* backend : {"jit", "interpreter"}) {
      json c = a_case("noisy_signal", "rnn_linear");
      c["backend"] = backend;
      std::vector<std::int64_t> lengths;
      for (std::int64_t b = 0; b < examples; ++b) lengths.push_back(b % 3 == 1 ? 2 : steps);
      c["lengths"] = lengths;
      const json nu = drawn("nu", {steps, examples, n});
      c["show"] = {"nu"};
      c["values"]["nu"] = drawn("zero", {steps, examples, n});
      for (json& step : c["values"]["nu"])
        for (json& example : step)
          for (json& x : example) x = 0;
      const json without = run(c);
      c["values"]["nu"] = nu;
      const json with = run(c);
      EXPECT_EQ(flat(with["steps"]["nu"][0]), flat(nu[0]));
      EXPECT_EQ(flat(with["steps"]["nu"][3][1]), std::vector<double>(n, 0.0)) << "beyond its end an example has no draw";
      for (std::size_t i = 0; i < n; ++i) {
        double want = 0;
        for (std::int64_t b = 0; b < examples; ++b)
          for (std::int64_t t = 0; t < lengths[static_cast<std::size_t>(b)]; ++t)
            want -= nu[static_cast<std::size_t>(t)][static_cast<std::size_t>(b)][i].get<double>() / static_cast<double>(examples);
        EXPECT_NEAR(with["learn"]["ψ.b"][i].get<double>() - without["learn"]["ψ.b"][i].get<double>(), want, 1e-12);
      }
    }
  }
}

TEST_F(Eval, ACellsDrawBearsItsRole) {
  json c = a_case("bptt", "noisy");
  c["values"] = {{"net.W", drawn("W", {n, n})}, {"net.U", drawn("U", {n, m})}, {"net.ξ", drawn("xi", {steps, examples, n})}};
  c["show"] = {"s"};
  for (const char* backend : {"jit", "interpreter"}) {
    const json states = run(c, "backend", backend)["steps"]["s"];
    for (std::size_t b = 0; b < 3; ++b)
      for (std::size_t t = 0; t < 4; ++t)
        for (std::size_t i = 0; i < n; ++i) {
          double z = c["values"]["net.ξ"][t][b][i];
          for (std::size_t j = 0; j < n; ++j) z += c["values"]["net.W"][i][j].get<double>() * states[t][b][j].get<double>();
          for (std::size_t j = 0; j < m; ++j) z += c["values"]["net.U"][i][j].get<double>() * c["x"][t][b][j].get<double>();
          EXPECT_NEAR(states[t + 1][b][i].get<double>(), std::tanh(z), 1e-14);
        }
  }
}

// What is given is the same wherever it is drawn again: in segments of a bounded memory, with other threads, in f32.
TEST_F(Eval, GivenDrawsHoldHoweverTheStepsAreTaken) {
  steps = 200;
  examples = 60;
  json c = a_case("bptt", "noisy");
  c["values"] = {{"net.ξ", drawn("xi", {steps, examples, n})}};
  const json whole = run(c);
  EXPECT_EQ(run(c, "threads", 2)["learn"], whole["learn"]);
  EXPECT_EQ(run(c, "memory", "2900KiB")["learn"], whole["learn"]);
  EXPECT_LE(apart(run(c, "dtype", "f32")["learn"]["ψ.W"], whole["learn"]["ψ.W"]), 1e-4);
  c["values"] = json::object();
  EXPECT_GE(apart(run(c)["learn"]["ψ.W"], whole["learn"]["ψ.W"]), 1e-3);
}

TEST_F(Eval, WhatIsNoDrawIsRefused) {
  json c = a_case("scaled_noise");
  c["values"]["ν"] = drawn("nu", {steps, examples, n});
  EXPECT_MENTIONS(refusal(c), "ν");
  c = a_case("noisy_signal");
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{steps, examples}, {steps, examples, n + 1}, {steps + 1, examples, n}, {n}}) {
    c["values"]["ν"] = drawn("nu", shape);
    EXPECT_MENTIONS(refusal(c), "[4][3][3]");
  }
}

// P[1] = J[1] . P[start] + I[1], whatever the schedule: what it adds to the gradient is linear in it.
TEST_F(Eval, ARecurrenceStartsFromWhatIsGiven) {
  json c = a_case("rtrl", "rnn_linear");
  const std::int64_t params = n * n + n * m + n;
  c["values"] = {{"net.W", drawn("W", {n, n})}, {"L.V", drawn("V", {k, n})}};
  c["show"] = {"P"};
  c["seed"] = 1;
  const json without = run(c);
  c["values"]["P[start]"] = drawn("P", {examples, n, params});
  const json shown = run(c);
  ASSERT_EQ(shown["steps"]["P"].size(), 5u);
  EXPECT_LE(apart(shown["steps"]["P"][0], c["values"]["P[start]"]), 0);
  const auto w = [&](std::size_t i, std::size_t j) { return c["values"]["net.W"][i][j].get<double>(); };
  const json& start = c["values"]["P[start]"];
  for (std::size_t b = 0; b < 3; ++b)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t p = 0; p < static_cast<std::size_t>(params); ++p) {
        double want = without["steps"]["P"][0][b][i][p];
        for (std::size_t j = 0; j < n; ++j) want += w(i, j) * start[b][j][p].get<double>();
        EXPECT_NEAR(shown["steps"]["P"][1][b][i][p].get<double>(), want, 1e-14);
      }
  c.erase("show");
  const json want = run(c, "backend", "interpreter")["learn"];
  EXPECT_GE(apart(want["ψ.W"], without["learn"]["ψ.W"]), 1e-3);
  for (const char* schedule : {"dense", "reverse", "replay", "auto"}) {
    const json learned = run(c, "schedule", {{"P", schedule}})["learn"];
    for (const auto& [name, value] : learned.items()) EXPECT_LE(apart(value, want[name]), 1e-12) << schedule << name;
  }
}

// Also where the rule has a value of its own there, and where what it carries has a known shape.
TEST_F(Eval, StartsReplaceTheRulesOwn) {
  for (const char* rule : {"bp_lambda", "bp_lambda_authors", "snap1", "uoro"}) {
    json c = a_case(rule);
    const std::string name = std::string(rule) == "uoro" ? "A" : std::string(rule) == "snap1" ? "P" : "e";
    const std::int64_t width = name == "e" ? n * n + n : n * n + n * m + n;
    c["values"][name + "[start]"] =
        name == "A" ? drawn("start", {examples, n}) : drawn("start", {examples, n, width});
    if (name == "A") c["values"]["B[start]"] = drawn("B", {examples, width});
    c["show"] = json::array({name});
    const json shown = run(c), slow = run(c, "backend", "interpreter");
    EXPECT_LE(apart(shown["steps"][name][0], c["values"][name + "[start]"]), 1e-15) << rule;
    for (const auto& [key, value] : slow["learn"].items()) EXPECT_LE(apart(shown["learn"][key], value), 1e-11) << rule << key;
    EXPECT_LE(apart(shown["steps"][name], slow["steps"][name]), 1e-11) << rule;
    c["values"] = json::object();
    EXPECT_GE(apart(run(c)["steps"][name].back(), shown["steps"][name].back()), 1e-4) << rule;
  }
}

// e[start] is read by the line of the first step, for bp_lambda's own range: δ[start] . e[start] too.
TEST_F(Eval, AStartIsRefusedWhereThereIsNone) {
  json c = a_case("bp_lambda");
  c["values"]["G[start]"] = drawn("G", {examples, n});
  EXPECT_MENTIONS(refusal(c), "G[start]");
  c["values"] = {{"Q[start]", 1}};
  EXPECT_MENTIONS(refusal(c), "Q[start]");
  c["values"] = {{"e[start]", drawn("e", {examples, n, n})}};
  EXPECT_MENTIONS(refusal(c), "[3][3][12]");
  c = a_case("bptt");
  c["values"]["r[start]"] = drawn("r", {examples, n});  // runs backward
  EXPECT_MENTIONS(refusal(c), "r[start]");
}

TEST_F(Eval, KeepsPerStepMayHaveBundlesAsAxes) {
  json c = a_case("kept_per_step", "rnn_linear");
  c["values"] = {{"c", drawn("c", {steps, n})}, {"L.V", drawn("V", {k, n})}};
  c["show"] = {"r"};
  const json fast = run(c), slow = run(c, "backend", "interpreter");
  EXPECT_EQ(fast["values"]["c"], c["values"]["c"]);
  EXPECT_LE(apart(fast["learn"]["ψ.W"], slow["learn"]["ψ.W"]), 1e-14);
  c["values"]["c"] = drawn("one", {steps, n});
  for (json& step : c["values"]["c"])
    for (json& x : step) x = 1;
  const json plain = run(c);
  for (std::size_t t = 0; t < 4; ++t)
    for (std::size_t b = 0; b < 3; ++b)
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_NEAR(fast["steps"]["r"][t][b][i].get<double>(),
                    fast["values"]["c"][t][i].get<double>() * plain["steps"]["r"][t][b][i].get<double>(), 1e-14);
}

// What a line shows for an example is what it teaches that example alone; over all it sums to what is learned.
TEST_F(Eval, LinesShowWhatTheyAddForEachStepAndExample) {
  struct Lines {
    const char *rule, *cell;
    std::vector<std::string> of_psi;
  };
  for (const Lines& each : {Lines{"bptt", "rnn_tanh", {"learn psi"}}, {"bp_lambda", "lstm", {"learn ψ"}},
                            {"bp_lambda_authors", "rnn_tanh", {"learn ψ", "learn ψ 2"}}, {"rtrl", "rnn_tanh", {"learn ψ"}},
                            {"n_step_sg", "rnn_tanh", {"learn ψ"}}, {"online_lambda_sg", "rnn_tanh", {"learn ψ"}}, {"dni_rnn", "rnn_tanh", {"learn ψ", "learn θ", "learn θ 2"}},
                            {"counting", "rnn_tanh", {"learn ψ", "learn ψ 2", "learn ψ 3"}},
                            {"backprop", "feedforward", {"learn ψ"}}}) {
    SCOPED_TRACE(std::string(each.rule) + " on " + each.cell);
    json c = a_case(each.rule, each.cell);
    c["values"]["L.V"] = drawn("V", {k, n});
    c["lengths"] = {4, 2, 3};
    if (std::string(each.rule) == "n_step_sg" || std::string(each.rule) == "dni_rnn") c["window"] = 3;
    if (std::string(each.rule) == "bp_lambda_authors") c["hyper"]["bound"] = 1e9;
    c["show"] = each.of_psi;
    c["show"].push_back("learn φ");
    if (std::string(each.rule) == "n_step_sg" || std::string(each.rule).rfind("bp_", 0) == 0) c["show"].push_back("learn θ");
    for (const char* backend : {"jit", "interpreter"}) {
      c["backend"] = backend;
      const json all = run(c);
      std::map<std::string, std::vector<double>> sums;
      for (std::size_t b = 0; b < 3; ++b) {
        const json alone = run(only(c, b));
        std::map<std::string, std::vector<double>> own;
        for (const auto& [line, parameters] : all["steps"].items())
          for (const auto& [key, rows] : parameters.items())
            for (std::size_t t = 0; t < rows.size(); ++t) {
              const std::vector<double> values = flat(rows[t][b]);
              const std::size_t whole = flat(all["learn"][key]).size();
              own[key].resize(whole);
              sums[key].resize(whole);
              const std::size_t first = whole > values.size() ? t * values.size() : 0;  // a value for each step
              for (std::size_t i = 0; i < values.size(); ++i) {
                own[key][first + i] += values[i];
                sums[key][first + i] += values[i] / 3;
              }
            }
        if (std::string(each.rule) == "online_lambda_sg") continue;  // θ is revised over the batch
        for (const auto& [key, values] : own) {
          // The mean of one example is that example; a weight decay is for all examples the same.
          EXPECT_LE(apart(values, alone["learn"][key]), 1e-12) << key << " of " << b;
        }
      }
      for (const auto& [key, value] : all["learn"].items()) EXPECT_LE(apart(sums[key], value), 1e-12) << key;
    }
  }
}

// Of a single line, at each step: the bias of a linear net learns the signal itself.
TEST_F(Eval, ALineIsShownAtItsStep) {
  json c = a_case("bptt", "rnn_linear");
  c["show"] = {"learn ψ", "r", "learn φ"};
  const json out = run(c)["steps"];
  ASSERT_EQ(out["learn ψ"]["ψ.b"].size(), 4u);
  for (std::size_t t = 0; t < 4; ++t)
    for (std::size_t b = 0; b < 3; ++b)
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_NEAR(out["learn ψ"]["ψ.b"][t][b][i].get<double>(), -out["r"][t][b][i].get<double>(), 1e-15);
  EXPECT_MENTIONS(refusal([&] { c["show"] = {"learn χ"}; return c; }()), "learn φ");
  EXPECT_MENTIONS(refusal([&] { c["show"] = {"learn ψ 2"}; return c; }()), "learn ψ");
}

// A line without t runs once a window: its rows are those of the windows' starts.
TEST_F(Eval, ALineOfAWindowIsShownAtItsStart) {
  json c = a_case("n_step_sg");
  c["window"] = 3;
  c["show"] = {"learn θ"};
  c["values"]["L.V"] = drawn("V", {k, n});
  const json rows = run(c)["steps"]["learn θ"]["θ.a"];
  ASSERT_EQ(rows.size(), 5u);  // the start and four steps; windows of 1 and 3
  for (std::size_t t = 0; t < 5; ++t) {
    double most = 0;
    for (const double x : flat(rows[t])) most = std::max(most, std::abs(x));
    EXPECT_EQ(most > 0, t <= 1) << t;
  }
}

TEST_F(Eval, UpdatesShowTheParametersBehindEach) {
  json c = a_case("bp_lambda");
  c["update"] = {{"every", "step"}, {"sgd", {{"θ", 0.3}, {"ψ", 0.2}}}};
  c["show"] = {"update θ", "update psi", "learn θ", "update net.U"};
  const json out = run(c);
  const json& rows = out["steps"]["update θ"]["θ.A"];
  ASSERT_EQ(rows.size(), 5u);  // four arrivals and one more, for which the line of the last step waits
  EXPECT_EQ(rows.back(), out["values"]["g.A"]);
  EXPECT_EQ(out["steps"]["update psi"]["ψ.W"].back(), out["values"]["net.W"]);
  EXPECT_EQ(out["steps"]["update net.U"]["ψ.U"], out["steps"]["update psi"]["ψ.U"]);
  std::vector<double> theta(static_cast<std::size_t>(n * n), 0.0);  // zero at first
  for (std::size_t t = 0; t < 5; ++t) {
    for (std::size_t b = 0; b < 3; ++b) {
      const std::vector<double> added = flat(out["steps"]["learn θ"]["θ.A"][t][b]);
      for (std::size_t i = 0; i < theta.size(); ++i) theta[i] += 0.3 * added[i] / 3;
    }
    EXPECT_LE(apart(rows[t], theta), 1e-13) << t;
  }
  EXPECT_MENTIONS(refusal([&] { c["show"] = {"update χ"}; return c; }()), "χ");
}

// As many updates as there are windows, also for an optimiser that moves without a gradient.
TEST_F(Eval, AWindowIsUpdatedOnce) {
  for (const char* rule : {"bptt", "bp_lambda"}) {
    json c = a_case(rule);
    c["optimiser"] = "adam";
    c["update"] = {{"every", "window"}};
    const bool windows = std::string(rule) == "bptt";
    if (windows) c["window"] = 3;
    c["show"] = {"update ψ", "learn ψ"};
    const json out = run(c);
    const json& rows = out["steps"]["update ψ"]["ψ.W"];
    EXPECT_EQ(rows.size(), windows ? 2u : 1u) << rule;
    EXPECT_EQ(rows.back(), out["values"]["net.W"]);
  }
}

// A step that does not count is taken like any other.
TEST_F(Eval, StepsThatDoNotCountTeachNothing) {
  for (const char* rule : {"bptt", "bp_lambda", "n_step_sg", "dni_rnn"}) {
    SCOPED_TRACE(rule);
    json c = a_case(rule);
    c["values"]["L.V"] = drawn("V", {k, n});
    c["show"] = {"s", "L", "learn ψ", "learn φ"};
    json open = c;
    c["valid"] = {{1, 0, 1}, {0, 1, 1}, {1, 1, 0}, {1, 0, 1}};
    open["loss_mask"] = c["valid"];  // all lines run, about losses that are masked alike
    for (const char* backend : {"jit", "interpreter"}) {
      const json some = run(c, "backend", backend), all = run(open);
      EXPECT_LE(apart(some["steps"]["s"], all["steps"]["s"]), 1e-14);
      EXPECT_LE(apart(some["steps"]["L"], all["steps"]["L"]), 1e-14);
      EXPECT_NEAR(some["loss"].get<double>(), all["loss"].get<double>(), 1e-14);
      bool left_out = false;
      std::vector<double> sum(static_cast<std::size_t>(n), 0.0);
      for (std::size_t t = 0; t < 4; ++t)
        for (std::size_t b = 0; b < 3; ++b) {
          const std::vector<double> got = flat(some["steps"]["learn ψ"]["ψ.b"][t][b]),
                                    had = flat(all["steps"]["learn ψ"]["ψ.b"][t][b]);
          const bool counts = c["valid"][t][b] == 1;
          for (std::size_t i = 0; i < got.size(); ++i) {
            EXPECT_NEAR(got[i], counts ? had[i] : 0, 1e-13) << t << b;
            left_out = left_out || (!counts && std::abs(had[i]) > 1e-6);
            sum[i] += got[i] / 3;
          }
        }
      EXPECT_TRUE(left_out || std::string(rule) != "bptt");
      EXPECT_LE(apart(sum, some["learn"]["ψ.b"]), 1e-13);
    }
  }
}

TEST_F(Eval, StatisticsTakeTheStepsThatCount) {
  json c = a_case("means");
  c["valid"] = {{1, 0, 1}, {0, 1, 1}, {1, 1, 0}, {1, 0, 1}};
  c["show"] = {"s"};
  const json out = run(c);
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0, count = 0, all = 0;
    for (std::size_t t = 0; t < 4; ++t)
      for (std::size_t b = 0; b < 3; ++b) {
        const double h = out["steps"]["s"][t + 1][b][i];
        all += h / 12;
        if (c["valid"][t][b] != 1) continue;
        sum += h;
        ++count;
      }
    EXPECT_NEAR(out["values"]["m"][i].get<double>(), sum / count, 1e-14);
    EXPECT_GE(std::abs(sum / count - all), 1e-3);
  }
}

// An example of which no step counts might as well not be there, but for the mean over the batch.
TEST_F(Eval, AnExampleThatDoesNotCountAddsNothing) {
  for (const char* rule : {"bptt", "bp_lambda", "n_step_sg", "dni_rnn", "dni_aux", "online_lambda_sg"}) {
    SCOPED_TRACE(rule);
    const bool revises = std::string(rule) == "online_lambda_sg";
    json c = a_case(rule);
    if (std::string(rule) == "dni_aux") c["synth"] = {{"g", "linear"}, {"f", "linear"}};
    c["values"]["L.V"] = drawn("V", {k, n});
    c["values"]["g.A"] = drawn("A", {n, n});
    if (std::string(rule) == "bptt") c["values"].erase("g.A");
    json rest = c;
    for (const char* field : {"x", "y"})
      for (json& step : rest[field]) step.erase(2);
    c["valid"] = json::array();
    for (std::int64_t t = 0; t < steps; ++t) c["valid"].push_back({1, 1, 0});
    if (revises) {
      rest["hyper"]["alpha"] = 0.2;
      c["hyper"]["alpha"] = 0.3;
    }
    const json without = run(rest);
    for (const char* backend : {"jit", "interpreter"}) {
      const json masked = run(c, "backend", backend);
      for (const auto& [key, value] : masked["learn"].items()) {
        std::vector<double> want = flat(without["learn"][key]);
        for (double& x : want) x *= 2.0 / 3;
        EXPECT_LE(apart(value, want), 1e-12) << key;
      }
      if (revises) {
        EXPECT_LE(apart(masked["values"]["g.A"], without["values"]["g.A"]), 1e-12);
      }
    }
    EXPECT_NE(run(c)["learn"], run(c, "valid", nullptr)["learn"]);
  }
}

// So are those of a synthesiser that keeps statistics.
TEST_F(Eval, ASynthesisersStatisticsTakeTheStepsThatCount) {
  json c = a_case("bp_lambda");
  c["synth"] = "mlp_normal";
  c["sizes"]["hidden"] = 3;
  json rest = c;
  for (const char* field : {"x", "y"})
    for (json& step : rest[field]) step.erase(2);
  json every = c;
  c["valid"] = json::array();
  for (std::int64_t t = 0; t < steps; ++t) c["valid"].push_back({1, 1, 0});
  const json masked = run(c), without = run(rest), all = run(every);
  bool differs = false;
  for (const auto& [name, value] : masked["values"].items()) {
    if (name.rfind("g.", 0) != 0 || !without["values"].contains(name)) continue;
    EXPECT_LE(apart(value, without["values"][name]), 1e-13) << name;
    differs = differs || apart(value, all["values"][name]) > 1e-4;
  }
  EXPECT_TRUE(differs);
}

TEST_F(Eval, WhatCountsIsOneOrNought) {
  json c = a_case("bptt");
  c["valid"] = {{1, 0, 1}, {0, 1, 1}, {1, 0.5, 0}, {1, 0, 1}};
  EXPECT_MENTIONS(refusal(c), "0.5");
  c["valid"] = {{1, 0, 1}};
  EXPECT_MENTIONS(refusal(c), "valid");
  c["valid"] = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}};
  json plain = c;
  plain.erase("valid");
  const json counted = run(c)["learn"], all = run(plain)["learn"];
  ASSERT_EQ(counted.size(), all.size());
  for (const auto& [name, values] : all.items()) EXPECT_LE(apart(counted[name], values), 1e-14) << name;
}

TEST_F(Eval, NumbersOfTheHeaderStandAmongTheHypers) {
  json c = a_case("bp_lambda_authors");
  c["hyper"] = {{"after", 1}, {"lambda", 0.5}};
  c["update"] = {{"every", "step"}, {"sgd", {{"θ", 0.5}}}};
  const json late = run(c);
  c["hyper"]["after"] = 0;
  EXPECT_GE(apart(run(c)["learn"]["ψ.W"], late["learn"]["ψ.W"]), 1e-5);
  c["hyper"]["after"] = 0.5;
  EXPECT_MENTIONS(refusal(c), "after");
  c = a_case("bptt");
  c["hyper"] = {{"n", 0}};
  EXPECT_MENTIONS(refusal(c), "positive");
}

TEST_F(Eval, ATasksBatchIsACase) {
  for (const char* name : {"delayed_target", "seq_mnist"}) {
    TaskBatch wanted;
    wanted.task.name = name;
    wanted.task.batch = 3;
    wanted.task.seed = 5;
    wanted.epoch = 2;
    wanted.number = 4;
    if (std::string(name) == "seq_mnist") wanted.task.numbers = {{"drawn_train", 40}, {"drawn_test", 10}};
    json c = task_case(wanted);
    const Batch batch = make_task(wanted.task)->batch(Split::train, 1, 3);
    EXPECT_LE(apart(c["x"], batch.x), 0);
    EXPECT_LE(apart(c["y"], batch.y), 0);
    EXPECT_LE(apart(c["loss_mask"], batch.loss_mask), 0);
    EXPECT_EQ(c["x"].size(), static_cast<std::size_t>(batch.steps));
    EXPECT_EQ(c["x"][0].size(), 3u);
    c["rule"] = "bptt";
    c["cell"] = "rnn_tanh";
    c["readout"] = "linear_mse";
    c["sizes"]["n"] = 4;
    EXPECT_GT(run(c)["loss"].get<double>(), 0);
    wanted.number = 1000000;
    EXPECT_MENTIONS(error_of([&] { task_case(wanted); }), "1000000");
    wanted.number = 0;
    EXPECT_MENTIONS(error_of([&] { task_case(wanted); }), "1..");
  }
}

// Nothing that a case gives is left out, taken twice or taken for something else.
TEST_F(Eval, WhatIsGivenIsTakenOnceAndWhole) {
  const auto refused = [&](const char* field, const json& value) {
    json c = a_case("bp_lambda");
    c[field] = value;
    return refusal(c);
  };
  EXPECT_MENTIONS(refused("hyper", json({{"lambda", 0.1}, {"λ", 0.9}})), "which are one name");
  EXPECT_MENTIONS(refused("update", json({{"evry", "step"}})), "did you mean \"every\"?");
  EXPECT_MENTIONS(refused("update", json({{"rate", 1}})), "has no field \"rate\"");
  EXPECT_MENTIONS(refused("update", json({{"sgd", {{"psi", 1}, {"ψ", 2}}}})), "which are one name");
  EXPECT_MENTIONS(refused("window", "ALL"), "an integer or \"all\"");
  EXPECT_MENTIONS(refused("memory", 1.5), "expected an amount");
  EXPECT_MENTIONS(refused("rule", std::string(1000000, 'a')), "more than 4096 characters");
  json c = a_case("bp_lambda");
  c["update"] = {{"sgd", 1}};
  c["hyper"] = {{"optimiser.alpha", 3}};
  EXPECT_MENTIONS(refusal(c), "give one of them");
}

TEST_F(Eval, StatesAtTheStartHaveTheirShape) {
  json c = a_case("bptt");
  const json right = drawn("start", {examples, n});
  c["values"]["net.h[start]"] = right;
  EXPECT_EQ(refusal(c), "");
  c["values"]["net.h[start]"] = right[0];
  EXPECT_EQ(refusal(c), "") << "the same for all examples";
  examples = 2;
  c = a_case("bptt");
  for (const json& wrong : {drawn("start", {n, examples}), drawn("start", {n * examples}), drawn("start", {1, examples, n})}) {
    c["values"]["net.h[start]"] = wrong;
    EXPECT_MENTIONS(refusal(c), "net.h[start] has [2][3], or [3] for all examples");
  }
}

// What a readout makes of padding may overflow: a step that does not count has no loss.
TEST_F(Eval, ALossThatDoesNotCountIsZero) {
  for (const char* backend : {"jit", "interpreter"})
    for (const char* field : {"valid", "loss_mask"}) {
      json c = a_case("bptt");
      c["backend"] = backend;
      c["show"] = {"L"};
      c[field] = drawn("ones", {steps, examples});
      for (json& step : c[field])
        for (json& x : step) x = 1;
      c[field][0][1] = 0;
      c["y"][0][1][0] = 1e200;
      const json out = run(c);
      EXPECT_TRUE(out["loss"].is_number()) << out["loss"];
      EXPECT_EQ(out["steps"]["L"][0][1], 0.0);
      c["y"][0][1][0] = 0.5;
      EXPECT_EQ(run(c)["learn"], out["learn"]) << field << " " << backend;
    }
}

const char* const kOddRules = R"(
cell two(n, m, r) {
  input x[m]
  state h[r, n] = 0
  param a[r, n] = 0
  h[t] = unit[n](a) + inner[n](a, a)*a
}
cell of_numbers(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  z[t] = W . h[t-1] + U . x[t]
  h[t] = z[t]/(1 + max(norm2(z[t])))*softmax(sum(z[t])) + logsumexp(mean(z[t])) - min(sum(z[t]))
}
readout total(n, r, k) {
  input h[r, n]
  target y[k]
  loss sum(h)
}
synth crit(n, hidden) {
  input s[n]
  param W[hidden, n], b[hidden], q[hidden] ~ uniform(-1, 1)
  z = W . s + b
  v = sum(where(q > 0, sqrt(z), 0))
  output g = d(v)/d(s)
}
rule critic(net: cell, L: readout, g: synth) {
  let s = net.state, ψ = net.params, φ = L.params, θ = g.params
  G[t] = g(s[t])
  learn θ += (d(L[t])/d(s[t]) - G[t]) . d(G[t])/d(θ)
}
rule revises(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  at each t, for k in start..t-1 {
    ψ[k+1] = ψ[k] - 0.01*d(L[k+1])/d(s[k+1]) . d(s[k+1])/d(ψ)
    ψ[start] = ψ before sequence
    ψ := ψ[t]
  }
}
)";

TEST_F(Eval, NormsAndProductsAreTakenOverTheAxesThatTheyName) {
  const std::string file = folder_.write("odd.eli", kOddRules);
  json c = {{"rule", "bptt"}, {"cell", file + ":two"}, {"readout", file + ":total"}, {"show", {"s"}},
            {"sizes", {{"n", 2}, {"m", 1}, {"k", 1}, {"r", 2}}}, {"x", {{{0}}}}, {"y", {{{0}}}}};
  c["values"]["net.a"] = {{3, 4}, {6, 8}};
  for (const char* backend : {"jit", "interpreter"})
    EXPECT_LE(apart(run(c, "backend", backend)["steps"]["s"][1][0], json({75.6, 100.8, 600.6, 800.8})), 1e-12);
}

TEST_F(Eval, ReductionsOfANumberAreThatNumber) {
  const std::string file = folder_.write("odd.eli", kOddRules);
  json c = a_case("bptt");
  c["cell"] = file + ":of_numbers";
  c["show"] = {"s"};
  const json kernels = run(c);
  EXPECT_LE(apart(run(c, "backend", "interpreter")["learn"]["ψ.W"], kernels["learn"]["ψ.W"]), 1e-12);
}

// One unit's branch is not taken; another's is no number. The first learns nothing, whatever the second does.
TEST_F(Eval, AnUntakenBranchHoldsAlsoInSecondDerivatives) {
  const std::string file = folder_.write("odd.eli", kOddRules);
  json c = {{"rule", file + ":critic"}, {"cell", "rnn_tanh"}, {"readout", "linear_mse"}, {"synth", file + ":crit"},
            {"sizes", {{"n", 1}, {"m", 1}, {"k", 1}, {"hidden", 2}}}, {"x", {{{1}}}}, {"y", {{{0}}}}};
  c["values"] = {{"g.W", {{1}, {1}}}, {"g.b", {-1, 1}}, {"g.q", {1, 0}}, {"net.W", {{0}}}, {"net.U", {{0.5}}}, {"net.b", {0}}};
  for (const char* backend : {"jit", "interpreter"}) {
    const json learned = run(c, "backend", backend)["learn"];
    EXPECT_EQ(learned["θ.W"], json({{"nan"}, {0.0}})) << backend;
    EXPECT_EQ(learned["θ.b"], json({"nan", 0.0})) << backend;
  }
}

TEST_F(Eval, ACallMayBeIndexed) {
  const char* const cells = R"(
cell by_index(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  z[t] = W . h[t-1] + U . x[t]
  h[t][i] = W[i, j]*softmax(z[t])[j] + tanh(z[t])[i] - (W . z[t])[i]
}
cell whole(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  z[t] = W . h[t-1] + U . x[t]
  h[t] = W . softmax(z[t]) + tanh(z[t]) - W . z[t]
}
)";
  const std::string file = folder_.write("indexed.eli", cells);
  json c = a_case("bptt");
  c["cell"] = file + ":by_index";
  const json indexed = run(c)["learn"];
  c["cell"] = file + ":whole";
  EXPECT_LE(apart(indexed["ψ.W"], run(c)["learn"]["ψ.W"]), 1e-12);
}

TEST_F(Eval, ARuleMayHaveNoLine) {
  json c = a_case("bptt");
  c["rule"] = folder_.write("odd.eli", kOddRules) + ":revises";
  c["show"] = {"s"};
  EXPECT_EQ(refusal(c), "");
}

}  // namespace
}  // namespace eligo::test
