// `eligo explain`: structure, places and costs of equations, and the table of schedules.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/library/default_parts.h"
#include "runtime/library/library.h"
#include "runtime/library/program_spec.h"
#include "runtime/tools/explain.h"
#include "runtime/tools/rules_page.h"
#include "support/error.h"

namespace eligo {
namespace {

using nlohmann::json;

Explanation explained(const std::string& rule, const std::string& cell = "", Update update = Update::sequence) {
  ExplainOptions o;
  o.spec.rule = rule;
  o.spec.cell = cell;
  o.spec.rule_paths = {ELIGO_RULES};
  o.spec.sizes = {{"n", 6}};
  o.spec.update = update;
  return explain(o);
}

const EquationReport& equation(const Explanation& e, const std::string& name) {
  const auto at =
      std::find_if(e.equations.begin(), e.equations.end(), [&](const EquationReport& one) { return one.name == name; });
  if (at == e.equations.end()) throw std::out_of_range("no equation " + name);
  return *at;
}

std::string structure(const EquationReport& e, const std::string& block = "") {
  for (const auto& [name, formula] : e.structure)
    if (name == block) return formula;
  return "no block " + block;
}

TEST(ExplainStructure, TheJacobianOfTanhIsADiagonalTimesTheSharedMatrix) {
  const Explanation e = explained("bp_lambda", "rnn_tanh");
  const EquationReport& j = equation(e, "J");
  EXPECT_EQ(structure(j), "diag(1 - net.h[t]²) · net.W");
  EXPECT_EQ(j.shape, "[s 6, s 6]");
  EXPECT_EQ(j.shared, std::vector<std::string>{"net.W"});
  EXPECT_EQ(j.remark, "never formed, only multiplied through");
  EXPECT_EQ(j.readers, (std::vector<std::string>{"e", "δ"}));
  EXPECT_TRUE(j.work.empty());
}

TEST(ExplainStructure, WhatATraceAddsIsAnIdentityTimesTheState) {
  const Explanation e = explained("bp_lambda", "rnn_tanh", Update::step);
  EXPECT_NE(structure(equation(e, "e"), "[s, A]").find("I ⊗ net.h[t-1]"), std::string::npos)
      << structure(equation(e, "e"), "[s, A]");
  EXPECT_EQ(equation(e, "e").text, "e[t] = γ*λ * J[t] . e[t-1] + d(G[t])/d(θ)");
}

TEST(ExplainStructure, TheWayFromCellToCellOfAnLstmIsDiagonal) {
  const EquationReport j = equation(explained("bp_lambda", "lstm"), "J");
  EXPECT_TRUE(structure(j, "[c, c]").starts_with("diag(")) << structure(j, "[c, c]");
  EXPECT_EQ(structure(j, "[c, c]").find("·"), std::string::npos) << structure(j, "[c, c]");
  EXPECT_NE(structure(j, "[c, h]").find("· net.Wh["), std::string::npos) << structure(j, "[c, h]");
}

TEST(ExplainStructure, PartsOfARecurrenceAreNamedByTheirMembers) {
  const EquationReport p = equation(explained("snap1", "rnn_tanh"), "P");
  EXPECT_NE(structure(p, "[h, W]").find("⊗ net.h[t-1]"), std::string::npos) << structure(p, "[h, W]");
  EXPECT_NE(p.remark.find("carried from step to step, "), std::string::npos);
}

TEST(ExplainPlaces, SayWhenEachLineRuns) {
  EXPECT_EQ(equation(explained("bptt"), "r").work.at(0).when, "each step, on the way back over the window");
  EXPECT_EQ(equation(explained("bp_lambda", "", Update::step), "e").work.at(0).when, "each step, on its arrival");
  EXPECT_EQ(equation(explained("bp_lambda", "", Update::step), "update θ").work.at(0).when, "each step");
  EXPECT_EQ(equation(explained("bptt"), "learn ψ").work.at(0).when,
            "each step, on the way back over the window, many steps at once");
  EXPECT_EQ(equation(explained("bptt"), "L.o").work.at(0).when, "each step, many steps at once");
  EXPECT_EQ(equation(explained("bptt"), "net.h").work.at(0).when, "each step");
  EXPECT_EQ(equation(explained("dni_aux"), "learn θ").work.at(0).when, "once a window");
  EXPECT_EQ(equation(explained("online_lambda_sg"), "V").work.at(0).when, "for each earlier step, at each arrival");
}

// Nothing is lost and nothing counted twice: the lines add up to the phases.
TEST(ExplainCosts, AddUpToTheCostsOfThePhases) {
  for (const char* rule : {"bp_lambda", "dni_aux", "online_lambda_sg", "uoro", "sgprop", "snap1"}) {
    const Explanation e = explained(rule);
    ProgramSpec spec;
    spec.rule = rule;
    spec.rule_paths = {ELIGO_RULES};
    spec.sizes = {{"n", 6}};
    spec = fitting(spec, {30, 10, 2, 4});
    const RuleCost cost = rule_cost(spec);
    double operations = 0;
    for (const Work& w : e.totals) operations += w.operations;
    const double phases = cost.forward + cost.learning + cost.window + cost.revision;
    EXPECT_NEAR(operations, phases, 1e-9 * phases) << rule;
    EXPECT_GT(phases, 0) << rule;
  }
}

TEST(ExplainCosts, TheBoundFollowsTheBalance) {
  ExplainOptions o;
  o.spec.rule = "bp_lambda";
  o.spec.rule_paths = {ELIGO_RULES};
  o.balance.cache = 1e-6;
  EXPECT_FALSE(equation(explain(o), "e").work.at(0).by_memory);
  o.balance.cache = 1e6;
  EXPECT_TRUE(equation(explain(o), "e").work.at(0).by_memory);
}

std::vector<std::string> library_rules() {
  std::vector<std::string> names;
  for (const Item& item : list_items({ELIGO_RULES}))
    if (item.kind == "rule" && item.path.starts_with(ELIGO_RULES) && item.path.find("/tour/") == std::string::npos)
      names.push_back(item.name);
  return names;
}

class ExplainRules : public testing::TestWithParam<std::string> {};

TEST_P(ExplainRules, EveryLineIsPlaced) {
  ExplainOptions o;
  o.spec.rule = GetParam();
  o.spec.rule_paths = {ELIGO_RULES};
  const Explanation e = explain(o);
  EXPECT_FALSE(e.totals.empty());
  for (const EquationReport& one : e.equations)
    EXPECT_TRUE(!one.work.empty() || !one.readers.empty() || !one.remark.empty() || !one.structure.empty())
        << "nothing is known of " << one.name;
  EXPECT_EQ(json::parse(explain_json(e)).at("equations").size(), e.equations.size());
}

INSTANTIATE_TEST_SUITE_P(Library, ExplainRules, testing::ValuesIn(library_rules()),
                         [](const auto& tested) { return tested.param; });

// The table by itself, on values.
TEST(ExplainSchedules, MarkTheChoiceAndSayWhyNotTheOthers) {
  const std::vector<compiler::RecurrenceSchedules> all = {
      {"e",
       {{"reverse", 0, 0, 0, false, "θ changes within the window", false},
        {"replay", 2e4, 3e3, 1e6, true, "it takes more memory than there is", false},
        {"approximate replay(5)", 9e3, 1e3, 1e5, false, "leaves out what is older", false},
        {"dense", 1.6e6, 2.2e5, 7e6, true, "", true}}}};
  const std::string text = schedules_text(all);
  EXPECT_NE(text.find("→ dense"), std::string::npos) << text;
  EXPECT_EQ(text.find("→ reverse"), std::string::npos) << text;
  EXPECT_NE(text.find("why not reverse: θ changes within the window"), std::string::npos) << text;
  EXPECT_NE(text.find("why not replay: it takes more memory than there is"), std::string::npos) << text;
  EXPECT_NE(text.find("why not approximate replay(5): leaves out what is older"), std::string::npos) << text;
  EXPECT_NE(text.find("1.6 M"), std::string::npos) << text;
  EXPECT_NE(text.find("refused"), std::string::npos) << text;
}

const compiler::ScheduleChoice& choice(const Explanation& e, const std::string& word) {
  for (const compiler::ScheduleChoice& c : e.recurrences.at(0).choices)
    if (c.name == word) return c;
  throw std::out_of_range("no schedule " + word);
}

TEST(ExplainSchedules, OfATraceThatWaitsForTheEnd) {
  const Explanation e = explained("bp_lambda");
  ASSERT_EQ(e.recurrences.size(), 1u);
  EXPECT_TRUE(choice(e, "reverse").chosen);
  EXPECT_LT(choice(e, "reverse").operations, choice(e, "dense").operations);
  EXPECT_LT(choice(e, "reverse").operations, choice(e, "replay").operations);
  EXPECT_FALSE(choice(e, "approximate replay(5)").exact);
  const EquationReport& trace = equation(e, "e");
  EXPECT_EQ(trace.shape, "[s 6, θ 42]");
  EXPECT_EQ(trace.remark, "not carried: its sum is taken on the way back over the window");
  EXPECT_NE(structure(trace, "back.e").find("net.Wᵀ"), std::string::npos) << structure(trace, "back.e");
  EXPECT_EQ(trace.work.at(0).when, "each step, on the way back over the window");
}

TEST(ExplainSchedules, OfATraceThatEachStepReads) {
  const Explanation e = explained("bp_lambda", "", Update::step);
  EXPECT_FALSE(choice(e, "reverse").exact);
  EXPECT_NE(choice(e, "reverse").reason, "");
  EXPECT_TRUE(choice(e, "dense").chosen);
}

TEST(ExplainSchedules, WhereNoneFitsTheSmallestIsTaken) {
  ExplainOptions o;
  o.spec.rule = "bp_lambda";
  o.spec.rule_paths = {ELIGO_RULES};
  o.memory = 1000;
  const Explanation e = explain(o);
  EXPECT_TRUE(choice(e, "reverse").chosen);
  EXPECT_LT(choice(e, "reverse").memory, choice(e, "dense").memory);
  EXPECT_NE(schedules_text(e.recurrences).find("\n    reverse: it takes more memory than is allowed"),
            std::string::npos)
      << schedules_text(e.recurrences);
}

TEST(ExplainErrors, NameWhatIsWrong) {
  ExplainOptions o;
  o.spec.rule = "bp_lambd";
  o.spec.rule_paths = {ELIGO_RULES};
  try {
    explain(o);
    FAIL() << "an unknown rule was explained";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("bp_lambda"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace eligo
