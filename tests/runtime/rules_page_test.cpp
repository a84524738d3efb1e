// What is read from the comments above items, and the costs that docs/rules.md shows.
#include "runtime/tools/rules_page.h"

#include "runtime/engine/session.h"
#include "runtime/library/compile.h"
#include "runtime/library/default_parts.h"
#include "temporary.h"

namespace eligo::test {
namespace {

ItemNotes notes_of_text(const std::string& text) {
  dsl::Diagnostics diagnostics;
  const dsl::ParsedFile file = dsl::parse_text("x.eli", text, diagnostics);
  EXPECT_TRUE(diagnostics.empty());
  return notes_of(file.file.items.at(0));
}

TEST(ItemNotes, AreReadByTheirKeys) {
  const ItemNotes notes = notes_of_text(
      "# A title\n#\n# more about it,\n# on two lines\n# paper: Somebody 1999,\n#   eq. 3\n# identity: one\n# "
      "identity: two\n"
      "# test: A.B, C.D\n# test: E.F\n# note: chosen so\nrule r(net: cell) {\n  let s = net.state\n}\n");
  EXPECT_EQ(notes.title, "A title");
  EXPECT_EQ(notes.about, "more about it, on two lines");
  EXPECT_EQ(notes.paper, "Somebody 1999, eq. 3");
  EXPECT_EQ(notes.identities, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(notes.tests, (std::vector<std::string>{"A.B", "C.D", "E.F"}));
  EXPECT_EQ(notes.notes, std::vector<std::string>{"chosen so"});
}

TEST(ItemNotes, MayBeMissing) {
  const ItemNotes notes = notes_of_text("cell c(n) {\n  state h[n] = 0\n  h[t] = h[t-1]\n}\n");
  EXPECT_EQ(notes.title, "");
  EXPECT_TRUE(notes.tests.empty());
}

RuleCost cost_of(const std::string& rule, std::int64_t units, const char* schedule = "dense") {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = "rnn_tanh";
  spec.schedule[""] = schedule;
  return rule_cost(fitting(spec, {units, 10, 2, 2}));
}

// J . P is n by n times n by (n² + nm + n): twice as many operations, and little else.
TEST(RuleCosts, RtrlIsTheProductOfJacobianAndTrace) {
  for (const std::int64_t n : {16, 32}) {
    const auto product = static_cast<double>(2 * n * n * (n * n + 10 * n + n));
    const RuleCost cost = cost_of("rtrl", n);
    EXPECT_GT(cost.learning, product);
    EXPECT_LT(cost.learning, 1.2 * product);
    EXPECT_EQ(cost.carried_step, 0);
    EXPECT_GE(cost.carried, static_cast<double>(2 * 4 * n * (n * n + 10 * n + n)));
  }
}

TEST(RuleCosts, BpttCarriesEveryStep) {
  const RuleCost cost = cost_of("bptt", 32);
  EXPECT_GE(cost.carried_step, 4 * 32);
  EXPECT_LT(cost.learning, cost_of("rtrl", 32).learning / 100);
  EXPECT_EQ(cost.forward, cost_of("rtrl", 32).forward);
  const RuleCost transposed = cost_of("rtrl", 32, "auto");
  EXPECT_EQ(transposed.schedule, "reverse");
  EXPECT_NEAR(transposed.learning, cost.learning, 0.02 * cost.learning);
}

TEST(Fitting, FindsASynthesiserForEachRole) {
  TemporaryFolder folder;
  folder.write(
      "two.eli",
      "rule two(net: cell, L: readout, g: synth, fb: synth) {\n  let s = net.state, x = net.input, ψ = net.params\n"
      "  learn ψ -= (d(L[t])/d(s[t]) + g(s[t]) + fb(x[t], s[t-1])) . d(s[t])/d(ψ)\n}\n");
  ProgramSpec spec;
  spec.rule = "two";
  spec.rule_paths = {folder.path()};
  const ProgramSpec found = fitting(spec, {});
  EXPECT_EQ(parts_text(found), "cell rnn_tanh, readout linear_mse, synth g=linear, fb=local");
}

// Eight places of the input without repeating: there must be as many.
TEST(Fitting, MakesRoomForWirings) {
  TemporaryFolder folder;
  folder.write(
      "wired.eli",
      "cell wired(n, r, m) {\n  input x[m]\n  state h[n] = 0\n  wiring from[n, r] ~ sample(m)\n  param W[n, r] ~ "
      "normal(0, 1)\n  h[t][n] = W[n, r] * x[t][from[n, r]] + 0*h[t-1][n]\n}\n");
  ProgramSpec spec;
  spec.rule = "bptt";
  spec.cell = "wired";
  spec.rule_paths = {folder.path()};
  const ProgramSpec found = fitting(spec, {.units = 3, .inputs = 2, .targets = 2, .others = 8});
  EXPECT_GE(found.sizes.at("m"), 8);
  EXPECT_NO_THROW(Session(compile(found), {}));
}

TEST(Fitting, SaysWhyNothingFits) {
  TemporaryFolder folder;
  folder.write("odd.eli", "rule odd(net: cell) {\n  let ψ = net.params\n  learn ψ -= d(net.nothing[t])/d(ψ)\n}\n");
  ProgramSpec spec;
  spec.rule = "odd";
  spec.rule_paths = {folder.path()};
  EXPECT_THROW(fitting(spec, {}), std::exception);
}

}  // namespace
}  // namespace eligo::test
