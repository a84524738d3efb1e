#include "runtime/experiment/experiment.h"

#include <algorithm>

#include "temporary.h"

namespace eligo::test {
namespace {

const char* const kBase = R"toml(name = "toy"
seeds = [0, 1]
[task]
name = "delayed_target"
T = 10
[model]
cell = "rnn_tanh"
readout = "linear_mse"
synth = "linear"
n = 30
[rule]
name = "bp_lambda"
gamma = 0.9
[optimiser]
name = "adam"
alpha = 1e-3
theta.alpha = 1e-4
beta2 = 0.98
[train]
epochs = 3
)toml";

const char* const kCompare = R"toml(
[[compare]]
name = "BP(0)"
rule.lambda = 0
[[compare]]
name = "three"
rule.name = "bptt"
rule.n = 3
[[compare]]
name = "full"
rule = "bptt"
"rule.n" = "all"
)toml";

double hyper(const Variant& variant, const std::string& name) {
  for (const auto& [key, value] : variant.hypers) {
    if (key == name) return value;
  }
  return -999;
}

class Experiments : public testing::Test {
 protected:
  Experiment load(const std::string& text, std::vector<std::string> overrides = {},
                  std::vector<std::string> only = {}) {
    return load_experiment(folder.write("toy.toml", text), {std::move(overrides), {}, std::move(only)});
  }
  std::string fault(const std::string& text, std::vector<std::string> overrides = {}) {
    return error_of([&] { load(text, std::move(overrides)); });
  }
  // kBase with one line replaced.
  std::string changed(const std::string& from, const std::string& to) {
    std::string text = kBase;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }
  TemporaryFolder folder;
};

TEST_F(Experiments, EverythingReachesItsPlace) {
  const Experiment e = load(kBase);
  EXPECT_EQ(e.name, "toy");
  EXPECT_EQ(e.seeds, (std::vector<std::uint64_t>{0, 1}));
  ASSERT_EQ(e.variants.size(), 1U);
  const Variant& v = e.variants[0];
  EXPECT_EQ(v.name, "bp_lambda");
  EXPECT_EQ(v.program.cell, "rnn_tanh");
  EXPECT_EQ(v.program.synth, "linear");
  EXPECT_EQ(v.program.sizes.at("n"), 30);
  EXPECT_EQ(v.program.sizes.at("net.m"), 10);
  EXPECT_EQ(v.program.sizes.at("L.k"), 2);
  EXPECT_EQ(hyper(v, "γ"), 0.9);
  EXPECT_EQ(hyper(v, "optimiser.α"), 1e-3);
  EXPECT_EQ(hyper(v, "optimiser.θ.α"), 1e-4);
  EXPECT_EQ(v.task.numbers.at("T"), 10);
  EXPECT_EQ(v.train.epochs, 3);
  EXPECT_EQ(v.net_role, "net");
  EXPECT_EQ(v.output, "L.o");
  // What holds for all parameters is set before what holds for some.
  EXPECT_LT(std::find(v.hypers.begin(), v.hypers.end(), std::pair<std::string, double>("optimiser.α", 1e-3)),
            std::find(v.hypers.begin(), v.hypers.end(), std::pair<std::string, double>("optimiser.θ.α", 1e-4)));
}

TEST_F(Experiments, VariantsTakeWhatTheyHave) {
  const Experiment e = load(std::string(kBase) + kCompare);
  ASSERT_EQ(e.variants.size(), 3U);
  EXPECT_EQ(hyper(e.variants[0], "λ"), 0);
  EXPECT_EQ(hyper(e.variants[0], "γ"), 0.9);
  EXPECT_EQ(e.variants[1].program.header.at("n"), 3);
  EXPECT_EQ(hyper(e.variants[1], "γ"), -999);  // bptt has none
  EXPECT_EQ(hyper(e.variants[1], "optimiser.θ.α"), -999);
  EXPECT_TRUE(e.variants[1].program.synth.empty());
  EXPECT_EQ(e.variants[2].program.header.at("n"), -1);
  EXPECT_EQ(load(std::string(kBase) + kCompare, {}, {"full"}).variants.size(), 1U);
}

TEST_F(Experiments, PatienceNeedsAValidationSet) {
  const std::vector<std::string> digits = {"task=seq_mnist", "task.drawn_train=100", "task.drawn_test=10", "train.patience=3"};
  EXPECT_EQ(load(kBase, digits).variants[0].train.patience, 3U);
  EXPECT_EQ(load(kBase).variants[0].train.patience, 0U);
  std::vector<std::string> without = digits;
  without.push_back("task.validation=0");
  EXPECT_MENTIONS(fault(kBase, without), "command line: train.patience = 3, but task seq_mnist has no validation set to watch; leave");
  EXPECT_MENTIONS(fault(kBase, {"train.patience=-1"}), "out of range");
}

TEST_F(Experiments, SchedulesOfStepSizes) {
  using Kind = RateSchedule::Kind;
  EXPECT_EQ(load(kBase).variants[0].rates.kind, Kind::constant);
  const Experiment e = load(kBase, {"optimiser.schedule=[\"linear\", \"cosine\", \"step\"]", "optimiser.warmup=20",
                                    "optimiser.fall_to=0.1", "optimiser.fall_every=30", "optimiser.fall_from=7", "optimiser.fall_by=0.5"});
  ASSERT_EQ(e.variants.size(), 3U);
  const RateSchedule linear = e.variants[0].rates, cosine = e.variants[1].rates, step = e.variants[2].rates;
  EXPECT_EQ(linear.kind, Kind::linear);
  EXPECT_EQ(cosine.kind, Kind::cosine);
  EXPECT_EQ(step.kind, Kind::step);
  for (const RateSchedule& each : {linear, cosine, step}) EXPECT_EQ(each.warmup, 20U);
  EXPECT_EQ(cosine.fall_to, 0.1);
  EXPECT_EQ(step.fall_every, 30U);
  EXPECT_EQ(step.fall_from, 7U);
  EXPECT_EQ(step.fall_by, 0.5);
  const Experiment again = load_experiment(folder.write("again.toml", e.resolved()), {});
  EXPECT_EQ(again.resolved(), e.resolved());
  EXPECT_EQ(again.variants[2].rates.fall_by, 0.5);
  EXPECT_EQ(load(kBase, {"optimiser.schedule=cosine", "optimiser.fall_to=1"}).variants[0].rates.fall_to, 1);
  // A file's schedule taken back on the command line.
  const std::string file = changed("theta.alpha = 1e-4", "schedule = \"linear\"\nwarmup = 5");
  EXPECT_EQ(load(file).variants[0].rates.warmup, 5U);
  const Experiment plain = load(file, {"optimiser.schedule=constant"});
  EXPECT_EQ(plain.variants[0].rates.kind, Kind::constant);
  EXPECT_EQ(plain.notes.size(), 1U);
}

TEST_F(Experiments, FaultsOfSchedules) {
  const auto of = [&](std::vector<std::string> overrides) { return fault(kBase, std::move(overrides)); };
  EXPECT_MENTIONS(of({"optimiser.schedule=cosin"}), "command line: optimiser.schedule cannot be cosin; did you mean cosine?");
  EXPECT_MENTIONS(of({"optimiser.warmup=3"}), "command line: optimiser.warmup: the schedule constant has none");
  EXPECT_MENTIONS(of({"optimiser.schedule=linear", "optimiser.warmup=3", "optimiser.fall_by=0.5"}), "optimiser.fall_by: the schedule linear has none");
  EXPECT_MENTIONS(of({"optimiser.schedule=linear"}), "optimiser.warmup is missing");
  EXPECT_MENTIONS(of({"optimiser.schedule=step"}), "optimiser.fall_every is missing");
  EXPECT_MENTIONS(of({"optimiser.schedule=step", "optimiser.fall_every=0"}), "out of range");
  EXPECT_MENTIONS(of({"optimiser.schedule=cosine", "optimiser.fall_to=1.5"}), "optimiser.fall_to = 1.5 is out of range, expected 0 to 1");
  EXPECT_MENTIONS(of({"optimiser.schedule=cosine", "optimiser.fall_to=little"}), "expected a number");
  EXPECT_MENTIONS(of({"optimiser.schedule=cosine", "optimiser.warmup=301"}), "has 300 batches (3 epochs of 100)");
  EXPECT_MENTIONS(of({"optimiser.warmap=3"}), "did you mean optimiser.warmup?");
  folder.write("own.eli", "optimiser bare(p, grad) {\n  hyper η = 0.1\n  p := p + η*grad\n}\n"
                          "optimiser crowded(p, grad) {\n  hyper α = 0.1, warmup = 2\n  p := p + α*warmup*grad\n}\n");
  const std::string plain = changed("name = \"adam\"\nalpha = 1e-3\ntheta.alpha = 1e-4\nbeta2 = 0.98", "name = \"own.eli:bare\"");
  EXPECT_EQ(error_of([&] { load(plain); }), "");
  EXPECT_MENTIONS(fault(plain, {"optimiser.schedule=cosine"}), "optimiser bare has no α (alpha), which the schedule cosine would change");
  const std::string crowded = changed("name = \"adam\"\nalpha = 1e-3\ntheta.alpha = 1e-4\nbeta2 = 0.98", "name = \"own.eli:crowded\"");
  EXPECT_MENTIONS(fault(crowded, {"optimiser.schedule=cosine"}), "optimiser crowded has a hyper of this name; rename the hyper");
}

TEST_F(Experiments, OverridesInGreekAndAscii) {
  const Experiment e = load(
      kBase, {"rule.λ=0.25", "optimiser.psi.alpha=0", "model.cell=gru", "seeds=[4]", "train.epochs=7", "task.T=20"});
  const Variant& v = e.variants[0];
  EXPECT_EQ(hyper(v, "λ"), 0.25);
  EXPECT_EQ(hyper(v, "optimiser.ψ.α"), 0);
  EXPECT_EQ(v.program.cell, "gru");
  EXPECT_EQ(e.seeds, (std::vector<std::uint64_t>{4}));
  EXPECT_EQ(v.train.epochs, 7);
  EXPECT_EQ(v.task.numbers.at("T"), 20);
  EXPECT_EQ(hyper(load(kBase, {"rule.lambda=0.25"}).variants[0], "λ"), 0.25);
}

TEST_F(Experiments, ARuleOnTheCommandLineReplacesTheComparison) {
  const Experiment e = load(std::string(kBase) + kCompare, {"rule=n_step_sg", "rule.n=4"});
  ASSERT_EQ(e.variants.size(), 1U);
  EXPECT_EQ(e.variants[0].program.rule, "n_step_sg");
  EXPECT_EQ(e.variants[0].program.header.at("n"), 4);
  EXPECT_EQ(e.notes.size(), 1U);
  // What the file says of its own rule is left out where another one has no use for it; a typo beside it is not.
  const Experiment other = load(kBase, {"rule=bptt"});
  EXPECT_EQ(hyper(other.variants[0], "γ"), -999);
  EXPECT_EQ(other.notes.size(), 2U);
  EXPECT_MENTIONS(fault(kBase, {"rule=bptt", "rule.nn=2"}), "command line: rule bptt has no nn");
  // Any other override holds for every variant that has it.
  for (const auto& v : load(std::string(kBase) + kCompare, {"rule.n=2"}).variants) {
    if (v.program.rule == "bptt") {
      EXPECT_EQ(v.program.header.at("n"), 2);
    }
  }
}

TEST_F(Experiments, ListsOfValuesAreCompared) {
  const Experiment e = load(kBase, {"rule.lambda=[0, 0.5]", "train.batch=[5, 10]"});
  ASSERT_EQ(e.variants.size(), 4U);
  EXPECT_EQ(e.variants[2].name, "bp_lambda, λ = 0.5, train.batch = 5");
  EXPECT_EQ(hyper(e.variants[2], "λ"), 0.5);
  EXPECT_EQ(e.variants[2].train.batch, 5);
  EXPECT_EQ(load_experiment(folder.write("again.toml", e.resolved()), {}).resolved(), e.resolved());
  // Rules as values; what has no λ is there once.
  const Experiment rules = load(kBase, {"rule=[\"bp_lambda\", \"bptt\"]", "rule.lambda=[0, 1]"});
  ASSERT_EQ(rules.variants.size(), 3U);
  EXPECT_EQ(rules.variants[2].program.rule, "bptt");
  EXPECT_EQ(load(std::string(kBase) + "[[compare]]\nname = \"x\"\nrule.lambda = [0, 1]\n").variants[1].name,
            "x, λ = 1");
  EXPECT_MENTIONS(fault(kBase, {"rule.lambda=[]"}), "empty list");
  EXPECT_MENTIONS(fault(kBase, {"rule.lamda=[0, 1]"}), "did you mean lambda?");
}

TEST_F(Experiments, TyposOfferTheNearestWithFileAndLine) {
  const std::string path = folder / "toy.toml";
  EXPECT_MENTIONS(fault(changed("gamma = 0.9", "gama = 0.9")),
                  path + ":13: rule bp_lambda has no gama; did you mean gamma?");
  EXPECT_MENTIONS(fault(changed("T = 10", "t = 10")),
                  path + ":5: task delayed_target has no option t; did you mean T?");
  EXPECT_MENTIONS(fault(changed("epochs = 3", "epoch = 3")), "did you mean train.epochs?");
  EXPECT_MENTIONS(fault(changed("rnn_tanh", "rnn_tan")), "did you mean rnn_tanh?");
  EXPECT_MENTIONS(fault(changed("n = 30", "units = 30")), "has a size units");
  EXPECT_MENTIONS(fault(changed("theta.alpha", "thta.alpha")), "rule bp_lambda learns no thta");
  EXPECT_MENTIONS(fault(changed("beta2", "beta3")), "optimiser adam has no β3");
  EXPECT_MENTIONS(fault(changed("[train]", "[trian]")), "there is no setting trian.epochs; did you mean train.epochs?");
  EXPECT_MENTIONS(fault(kBase, {"rule.lamda=0.5"}), "command line: rule bp_lambda has no lamda; did you mean lambda?");
  EXPECT_MENTIONS(fault(changed("delayed_target", "delayed_tagret")), "did you mean delayed_target?");
}

TEST_F(Experiments, TypesAndRanges) {
  EXPECT_MENTIONS(fault(changed("epochs = 3", "epochs = \"three\"")),
                  ":20: train.epochs is the text \"three\", expected a whole number");
  EXPECT_MENTIONS(fault(changed("epochs = 3", "epochs = 0")), "train.epochs = 0 is out of range");
  EXPECT_MENTIONS(fault(changed("epochs = 3", "epochs = 2.5")), "expected a whole number");
  EXPECT_MENTIONS(fault(changed("epochs = 3", "update = \"always\"")), "train.update cannot be always");
  EXPECT_MENTIONS(fault(changed("gamma = 0.9", "gamma = true")), "expected a number");
  EXPECT_MENTIONS(fault(changed("gamma = 0.9", "gamma = nan")), "not finite");
  EXPECT_MENTIONS(fault(changed("seeds = [0, 1]", "seeds = []")), "seeds is empty");
  EXPECT_MENTIONS(fault(changed("seeds = [0, 1]", "seeds = [1, 1]")), "seeds has 1 twice");
  EXPECT_MENTIONS(fault(changed("seeds = [0, 1]", "seeds = [-1]")), "seeds has -1");
  EXPECT_MENTIONS(fault(changed("T = 10", "T = 0")), "task.T = 0 is out of range");
  EXPECT_MENTIONS(fault(changed("n = 30", "n = -3")), "out of range");
  EXPECT_MENTIONS(fault(changed("n = 30", "n = 30\nm = 11")), "has 10 inputs");
  EXPECT_MENTIONS(fault(changed("n = 30\n", "")), "model.n is missing: cell rnn_tanh has this size");
  EXPECT_MENTIONS(fault(changed("synth = \"linear\"\n", "")),
                  "model.synth is missing: rule bp_lambda has the role g: synth");
  EXPECT_MENTIONS(fault(changed("name = \"bp_lambda\"\n", "")), "rule.name is missing");
  EXPECT_MENTIONS(fault(std::string(kBase) + "[schedule]\ne = 3\n"), "schedule.e is");
  EXPECT_MENTIONS(fault("rule = \n"), "toy.toml:1:");
  EXPECT_MENTIONS(fault("compare = 3\n"), "compare must be a list of tables");
  EXPECT_MENTIONS(fault("when = 1979-05-27\n"), "a date or time");
}

TEST_F(Experiments, AllFaultsComeInOneRun) {
  const std::string text = fault(changed("gamma = 0.9", "gama = 0.9\nkapa = 1"));
  EXPECT_MENTIONS(text, "gama");
  EXPECT_MENTIONS(text, "kapa");
}

TEST_F(Experiments, FaultsOfVariants) {
  const std::string base = kBase;
  EXPECT_MENTIONS(fault(base + "[[compare]]\nname = \"a\"\nrule.name = \"bptt\"\nrule.lambda = 1\n"),
                  "rule bptt has no λ");
  EXPECT_MENTIONS(fault(base + "[[compare]]\nname = \"a\"\n[[compare]]\nname = \"a\"\n"), "two variants are called a");
  EXPECT_MENTIONS(fault(base + "[[compare]]\nname = \"a\"\nseeds = [1]\n"), "the same for all variants");
  EXPECT_MENTIONS(fault(base + kCompare, {"rule.nn=3"}), "has no nn");
  EXPECT_MENTIONS(error_of([&] { load(base + kCompare, {}, {"ful"}); }), "there is no variant ful; did you mean full?");
}

TEST_F(Experiments, ResolvedFilesSayTheSame) {
  for (const std::string& text : {std::string(kBase), std::string(kBase) + kCompare}) {
    const Experiment first = load(text, {"train.batch=20", "rule.gamma=0.5"});
    const Experiment second = load_experiment(folder.write("resolved.toml", first.resolved()), {});
    EXPECT_EQ(second.resolved(), first.resolved());
    ASSERT_EQ(second.variants.size(), first.variants.size());
    for (std::size_t i = 0; i < first.variants.size(); ++i) {
      EXPECT_EQ(second.variants[i].name, first.variants[i].name);
      EXPECT_EQ(second.variants[i].settings, first.variants[i].settings);
      EXPECT_EQ(second.variants[i].hypers, first.variants[i].hypers);
      EXPECT_EQ(second.variants[i].program.header, first.variants[i].program.header);
      EXPECT_EQ(second.variants[i].program.sizes, first.variants[i].program.sizes);
    }
    EXPECT_MENTIONS(first.resolved(), "log_every = 100");  // defaults are written out
  }
}

// Any character of a text comes back from the file that a run folder keeps.
TEST_F(Experiments, TextsOfAnyCharacterComeBack) {
  std::string all;
  for (char32_t c = 0; c <= 0x10FFFF; c += c < 0x2100 ? 1 : 0x3D) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    if (c < 0x80) all += static_cast<char>(c);
    else if (c < 0x800) all += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    else if (c < 0x10000)
      all += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
              static_cast<char>(0x80 | (c & 0x3F))};
    else
      all += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
              static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
  }
  Experiment first = load(kBase);
  for (const std::string& text : {all, std::string("a\x7f" "b"), std::string("\"\\\n\r\t''"), std::string("\0", 1)}) {
    first.description = text;
    first.variants[0].name = text;
    const Experiment second = load_experiment(folder.write("resolved.toml", first.resolved()), {});
    EXPECT_TRUE(second.description == text);
    EXPECT_TRUE(second.variants[0].name == text);
  }
  EXPECT_MENTIONS(error_of([&] { load(kBase, {"description=a\xff"}); }), "no UTF-8 text");
  EXPECT_MENTIONS(error_of([&] { load(kBase, {"description=\"\xed\xa0\x80\""}); }), "no UTF-8 text");  // a surrogate
  EXPECT_EQ(load(kBase, {"description=λ \x7f"}).description, "λ \x7f");
}

TEST_F(Experiments, OwnRulesBesideTheExperiment) {
  folder.write("own.eli",
               "rule own(net: cell, L: readout, n = 2) {\n  let s = net.state, ψ = net.params\n  hyper strength = 1\n"
               "  learn ψ -= strength * d(L[t])/d(s[t]) . d(s[t])/d(ψ)\n}\n");
  std::string text = changed("name = \"bp_lambda\"\ngamma = 0.9", "name = \"own.eli:own\"\nstrength = 2\nn = 5");
  text.replace(text.find("theta.alpha"), std::string("theta.alpha").size(), "psi.alpha");
  const Experiment e = load(text);
  EXPECT_EQ(hyper(e.variants[0], "strength"), 2);
  EXPECT_EQ(e.variants[0].program.header.at("n"), 5);
  EXPECT_MENTIONS(e.resolved(), folder / "own.eli:own");
  std::string named = text;
  named.replace(named.find("own.eli:own"), std::string("own.eli:own").size(), "own");
  EXPECT_MENTIONS(fault(named), "there is no rule own");
  EXPECT_EQ(load("rules = [\".\"]\n" + named).variants[0].program.rule, "own");
}

TEST_F(Experiments, TheShippedOnesAreGood) {
  for (const char* name : {"quick_start", "seq_mnist", "delayed_target_fixed"}) {
    const std::string path = std::string(ELIGO_RULES) + "/experiments/" + name + ".toml";
    EXPECT_EQ(error_of([&] { EXPECT_GT(load_experiment(path, {}).variants.size(), 4U); }), "") << name;
  }
}

TEST_F(Experiments, UpdatesByWindowNeedAWindow) {
  const std::string update = std::string(kBase) + "update = \"window\"\n";
  EXPECT_MENTIONS(fault(update), "train.update is \"window\", but rule bp_lambda has no window");
  const Experiment e = load(update + kCompare);  // two of the variants have one
  EXPECT_EQ(e.variants[0].program.update, Update::sequence);
  EXPECT_EQ(e.variants[1].program.update, Update::window);
}

}  // namespace
TEST_F(Experiments, HaveAQuickForm) {
  const auto quick = [&](const std::string& table, std::vector<std::string> overrides = {}) {
    const std::string path = folder.write("quick.toml", std::string(kBase) + kCompare + "[quick]\n" + table);
    return load_experiment(path, {std::move(overrides), {}, {}, true});
  };
  const Experiment one = quick("seeds = [7]\nname = \"q\"\ntrain.epochs = 1\nrule.n = 2\nonly = [\"three\", \"full\"]\n");
  EXPECT_EQ(one.name, "q");
  EXPECT_EQ(one.seeds, std::vector<std::uint64_t>{7});
  ASSERT_EQ(one.variants.size(), 2U);  // by the names of their blocks
  EXPECT_EQ(one.variants[0].name, "three");
  for (const Variant& variant : one.variants) {
    EXPECT_EQ(variant.train.epochs, 1);
    EXPECT_EQ(variant.program.header.at("n"), 2);  // in place of the blocks' own
  }
  EXPECT_EQ(quick("train.epochs = 1\n", {"train.epochs=2"}).variants[0].train.epochs, 2);
  EXPECT_EQ(quick("only = [\"full\"]\n", {"rule=bptt"}).variants.size(), 1U);  // the rule of the command line alone
  EXPECT_MENTIONS(error_of([&] { quick("only = [\"ful\"]\n"); }), "quick.toml:34: quick.only: there is no variant ful");
  EXPECT_MENTIONS(error_of([&] { quick("only = 3\n"); }), "quick.only is the whole number 3, expected a list");
  EXPECT_MENTIONS(error_of([&] { quick("train.epoch = 3\n"); }), "did you mean train.epochs?");
  EXPECT_MENTIONS(error_of([&] { quick("compare = []\n"); }), "[quick] has no compare: write it at the top of the file");
  const std::string path = folder.write("none.toml", std::string(kBase));
  EXPECT_MENTIONS(error_of([&] { load_experiment(path, {{}, {}, {}, true}); }), "none.toml: has no quick form");
}

}  // namespace eligo::test
