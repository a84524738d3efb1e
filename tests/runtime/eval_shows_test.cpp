// `eligo eval`: what a case may show, lines and updates, against sums by hand.
#include "tests/runtime/eval_case.h"

namespace eligo::test {
namespace {

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

}  // namespace
}  // namespace eligo::test
