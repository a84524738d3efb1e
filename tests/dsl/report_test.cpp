#include "dsl/report.h"

#include <gtest/gtest.h>

#include "dsl/locality.h"
#include "support.h"

namespace eligo::dsl {
namespace {

std::string locality(const std::string& body) {
  const ParsedFile file = testing::parsed(testing::rule_with(body));
  Diagnostics diagnostics;
  diagnostics.current = file.source;
  const Scope scope(file.file.items[0], diagnostics);
  const RuleTime time = analyse_time(file.file.items[0], diagnostics);
  for (const Statement& s : file.file.items[0].statements) {
    if (s.kind == StatementKind::learn) return describe(locality_of(s, scope, time), scope, s.name);
  }
  return "";
}

TEST(Locality, LooksThroughNamesAndKeepsRecurrences) {
  EXPECT_EQ(locality("J[t] = d(s[t])/d(s[t-1])\ne[t] = J[t] . e[t-1] + d(g(s[t]))/d(θ)\na[t] = d(L[t+1])/d(s[t+1]) . "
                     "J[t+1]\nlearn θ += a[t] . e[t]"),
            "this step and the next: L, s; the trace e; parameters: L's φ through a, net's ψ through J");
}

TEST(Locality, APlainGradientKnowsItsStep) {
  EXPECT_EQ(locality("learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)"), "this step: L, s; parameters: L's φ");
}

TEST(Locality, WeightDecayKnowsNothingElse) { EXPECT_EQ(locality("learn ψ -= 0.1*ψ"), "nothing else"); }

TEST(Locality, BackwardRecurrencesNeedTheWindow) {
  EXPECT_EQ(locality("r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])\nlearn ψ -= r[t] . d(s[t])/d(ψ)"),
            "the whole window: L, s; r, which runs backward; parameters: L's φ through r");
}

TEST(Report, JsonIsComplete) {
  Diagnostics diagnostics;
  const ParsedFile file = parse_file(testing::rules_folder() + "/bp_lambda.eli", diagnostics);
  const std::string json = report_json(check(file, diagnostics));
  for (const char* key : {"\"online\": true", "\"ahead\": 1", "\"direction\": \"forward\"", "\"from_start\": true"})
    EXPECT_NE(json.find(key), std::string::npos) << key;
}

}  // namespace
}  // namespace eligo::dsl
