#include "dsl/time.h"

#include <gtest/gtest.h>

#include "support.h"

namespace eligo::dsl {
namespace {

RuleTime time_of(const ParsedFile& file) {
  Diagnostics diagnostics;
  diagnostics.current = file.source;
  RuleTime out = analyse_time(file.file.items[0], diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << render(diagnostics);
  return out;
}

RuleTime shipped(const std::string& name) {
  Diagnostics diagnostics;
  return time_of(parse_file(testing::rules_folder() + "/" + name, diagnostics));
}

TEST(Time, BpLambda) {
  const RuleTime t = shipped("bp_lambda.eli");
  EXPECT_TRUE(t.online);
  EXPECT_EQ(t.ahead, 1);
  EXPECT_EQ(t.names.at("e").direction, Direction::forward);
  EXPECT_EQ(t.names.at("G").direction, Direction::none);
  EXPECT_EQ(t.names.at("G").ahead, 0);
  EXPECT_EQ(t.names.at("δ").ahead, 1);
  for (const char* name : {"G", "e", "δ"}) EXPECT_TRUE(t.names.at(name).holds_at_start) << name;
  ASSERT_EQ(t.learns.size(), 3u);
  EXPECT_EQ(t.learns[0].when, LineWhen::arrive);
  EXPECT_EQ(t.learns[0].ahead, 1);
  EXPECT_TRUE(t.learns[0].from_start);
  EXPECT_EQ(t.learns[1].ahead, 0);
  EXPECT_FALSE(t.learns[1].from_start);
}

TEST(Time, Bptt) {
  const RuleTime t = shipped("bptt.eli");
  EXPECT_FALSE(t.online);
  EXPECT_EQ(t.names.at("r").direction, Direction::backward);
  EXPECT_TRUE(t.names.at("r").window_complete);
  EXPECT_FALSE(t.names.at("r").holds_at_start);
  for (const LearnTime& l : t.learns) EXPECT_EQ(l.when, LineWhen::sweep);
}

TEST(Time, NStep) {
  const RuleTime t = shipped("n_step_sg.eli");
  EXPECT_EQ(t.names.at("r").direction, Direction::backward);
  EXPECT_EQ(t.names.at("v").direction, Direction::backward);
  EXPECT_NE(t.names.at("v").cycle, t.names.at("r").cycle);
  EXPECT_TRUE(t.names.at("v").holds_at_start);
  EXPECT_FALSE(t.names.at("r").holds_at_start);
  EXPECT_EQ(t.learns[0].when, LineWhen::sweep);
  EXPECT_EQ(t.learns[2].when, LineWhen::close);
}

TEST(Time, OnlineLambda) {
  const RuleTime t = shipped("online_lambda_sg.eli");
  EXPECT_TRUE(t.online);
  EXPECT_EQ(t.ahead, 0);
  EXPECT_FALSE(t.names.contains("V"));  // of the block
  EXPECT_EQ(t.names.at("B").direction, Direction::none);
}

TEST(Time, Sgprop) {
  const RuleTime t = shipped("sgprop.eli");
  EXPECT_EQ(t.names.at("u").direction, Direction::backward);
  EXPECT_EQ(t.names.at("m").cycle, t.names.at("u").cycle);
  EXPECT_EQ(t.names.at("H").direction, Direction::none);
}

TEST(Time, Rtrl) {
  const RuleTime t = shipped("rtrl.eli");
  EXPECT_TRUE(t.online);
  EXPECT_EQ(t.ahead, 0);
  EXPECT_EQ(t.names.at("P").direction, Direction::forward);
  EXPECT_FALSE(t.names.at("P").holds_at_start);
}

TEST(Time, AheadNeverFallsBelowTheReadItself) {
  const RuleTime t =
      time_of(testing::parsed(testing::rule_with("a[t] = L[t-3]\nb[t] = a[t+1]\nc[t] = a[t-1]\nf[t] = f[t-1] + b[t]")));
  EXPECT_EQ(t.names.at("a").ahead, 0);
  EXPECT_EQ(t.names.at("b").ahead, 1);
  EXPECT_EQ(t.names.at("c").ahead, 0);
  EXPECT_EQ(t.names.at("f").ahead, 1);
}

TEST(Time, BoundariesOfTheSameIndexDoNotWait) {
  const RuleTime t =
      time_of(testing::parsed(testing::rule_with("a[t] = L[t]\na[end] = L[end]\nb[t] = a[end]\nc[t] = a[start]")));
  EXPECT_FALSE(t.names.at("a").window_complete);
  EXPECT_TRUE(t.names.at("b").window_complete);
  EXPECT_FALSE(t.names.at("c").window_complete);
  EXPECT_TRUE(t.names.at("a").holds_at_start);
}

TEST(Time, AStartEquationReplacesTheGeneralOneThere) {
  const RuleTime t = time_of(
      testing::parsed(testing::rule_with("e[t] = e[t-1] + a[t]\ne[start] = b[start]\na[t] = L[t]\nb[t] = L[t]")));
  EXPECT_TRUE(t.names.at("e").holds_at_start);
  EXPECT_TRUE(t.names.at("b").holds_at_start);
  EXPECT_FALSE(t.names.at("a").holds_at_start);
}

TEST(Time, TimelessNames) {
  const RuleTime t =
      time_of(testing::parsed(testing::rule_with("v = L[end]\nlearn ψ -= v * d(L[t])/d(ψ)\nlearn ψ -= 0.1*ψ")));
  EXPECT_TRUE(t.names.at("v").timeless);
  EXPECT_TRUE(t.names.at("v").window_complete);
  EXPECT_EQ(t.learns[0].when, LineWhen::sweep);
  EXPECT_EQ(t.learns[1].when, LineWhen::close);
}

}  // namespace
}  // namespace eligo::dsl
