// `eligo gradcheck`: right rules pass, a wrong derivative is found, kinks and zeros are said to be such.
#include "runtime/tools/gradcheck.h"

#include <algorithm>
#include <cmath>

#include "dsl/diagnostic.h"
#include "runtime/library/default_parts.h"
#include "runtime/library/library.h"
#include "runtime/library/program_spec.h"
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
                                         std::pair("bp_lambda", "lstm"), std::pair("n_step_sg", "gru")),
                         [](const auto& each) { return std::string(each.param.first) + "_" + each.param.second; });

TEST_P(RulesAndCells, AgreeWithDifferences) {
  const GradcheckReport report =
      gradcheck(spec_of(GetParam().first, GetParam().second), {.batch = 1, .steps = 6, .totals = false});
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
INSTANTIATE_TEST_SUITE_P(Parts, GradcheckOfTheLibrary, testing::Range(0, kParts),
                         [](const auto& each) { return "part_" + std::to_string(each.param + 1); });

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
    const GradcheckReport report = gradcheck(spec, {.batch = 1, .steps = 3, .totals = false});
    EXPECT_TRUE(report.good()) << gradcheck_text(item.name, report, {});
    ++checked;
  }
  EXPECT_GE(checked, 3);
}

using TotalVerdict = TotalCheck::Verdict;

const TotalCheck& total(const GradcheckReport& report, const std::string& parameter) {
  static const TotalCheck none;
  if (report.totals)
    for (const auto& t : report.totals->tensors)
      if (t.parameter == parameter) return t;
  ADD_FAILURE() << "no parameter " << parameter;
  return none;
}

// Rules that claim the whole gradient, on every kind of cell: nothing is left out, nothing counted twice.
class Exact : public testing::TestWithParam<std::tuple<const char*, const char*>> {};
INSTANTIATE_TEST_SUITE_P(Library, Exact,
                         testing::Combine(testing::Values("bptt", "rtrl", "backprop"),
                                          testing::Values("rnn_tanh", "lstm", "gru", "sparsenet", "rnn_projected")),
                         [](const auto& each) {
                           return std::string(std::get<0>(each.param)) + "_" + std::get<1>(each.param);
                         });

TEST_P(Exact, AddsMinusTheGradient) {
  const auto [rule, cell] = GetParam();
  const GradcheckReport report = gradcheck(spec_of(rule, cell), {.batch = 2, .steps = 5});
  ASSERT_TRUE(report.totals);
  EXPECT_TRUE(report.totals->exact()) << gradcheck_text(rule, report, {});
  EXPECT_NEAR(report.totals->cosine, 1, 1e-9);
  EXPECT_NEAR(report.totals->ratio, 1, 1e-7);
  EXPECT_TRUE(report.totals->unreached.empty());
  for (const auto& t : report.totals->tensors) EXPECT_LT(t.deviation, 1e-8) << t.parameter;
}

// What acts on the loss behind the state is learned by every rule that takes any cell, exact or not.
class BehindTheState : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Library, BehindTheState,
                         testing::Values("bptt", "rtrl", "no_bptt", "n_step_sg", "bp_lambda", "bp_lambda_authors", "dni",
                                         "dni_rnn", "dni_lambda", "dni_aux", "dni_marschall", "offline_lambda_sg",
                                         "online_lambda_sg", "online_lambda_sg_carry", "snap", "snap1", "uoro", "sg",
                                         "sg_prop", "cdni", "dfa", "kickback", "backprop", "sgprop_fixed"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(BehindTheState, ParametersAreLearnedWhole) {
  const GradcheckReport report = gradcheck(spec_of(GetParam(), "rnn_projected"), {.batch = 2, .steps = 4});
  EXPECT_EQ(total(report, "net.P").verdict, TotalVerdict::exact) << gradcheck_text(GetParam(), report, {});
  EXPECT_EQ(total(report, "net.D").verdict, TotalVerdict::exact);
  EXPECT_TRUE(report.totals->unreached.empty());
}

const char* const kJudged = R"(
rule down(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])
  learn ψ -= r[t] . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
rule up(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  r[t] = -(d(L[t])/d(s[t])) + r[t+1] . d(s[t+1])/d(s[t])
  learn ψ -= r[t] . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
rule two_lines(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])
  learn ψ -= r[t] . d(s[t])/d(ψ)
  learn ψ += 10 * r[t] . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
rule halved(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])
  learn ψ -= 0.5 * r[t] . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
}
rule named(net: cell, L: readout) {
  let s = net.state
  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])
  learn net.W -= r[t] . d(s[t])/d(net.W)
}
cell reads_back(n, m, p) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m], P[p, n], Q[p, n], a[p] ~ normal(0, 1/sqrt(n))
  h[t] = tanh(W . h[t-1] + U . x[t])
  output y[t] = a*tanh(P . h[t] + Q . h[t-1])
}
cell shared(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1/sqrt(n))
  h[t] = tanh(W . h[t-1] + U . x[t])
  output y[t] = W . h[t]
}
)";

class GradcheckJudge : public testing::Test {
 protected:
  void SetUp() override { folder.write("judged.eli", kJudged); }
  GradcheckReport judge(const std::string& rule, const std::string& cell, const GradcheckOptions& options = {}) {
    return gradcheck(spec_of(rule, cell, folder.path()), options);
  }
  TemporaryFolder folder;
};

TEST_F(GradcheckJudge, SignsAndWeightsCount) {
  EXPECT_TRUE(judge("down", "rnn_tanh").totals->exact());
  for (const auto& [rule, cosine, ratio] :
       {std::tuple("up", -1.0, 1.0), std::tuple("two_lines", -1.0, 9.0), std::tuple("halved", 1.0, 0.5)}) {
    const GradcheckReport report = judge(rule, "rnn_tanh");
    EXPECT_TRUE(report.good()) << rule;  // each derivative is right; what is made of them is not
    EXPECT_FALSE(report.totals->exact()) << rule;
    EXPECT_NEAR(report.totals->cosine, cosine, 1e-9) << rule;
    EXPECT_NEAR(report.totals->ratio, ratio, 1e-7) << rule;
    EXPECT_EQ(total(report, "L.V").verdict, TotalVerdict::exact) << rule;
    EXPECT_MENTIONS(gradcheck_text(rule, report, {}), "not exact on this net: net.W, net.U, net.b");
  }
}

TEST_F(GradcheckJudge, AParameterBehindTheStateIsNotCalledExact) {
  const GradcheckReport report = judge("down", "rnn_projected");
  EXPECT_TRUE(report.good());
  EXPECT_EQ(total(report, "net.W").verdict, TotalVerdict::exact);
  EXPECT_EQ(total(report, "net.P").verdict, TotalVerdict::untouched);
  ASSERT_EQ(report.totals->unreached.size(), 2U);
  EXPECT_MENTIONS(report.totals->unreached[0], "net.P learns nothing: it acts on the loss behind the state");
  EXPECT_MENTIONS(report.totals->unreached[0], "d(L[t])/d(ψ | s[t])");
}

// A parameter of the state that the output reads as well is learned by a part only.
TEST_F(GradcheckJudge, APartlyReachedParameterIsNamed) {
  const GradcheckReport report = judge("down", "shared");
  EXPECT_EQ(total(report, "net.W").verdict, TotalVerdict::differs);
  ASSERT_EQ(report.totals->unreached.size(), 1U);
  EXPECT_MENTIONS(report.totals->unreached[0], "net.W learns only by a part of its gradient");
  EXPECT_TRUE(judge("bptt", "shared").totals->exact());
  EXPECT_TRUE(judge("rtrl", "shared").totals->exact());
}

TEST_F(GradcheckJudge, AnOutputMayReadTheStateBefore) {
  for (const char* rule : {"bptt", "rtrl"}) {
    const GradcheckReport report = judge(rule, "reads_back");
    EXPECT_TRUE(report.totals->exact()) << gradcheck_text(rule, report, {});
  }
  EXPECT_FALSE(judge("down", "reads_back").totals->exact());
}

TEST_F(GradcheckJudge, ParametersWithoutALineAreNamed) {
  const GradcheckReport report = judge("named", "rnn_tanh");
  ASSERT_EQ(report.totals->unreached.size(), 2U);
  EXPECT_EQ(report.totals->unreached[0], "net.U learns nothing: no learn line names it");
  EXPECT_EQ(total(report, "net.W").verdict, TotalVerdict::exact);
  EXPECT_EQ(total(report, "net.U").verdict, TotalVerdict::untouched);
}

// Along random directions a large net is judged as an entry-wise check would, and a wrong rule is found.
TEST_F(GradcheckJudge, LargeNetsAreJudgedAlongDirections) {
  ProgramSpec spec = spec_of("down", "rnn_tanh", folder.path());
  spec.sizes = {{"n", 70}};
  const GradcheckOptions options{.batch = 1, .steps = 3, .derivatives = false};  // entry by entry they take a minute
  const GradcheckReport report = gradcheck(spec, options);
  EXPECT_TRUE(total(report, "net.W").sampled);
  EXPECT_EQ(total(report, "net.W").compared, 64);
  EXPECT_FALSE(total(report, "L.b").sampled);
  EXPECT_TRUE(report.totals->exact()) << gradcheck_text("down", report, {});
  spec.rule = "two_lines";
  EXPECT_NEAR(gradcheck(spec, options).totals->cosine, -1, 1e-9);
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

// D acts on the loss through a factor that may be small; the rule takes a part of its gradient.
const char* const kWeak = R"(
cell weak(n, m, p) {
  input x[m]
  state h[n] = 0
  hyper small = 1e-6
  param W[n, n], U[n, m], P[p, n], D[p, m] ~ normal(0, 1)
  h[t] = tanh(W . h[t-1] + U . x[t])
  output y[t] = P . h[t] + small*D . x[t]
}
cell noisy(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  ξ[t] = normal[n]()
  h[t] = tanh(W . h[t-1] + U . x[t] + ξ[t])
}
cell sharp(n, m) {
  input x[m]
  state h[n] = 0
  param W[n, n], U[n, m] ~ normal(0, 1)
  h[t] = tanh(100*(W . h[t-1] + U . x[t]))
}
readout tiny(n, k) {
  input h[n]
  target y[k]
  param V[k, n] ~ normal(0, 1)
  loss 1e-12*sum((V . h - y)^2)
}
rule part(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  hyper f = 1
  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])
  learn net.W -= r[t] . d(s[t])/d(net.W)
  learn net.U -= r[t] . d(s[t])/d(net.U)
  learn net.P -= d(L[t])/d(net.P)
  learn net.D -= f*d(L[t])/d(net.D)
  learn φ -= d(L[t])/d(φ)
}
rule up_and_down(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  learn ψ += d(L[t])/d(s[t]) . d(s[t])/d(ψ)
  learn φ -= d(L[t])/d(φ)
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

class GradcheckFaint : public GradcheckOwnFiles {
 protected:
  void SetUp() override { folder.write("weak.eli", kWeak); }
};

// However small its part of the loss is: a wrong one is not called exact, and the right one not wrong.
TEST_F(GradcheckFaint, SmallGradientsAreJudgedByTheirOwnNoise) {
  const ProgramSpec spec = spec_of("part", "weak", folder.path());
  for (const double small : {1e-3, 1e-6, 1e-8}) {
    for (const double f : {-1.0, 0.5, 0.9, 0.999}) {
      const GradcheckReport report = gradcheck(spec, {.batch = 2, .steps = 4, .hypers = {{"net.small", small}, {"f", f}}});
      EXPECT_EQ(total(report, "net.D").verdict, TotalVerdict::differs) << small << " " << f;
      EXPECT_NEAR(total(report, "net.D").ratio, std::abs(f), 1e-5);
    }
    const GradcheckReport report = gradcheck(spec, {.batch = 2, .steps = 4, .hypers = {{"net.small", small}}});
    EXPECT_TRUE(report.totals->exact()) << gradcheck_text("part", report, {});
  }
  const GradcheckReport report =
      gradcheck(spec, {.batch = 2, .steps = 4, .hypers = {{"net.small", 1e-11}, {"f", -1}}});
  EXPECT_FALSE(report.totals->exact()) << "what rounding hides is not called exact";
}

TEST_F(GradcheckFaint, DrawsAreHeld) {
  const GradcheckReport right = gradcheck(spec_of("bptt", "noisy", folder.path()), {.batch = 2, .steps = 4});
  EXPECT_TRUE(right.totals->exact()) << gradcheck_text("bptt", right, {});
  const GradcheckReport wrong = gradcheck(spec_of("up_and_down", "noisy", folder.path()), {.batch = 2, .steps = 4});
  EXPECT_EQ(total(wrong, "net.W").verdict, TotalVerdict::differs);
  EXPECT_LT(wrong.totals->cosine, 0);
}

TEST_F(GradcheckFaint, DifferencesFitWhatTheyAreTakenOf) {
  const GradcheckReport sharp = gradcheck(spec_of("bptt", "sharp", folder.path()), {.batch = 1, .steps = 3});
  EXPECT_TRUE(sharp.good()) << gradcheck_text("bptt", sharp, {});
  ProgramSpec spec = spec_of("bptt", "rnn_tanh", folder.path());
  spec.readout = "tiny";
  const GradcheckReport tiny = gradcheck(spec, {.batch = 1, .steps = 3});
  for (const auto& d : tiny.derivatives) EXPECT_EQ(d.verdict, Verdict::agrees) << d.text;
  EXPECT_TRUE(tiny.totals->exact()) << gradcheck_text("bptt", tiny, {});
}

TEST_F(GradcheckFaint, ARuleMayHaveNoLine) {
  const GradcheckReport report = gradcheck(spec_of("revises", "rnn_projected", folder.path()), {.batch = 2, .steps = 4});
  EXPECT_TRUE(report.good());
  EXPECT_EQ(total(report, "net.W").verdict, TotalVerdict::differs);
  ASSERT_EQ(report.totals->unreached.size(), 2U) << "what a block revises is looked at, too";
  EXPECT_MENTIONS(report.totals->unreached[1], "behind the state");
}

TEST_F(GradcheckFaint, SizesAreThoseOfTheParts) {
  ProgramSpec spec = spec_of("bptt", "");
  spec.sizes = {{"zz", 3}};
  EXPECT_MENTIONS(error_of([&] { gradcheck(spec, {}); }), "none of the parts has a size zz");
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
