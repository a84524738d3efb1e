// `eligo gradcheck`: right rules pass, a wrong derivative is found, kinks and zeros are said to be such.
#include "runtime/gradcheck.h"

#include <algorithm>

#include "dsl/diagnostic.h"
#include "runtime/fitting.h"
#include "runtime/library.h"
#include "temporary.h"

namespace eligo::test {
namespace {

using Verdict = DerivativeCheck::Verdict;

ProgramSpec spec_of(const std::string& rule, const std::string& cell, const std::string& folder = "") {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = cell;
  if (!folder.empty()) spec.rule_paths = {folder};
  return spec;
}

const DerivativeCheck& row(const GradcheckReport& report, const std::string& text) {
  static const DerivativeCheck none;
  for (const auto& d : report.derivatives)
    if (d.text.find(text) != std::string::npos) return d;
  ADD_FAILURE() << "no derivative " << text;
  return none;
}

class RulesAndCells : public testing::TestWithParam<std::pair<const char*, const char*>> {};
INSTANTIATE_TEST_SUITE_P(Library, RulesAndCells,
                         testing::Values(std::pair("bptt", "rnn_tanh"), std::pair("bptt", "sparsenet"),
                                         std::pair("rtrl", "rnn_tanh"), std::pair("bp_lambda", "rnn_linear"),
                                         std::pair("bp_lambda", "lstm"), std::pair("n_step_sg", "gru")));

TEST_P(RulesAndCells, AgreeWithDifferences) {
  const GradcheckReport report =
      gradcheck(spec_of(GetParam().first, GetParam().second), {.batch = 1, .steps = 6, .signals = false});
  EXPECT_TRUE(report.good());
  EXPECT_FALSE(report.derivatives.empty());
  for (const auto& d : report.derivatives) {
    EXPECT_EQ(d.verdict, Verdict::agrees) << d.file << ":" << d.line << " " << d.text;
    EXPECT_LT(d.deviation, 1e-9) << d.text;
    EXPECT_EQ(d.kinks, 0) << d.text;
  }
}

// One look at every rule that there is, so that none is forgotten; in parts, which run side by side.
constexpr int kParts = 6;
class GradcheckOfTheLibrary : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Parts, GradcheckOfTheLibrary, testing::Range(0, kParts));

TEST_P(GradcheckOfTheLibrary, NoRuleHasAWrongDerivative) {
  int checked = 0, number = 0;
  for (const Item& item : list_items({})) {
    if (item.kind != "rule" || number++ % kParts != GetParam()) continue;
    ProgramSpec spec;
    spec.rule = item.name;
    try {
      spec = fitting(spec, {2, 2, 1, 2});
    } catch (const std::exception&) {
      continue;  // needs parts that the library does not have
    }
    const GradcheckReport report = gradcheck(spec, {.batch = 1, .steps = 3, .signals = false});
    EXPECT_TRUE(report.good()) << gradcheck_text(item.name, report, {});
    ++checked;
  }
  EXPECT_GE(checked, 3);
}

TEST(Gradcheck, BpttHasItsOwnSignal) {
  const GradcheckReport report = gradcheck(spec_of("bptt", "rnn_tanh"), {.batch = 2, .steps = 4});
  ASSERT_TRUE(report.by_step);
  ASSERT_EQ(report.cosines.size(), 4U);
  for (const double cosine : report.cosines) EXPECT_NEAR(cosine, 1, 1e-12);
  const GradcheckReport other = gradcheck(spec_of("bp_lambda", "rnn_tanh"), {.batch = 2, .steps = 4});
  EXPECT_LT(other.cosines.at(0), 0.9);
  EXPECT_NEAR(other.cosines.at(3), 1, 1e-12);
}

const char* const kCells = R"(cell whole(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  h[t] = tanh(W . h[t-1] + U . x[t])
}
cell cut(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  h[t] = tanh(W . stop(h[t-1]) + U . x[t])
}
cell kinked(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], b[n] ~ normal(0, 1)
  h[t] = W . h[t-1] + abs(b - stop(b)) + 0*sum(x[t])
}
)";

class GradcheckOwnFiles : public testing::Test {
 protected:
  void SetUp() override { folder.write("cells.eli", kCells); }
  TemporaryFolder folder;
};

// The kernels of the second cell have the same values and lack the derivative by the state before.
TEST_F(GradcheckOwnFiles, AMissingTermIsFound) {
  const ProgramSpec whole = fitting(spec_of("bptt", "whole", folder.path()), {});
  ProgramSpec cut = whole;
  cut.cell = "cut";
  EXPECT_TRUE(gradcheck(whole, {}).good());
  EXPECT_TRUE(gradcheck(cut, {}).good());  // stop() is no fault
  const GradcheckReport report = gradcheck(whole, {}, &cut);
  EXPECT_FALSE(report.good());
  EXPECT_EQ(row(report, "r[t+1] . d(s[t+1])/d(s[t])").verdict, Verdict::differs);
  EXPECT_EQ(row(report, "d(L[t])/d(φ)").verdict, Verdict::agrees);
  EXPECT_MENTIONS(gradcheck_text("bptt", report, {}), "FAIL");
}

TEST_F(GradcheckOwnFiles, EntriesAtAKinkAreCounted) {
  const GradcheckReport report = gradcheck(spec_of("bptt", "kinked", folder.path()), {.batch = 1, .steps = 2});
  EXPECT_TRUE(report.good());
  const DerivativeCheck& by_parameters = row(report, "r[t] . d(s[t])/d(ψ)");
  EXPECT_EQ(by_parameters.kinks, 2 * 3);  // b, at both steps
  EXPECT_EQ(by_parameters.verdict, Verdict::agrees);
  EXPECT_EQ(row(report, "d(s[t+1])/d(s[t])").kinks, 0);
  EXPECT_MENTIONS(gradcheck_text("bptt", report, {}), "6 more at kinks");
}

TEST_F(GradcheckOwnFiles, ZeroIsSaid) {
  folder.write("zero.eli",
               "rule zero(net: cell, L: readout) {\n  let s = net.state, ψ = net.params\n"
               "  learn ψ -= (d(L[t])/d(s[t]) + d(stop(L[t]))/d(s[t])) . d(s[t])/d(ψ)\n}\n");
  const GradcheckReport report = gradcheck(spec_of("zero", "rnn_tanh", folder.path()), {});
  EXPECT_TRUE(report.good());
  EXPECT_EQ(row(report, "d(stop(L[t]))/d(s[t])").verdict, Verdict::zero);
  EXPECT_EQ(report.derivatives.at(0).verdict, Verdict::agrees);
  EXPECT_MENTIONS(gradcheck_text("zero", report, {}), "zero everywhere");
}

TEST(Gradcheck, FaultsOfWhatIsGivenAreErrors) {
  EXPECT_MENTIONS(error_of([] { gradcheck(spec_of("bptt", "rnn_tahn"), {}); }), "did you mean rnn_tanh?");
  EXPECT_MENTIONS(error_of([] {
                    gradcheck(spec_of("bp_lambda", ""), {.hypers = {{"lamda", 1}}});
                  }),
                  "there is no hyper lamda");
}

}  // namespace
}  // namespace eligo::test
