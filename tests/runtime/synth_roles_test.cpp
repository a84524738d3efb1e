// Rules with several synthesisers: which part each role gets, in every place where one can be named.
#include "runtime/library/synth_roles.h"

#include <nlohmann/json.hpp>

#include "runtime/experiment/experiment.h"
#include "runtime/library/compile.h"
#include "runtime/tools/evaluate_case.h"
#include "temporary.h"

namespace eligo::test {
namespace {

const char* const kTwo = R"(rule two(net: cell, L: readout, g: synth, fb: synth) {
  let s = net.state, ψ = net.params, θ = g.params, ω = fb.params
  G[t] = g(s[t])
  F[t] = fb(s[t])
  learn ψ -= (d(L[t])/d(s[t]) + G[t] + F[t]) . d(s[t])/d(ψ)
  learn θ += (F[t] - G[t]) . d(G[t])/d(θ)
  learn ω += (G[t] - F[t]) . d(F[t])/d(ω)
}
)";

nlohmann::json two_case(const nlohmann::json& synth) {
  return {{"rule", "two"},
          {"cell", "rnn_tanh"},
          {"readout", "linear_mse"},
          {"synth", synth},
          {"sizes", {{"n", 2}, {"m", 1}, {"k", 1}, {"fb.hidden", 3}}},
          {"x", {{{0.5}}, {{-0.5}}}},
          {"y", {{{1}}, {{0}}}},
          {"seed", 4}};
}

TEST(SynthRoles, AreReadAndWritten) {
  EXPECT_EQ(read_synth_roles("linear").part("g"), "linear");
  const SynthRoles two = read_synth_roles(" g = linear ,theta=x.eli:mine");
  EXPECT_EQ(two.part("g"), "linear");
  EXPECT_EQ(two.part("θ"), "x.eli:mine");
  EXPECT_EQ(two.part("h"), "");
  EXPECT_EQ(two.text(), "g=linear, θ=x.eli:mine");
  EXPECT_EQ(two.fault("r", {"g", "θ"}), "");
  EXPECT_MENTIONS(two.fault("r", {"g"}), "rule r has no role θ for the synthesiser x.eli:mine; it has g");
  EXPECT_MENTIONS(error_of([] { read_synth_roles("g=linear, mlp"); }), "give one name for all roles, or one a role");
  EXPECT_MENTIONS(error_of([] { read_synth_roles("g="); }), "one a role");
  EXPECT_MENTIONS(error_of([] { read_synth_roles("g=a, g=b"); }), "the role g is given twice");
}

class TwoSynthesisers : public testing::Test {
 protected:
  void SetUp() override { folder.write("two.eli", kTwo); }
  nlohmann::json evaluate(const nlohmann::json& synth) { return evaluate_case(two_case(synth), {folder.path()}); }
  std::string eval_fault(const nlohmann::json& synth) {
    return error_of([&] { evaluate(synth); });
  }
  Experiment load(const std::string& model, const std::string& more = "") {
    const std::string text =
        "name = \"two\"\nrules = [\".\"]\n[task]\nname = \"delayed_target\"\nT = 3\n[model]\ncell = "
        "\"rnn_tanh\"\nreadout = \"linear_mse\"\nn = 4\n" +
        model + "[rule]\nname = \"two\"\n[optimiser]\nname = \"sgd\"\n" + more;
    return load_experiment(folder.write("two.toml", text), {{}, {folder.path()}, {}});
  }
  std::string fault(const std::string& model, const std::string& more = "") {
    return error_of([&] { load(model, more); });
  }
  TemporaryFolder folder;
};

TEST_F(TwoSynthesisers, AnEvaluationTakesAnObjectOrAText) {
  const auto object = evaluate({{"g", "linear"}, {"fb", "mlp"}});
  EXPECT_EQ(object, evaluate("g=linear, fb=mlp"));
  EXPECT_TRUE(object["values"].contains("fb.W"));
  EXPECT_FALSE(object["values"].contains("g.W"));
}

TEST_F(TwoSynthesisers, AnEvaluationSaysWhichRoleIsWrong) {
  EXPECT_MENTIONS(eval_fault({{"g", "linear"}, {"f", "mlp"}}), "rule two has no role f for the synthesiser mlp");
  EXPECT_MENTIONS(eval_fault({{"g", "linear"}}), "needs a synth for its role fb");
  EXPECT_MENTIONS(eval_fault({{"g", 1}, {"fb", "mlp"}}), "\"synth.g\" must be a text");
}

TEST_F(TwoSynthesisers, AnExperimentGivesEachRoleItsSizesAndHypers) {
  const Experiment e = load("synth = \"g=linear, fb=mlp\"\nfb.hidden = 5\n");
  ASSERT_EQ(e.variants.size(), 1U);
  EXPECT_EQ(e.variants[0].program.synth, "g=linear, fb=mlp");
  EXPECT_EQ(e.variants[0].program.sizes.at("fb.hidden"), 5);
  EXPECT_NO_THROW(compile(e.variants[0].program));
  EXPECT_EQ(load("synth = \"linear\"\n").variants[0].program.synth, "linear");
  EXPECT_MENTIONS(fault("synth = \"g=linear, fb=linear\"\nfb.hidden = 5\n"), "has a size fb.hidden");
}

TEST_F(TwoSynthesisers, AnExperimentSaysWhichRoleIsWrong) {
  EXPECT_MENTIONS(fault("synth = \"g=linear\"\n"),
                  "rule two has the role fb: synth; give one name for all, or "
                  "\"g=..., fb=...\"");
  EXPECT_MENTIONS(fault("synth = \"g=linear, fb=mlp, h=mlp\"\nfb.hidden = 2\n"), "rule two has no role h");
  EXPECT_MENTIONS(fault("synth = \"g=linear, fb=lienar\"\n"), "did you mean linear?");
  EXPECT_MENTIONS(fault("synth = \"g=linear, mlp\"\n"), "one a role");
}

// What one variant's rule has no role for is of use to another's.
TEST_F(TwoSynthesisers, VariantsTakeTheRolesTheyHave) {
  const Experiment e = load("synth = \"g=linear, fb=linear\"\n",
                            "[[compare]]\nname = \"two\"\n[[compare]]\nname = \"one\"\nrule.name = \"bp_lambda\"\n"
                            "[[compare]]\nname = \"none\"\nrule.name = \"bptt\"\n");
  ASSERT_EQ(e.variants.size(), 3U);
  EXPECT_EQ(e.variants[1].program.synth, "g=linear");
  EXPECT_EQ(e.variants[2].program.synth, "");
}

TEST_F(TwoSynthesisers, SizesOfNoPartAreRefused) {
  nlohmann::json input = two_case("g=linear, fb=mlp");
  input["sizes"]["rank"] = 3;
  EXPECT_MENTIONS(error_of([&] { evaluate_case(input, {folder.path()}); }),
                  "no cell, readout or synthesiser has a size rank");
  input["sizes"].erase("rank");
  input["sizes"]["hiden"] = 3;
  EXPECT_MENTIONS(error_of([&] { evaluate_case(input, {folder.path()}); }), "did you mean hidden?");
  input["sizes"].erase("hiden");
  input["sizes"]["h.hidden"] = 3;
  EXPECT_MENTIONS(error_of([&] { evaluate_case(input, {folder.path()}); }),
                  "rule two has no role h; it has net, L, g, fb");
  input["sizes"].erase("h.hidden");
  input["sizes"]["slot"] = 3;  // of a cell that is not used
  EXPECT_NO_THROW(evaluate_case(input, {folder.path()}));
}

}  // namespace
}  // namespace eligo::test
