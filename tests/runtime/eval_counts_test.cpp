// `eligo eval`: steps and examples that do not count.
#include "tests/runtime/eval_case.h"

namespace eligo::test {
namespace {

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

}  // namespace
}  // namespace eligo::test
