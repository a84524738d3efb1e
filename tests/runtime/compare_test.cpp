// `eligo compare`: what is the same stays the same, what differs is measured, and names are matched by role.
#include "runtime/tools/compare.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "temporary.h"

namespace eligo::test {
namespace {

Setting text(const std::string& t) { return {t, kCommandLine}; }
Setting whole(std::int64_t n) { return {n, kCommandLine}; }
Setting real(double x) { return {x, kCommandLine}; }

CompareOptions small(const std::string& a, const std::string& b) {
  CompareOptions o;
  o.rule_a = a;
  o.rule_b = b;
  o.updates = 6;
  o.shared = {{"model.n", whole(4)}, {"task.T", whole(4)}, {"task.npoints", whole(3)}, {"dtype", text("f64")}};
  return o;
}

double largest(const Comparison& c, double BundleDifference::*what) {
  double most = 0;
  for (const auto& update : c.updates)
    for (const auto& d : update.bundles) most = std::max(most, std::abs(d.*what));
  return most;
}

TEST(Compare, ARuleIsItself) {
  const Comparison c = compare(small("bptt", "bptt"));
  ASSERT_EQ(c.updates.size(), 6U);
  EXPECT_EQ(c.bundles, (std::vector<std::string>{"ψ", "φ"}));
  EXPECT_EQ(largest(c, &BundleDifference::relative), 0);
  EXPECT_EQ(largest(c, &BundleDifference::drift), 0);
  EXPECT_TRUE(c.only_a.empty() && c.only_b.empty());
}

// The gradients of the first update are the same; the steps are not.
TEST(Compare, ASideMayHaveAScheduleOfItsStepSizes) {
  CompareOptions o = small("bptt", "bptt");
  o.b = {{"optimiser.schedule", text("linear")}, {"optimiser.warmup", whole(6)}};
  const Comparison c = compare(o);
  for (const auto& bundle : c.updates.front().bundles) EXPECT_GT(bundle.drift, 1e-4);
  o.a = o.b;
  EXPECT_EQ(largest(compare(o), &BundleDifference::drift), 0);
}

TEST(Compare, RtrlCarriedDenselyIsBpttAndCostsMore) {
  CompareOptions o = small("rtrl", "bptt");
  o.a = {{"schedule.P", text("dense")}};
  const Comparison c = compare(o);
  EXPECT_LT(largest(c, &BundleDifference::relative), 1e-10);
  EXPECT_GT(c.a.cost.learning, 4 * c.b.cost.learning);
  EXPECT_GT(c.a.bytes, 0);
  for (const auto& update : c.updates) EXPECT_NEAR(update.loss_a, update.loss_b, 1e-12);
}

TEST(Compare, RtrlWalkedBackCostsWhatBpttCosts) {
  const Comparison c = compare(small("rtrl", "bptt"));
  EXPECT_LT(largest(c, &BundleDifference::relative), 1e-10);
  EXPECT_LT(c.a.cost.learning, 1.1 * c.b.cost.learning);
}

TEST(Compare, WindowsDifferAndLockstepKeepsThemFromDrifting) {
  CompareOptions o = small("bptt", "bptt");
  o.b = {{"rule.n", whole(1)}};
  o.shared["optimiser.name"] = text("sgd");
  o.shared["optimiser.α"] = real(0.5);
  const Comparison apart = compare(o);
  EXPECT_GT(largest(apart, &BundleDifference::relative), 1e-3);
  o.lockstep = true;
  const Comparison together = compare(o);
  EXPECT_EQ(together.updates[0].bundles[0].relative, apart.updates[0].bundles[0].relative);
  EXPECT_LT(together.updates[5].bundles[0].drift, apart.updates[5].bundles[0].drift);
  EXPECT_EQ(together.updates[5].loss_a, together.updates[5].loss_b);
  EXPECT_NE(apart.updates[5].loss_a, apart.updates[5].loss_b);
}

TEST(Compare, SinglePrecisionIsNearDouble) {
  CompareOptions o = small("bptt", "bptt");
  o.a = {{"dtype", text("f32")}};
  const Comparison c = compare(o);
  EXPECT_LT(largest(c, &BundleDifference::relative), 1e-3);
  EXPECT_GT(largest(c, &BundleDifference::relative), 1e-9);
}

TEST(Compare, TheInterpreterIsTheKernels) {
  CompareOptions o = small("bp_lambda", "bp_lambda");
  o.b = {{"backend", text("interpreter")}};
  EXPECT_LT(largest(compare(o), &BundleDifference::relative), 1e-9);
}

TEST(Compare, OneSideMayHaveASynthesiser) {
  const Comparison c = compare(small("bp_lambda", "bptt"));
  EXPECT_EQ(c.only_a, (std::vector<std::string>{"g.A", "g.a"}));
  EXPECT_EQ(c.bundles, (std::vector<std::string>{"ψ", "φ"}));
  EXPECT_GT(c.updates[0].bundles[0].relative, 1e-6);  // a synthesiser of zero is no full BPTT
  EXPECT_LT(c.updates[0].bundles[1].relative, 1e-15);  // φ learns the same, summed in another order
}

// One side has a learn line for the synthesiser, the other an `at each` block that assigns it: what the block moves is
// what it adds.
TEST(Compare, WhatABlockAssignsIsWhatItAdds) {
  CompareOptions o = small("bp_lambda", "online_lambda_sg");
  o.shared["optimiser.name"] = text("sgd");
  const Comparison c = compare(o);
  const auto theta = std::find(c.bundles.begin(), c.bundles.end(), "θ");
  ASSERT_NE(theta, c.bundles.end());
  const BundleDifference& last = c.updates.back().bundles[static_cast<std::size_t>(theta - c.bundles.begin())];
  EXPECT_GT(last.relative, 0);
  EXPECT_GT(last.cosine, 0);  // both move the synthesiser towards its targets
  EXPECT_GT(last.drift, 0);
  EXPECT_TRUE(c.only_a.empty());
}

// The same rule with other names for everything.
TEST(Compare, RolesAnswerByKind) {
  TemporaryFolder folder;
  folder.write("other.eli",
               "rule other(c: cell, out: readout) {\n  let h = c.state, p = c.params, q = out.params\n"
               "  r[t] = d(out[t])/d(h[t]) + r[t+1] . d(h[t+1])/d(h[t])\n"
               "  learn p -= r[t] . d(h[t])/d(p)\n  learn q -= d(out[t])/d(q)\n}\n");
  CompareOptions o = small("other", "bptt");
  o.rule_folders = {folder.path()};
  const Comparison c = compare(o);
  EXPECT_EQ(c.bundles, (std::vector<std::string>{"p/ψ", "q/φ"}));
  EXPECT_LT(largest(c, &BundleDifference::relative), 1e-12);
  EXPECT_TRUE(c.only_a.empty() && c.only_b.empty());
}

TEST(Compare, ShowsATableAndJson) {
  const CompareOptions o = small("bp_lambda", "bptt");
  const Comparison c = compare(o);
  EXPECT_MENTIONS(comparison_text(o, c), "learn lines of a alone: g.A, g.a");
  EXPECT_MENTIONS(comparison_text(o, c), "delayed_target, 4 steps, batch 10");
  const auto json = nlohmann::json::parse(comparison_json(o, c));
  EXPECT_EQ(json["updates"].size(), 6U);
  EXPECT_LT(json["updates"][0]["bundles"]["φ"]["difference"].get<double>(), 1e-15);
  EXPECT_GT(json["cost_a"]["learning_operations"], json["cost_b"]["learning_operations"]);
}

TEST(Compare, FaultsOfWhatIsGivenAreErrors) {
  CompareOptions o = small("bp_lambda", "bptt");
  o.shared["rule.lamda"] = real(1);
  EXPECT_MENTIONS(error_of([&] { compare(o); }), "did you mean lambda?");
  o = small("bp_lambda", "bptt");
  o.b = {{"rule.λ", real(1)}};
  EXPECT_MENTIONS(error_of([&] { compare(o); }), "rule bptt has no λ");
  o = small("bp_lambda", "bptt");
  o.shared["rule.λ"] = real(0.5);  // of one side
  EXPECT_NO_THROW(compare(o));
  o.b = {{"task.T", whole(3)}};
  EXPECT_MENTIONS(error_of([&] { compare(o); }), "must have one task");
  EXPECT_MENTIONS(error_of([] { compare(small("bp_lamda", "bptt")); }), "did you mean bp_lambda?");
}

}  // namespace
}  // namespace eligo::test
