// Trainings that diverge: noticed at their batch, with the place where it began; the parameters stay what they were.
#include <cmath>
#include <limits>

#include "runtime/experiment/run_folder.h"
#include "runtime/experiment/trainer.h"
#include "runtime/library/compile.h"
#include "runtime/tasks/task.h"
#include "temporary.h"

namespace eligo::test {
namespace {

using Kind = NonFinite::Kind;

constexpr const char* kRules = R"(
rule plain(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  hyper c = 1
  G[t] = d(L[t])/d(s[t])
  learn ψ -= G[t] . d(s[t])/d(ψ)
  learn φ -= c*c * d(L[t])/d(φ)
}
rule traced(net: cell, L: readout) {
  let s = net.state, ψ = net.params, φ = L.params
  hyper c = 1
  E[t] = c * E[t-1] + d(s[t])/d(ψ)
  learn ψ -= d(L[t])/d(s[t]) . E[t]
  learn φ -= d(L[t])/d(φ)
}
)";

class Divergence : public testing::Test {
 protected:
  void SetUp() override { folder.write("own.eli", kRules); }

  Session make(const std::string& rule, Update update = Update::sequence, bool float64 = false,
               const std::string& optimiser = "sgd", const std::string& cell = "rnn_tanh", int threads = 1,
               std::int64_t batch = 3) {
    ProgramSpec spec;
    spec.rule = rule.find('.') == std::string::npos || rule.find(':') != std::string::npos ? rule : folder / rule;
    if (rule == "plain" || rule == "traced") spec.rule = folder / "own.eli:" + rule;
    spec.cell = cell;
    spec.readout = "linear_mse";
    spec.sizes = {{"n", 4}, {"m", 10}, {"k", 2}};
    spec.optimiser = optimiser;
    spec.update = update;
    spec.float64 = float64;
    return Session(compile(spec), {.batch = batch, .steps = 6, .seed = 3, .threads = threads});
  }

  static Batch batch(std::int64_t examples = 3) {
    Batch b;
    b.steps = 6;
    b.examples = examples;
    b.x.assign(static_cast<std::size_t>(6 * examples * 10), 0.5);
    b.y.assign(static_cast<std::size_t>(6 * examples * 2), 1);
    return b;
  }

  // Trains until something is not finite; the parameters before that batch are compared with those after it.
  static NonFinite diverged(Session& session, const Batch& b, bool parameters_stay = true) {
    for (int i = 0; i < 50; ++i) {
      const auto before = session.state();
      const RunResult result = session.train(b);
      if (!result.not_finite) continue;
      auto after = session.state();
      after["sequence"] = before.at("sequence");
      EXPECT_EQ(after == before, parameters_stay);
      return *result.not_finite;
    }
    ADD_FAILURE() << "nothing diverged";
    return {};
  }

  TemporaryFolder folder;
};

TEST_F(Divergence, OfTheLossNamesEquationStepAndExample) {
  Session session = make("plain");
  Batch b = batch();
  b.loss_mask.assign(18, 1);
  b.y[2 * (2 * 3 + 1)] = 1e30;  // step 3, example 2: its square is more than float32 holds
  const NonFinite found = diverged(session, b);
  EXPECT_EQ(found.kind, Kind::equation);
  EXPECT_EQ(found.name.rfind("L.", 0), 0U) << found.name;
  EXPECT_EQ(found.step, 3);
  EXPECT_EQ(found.example, 1);
  EXPECT_MENTIONS(found.text(), "at step 3 of example 2 is inf");
}

TEST_F(Divergence, OfATraceNamesIt) {
  Session session = make("traced");
  session.set_hyper("c", 1e20);
  const NonFinite found = diverged(session, batch());
  EXPECT_EQ(found.name, "E on its way back");  // for it is transposed
  EXPECT_GE(found.step, 2);  // 1e40 times what was there
  EXPECT_LE(found.step, 4);
  EXPECT_EQ(found.example, 0);
}

TEST_F(Divergence, OfWhatIsLearnedNamesLineStepAndExample) {
  for (const std::int64_t examples : {1, 3}) {
    Session session = make("plain", Update::sequence, false, "sgd", "rnn_tanh", 1, examples);
    session.set_hyper("c", 1e15);
    session.set_hyper("optimiser.alpha", 0);
    Batch b = batch(examples);
    std::fill(b.y.begin(), b.y.end(), 0);
    session.set("L.b", std::vector<double>(2, 0));
    session.set("L.V", std::vector<double>(8, 0));
    const std::size_t other = static_cast<std::size_t>(2 * (3 * examples + examples - 1));
    b.y[other] = 1e10;  // the only one with a gradient, of 1e40: step 4 of the last example
    const NonFinite found = diverged(session, b);
    EXPECT_EQ(found.kind, Kind::learned);
    EXPECT_EQ(found.name.rfind("L.", 0), 0U) << found.name;
    EXPECT_EQ(found.step, 4);
    EXPECT_EQ(found.example, examples - 1);
    EXPECT_MENTIONS(found.text(), "what is learned for L.");
  }
}

TEST_F(Divergence, OfAnUpdateNamesTheParameter) {
  Session session = make("plain");
  session.set_hyper("optimiser.phi.alpha", 1e30);
  session.set_hyper("c", 1e10);
  const NonFinite found = diverged(session, batch(), false);
  EXPECT_EQ(found.kind, Kind::parameter);
  EXPECT_EQ(found.name.rfind("L.", 0), 0U) << found.name;
  EXPECT_MENTIONS(found.text(), "after its update");
}

// Adam's square overflows before anything else does: the parameters stay finite, and nothing would be learned any more.
TEST_F(Divergence, OfWhatTheOptimiserKeeps) {
  Session session = make("plain", Update::sequence, false, "adam");
  session.set_hyper("c", 1e12);
  const NonFinite found = diverged(session, batch(), false);
  EXPECT_EQ(found.kind, Kind::parameter);
  EXPECT_MENTIONS(found.name, "optimiser.");
}

TEST_F(Divergence, WithinASequencePutsTheParametersBack) {
  for (const Update update : {Update::step, Update::window}) {
    Session session = make(update == Update::step ? "plain" : "bptt", update);
    session.set_hyper("optimiser.alpha", 1e25);
    const NonFinite found = diverged(session, batch());
    EXPECT_NE(found.kind, Kind::loss) << found.text();
    EXPECT_GE(found.step, 1) << found.text();
  }
}

// Whatever the rule, its cell and its updates are.
TEST_F(Divergence, IsFoundInEveryKindOfRule) {
  struct Case {
    const char *rule, *synth, *cell;
    Update update;
  };
  for (const Case& c : {Case{"bptt", "", "lstm", Update::sequence}, Case{"bp_lambda", "linear", "gru", Update::sequence},
                        Case{"rtrl", "", "rnn_tanh", Update::step}, Case{"snap1", "", "lstm", Update::sequence},
                        Case{"uoro", "", "rnn_tanh", Update::sequence}, Case{"n_step_sg", "linear", "rnn_tanh", Update::window},
                        Case{"sgprop", "local", "rnn_tanh", Update::sequence}, Case{"online_lambda_sg", "linear", "rnn_tanh", Update::sequence},
                        Case{"rflo", "feedback", "rnn_leaky", Update::step},
                        Case{"bp_lambda_authors", "linear", "rnn_tanh", Update::sequence}}) {
    ProgramSpec spec;
    spec.rule = c.rule;
    spec.synth = c.synth;
    spec.cell = c.cell;
    spec.readout = "linear_mse";
    spec.sizes = {{"n", 4}, {"m", 10}, {"k", 2}};
    spec.update = c.update;
    Session session(compile(spec), {.batch = 3, .steps = 6, .seed = 3});
    session.set_hyper("optimiser.alpha", 1e20);
    NonFinite found;
    for (int i = 0; i < 50; ++i)
      if (const RunResult result = session.train(batch()); result.not_finite) {
        found = *result.not_finite;
        break;
      }
    EXPECT_NE(found.kind, Kind::loss) << c.rule;
    EXPECT_FALSE(std::isfinite(found.value)) << c.rule;
    EXPECT_FALSE(found.name.empty()) << c.rule;
  }
}

TEST_F(Divergence, DoesNotDependOnThreads) {
  std::string texts[2];
  for (const int threads : {1, 2}) {
    Session session = make("plain", Update::sequence, false, "sgd", "rnn_tanh", threads, 200);
    Batch b = batch(200);
    b.y[2 * (3 * 200 + 170)] = 1e30;
    b.y[2 * (3 * 200 + 30)] = 1e30;
    texts[threads - 1] = diverged(session, b).text();
  }
  EXPECT_MENTIONS(texts[0], "at step 4 of example 31");
  EXPECT_EQ(texts[0], texts[1]);
}

// What does not diverge is not changed by being watched, and the draws stay those of their sequence.
TEST_F(Divergence, WatchingChangesNothing) {
  for (const Update update : {Update::sequence, Update::step}) {
    Session a = make("plain", update), b = make("plain", update);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(a.train(batch()).loss, b.run(batch()).loss);
    EXPECT_EQ(a.state(), b.state());
  }
}

TEST_F(Divergence, NumbersTooLargeForFloat32AreNoInput) {
  Session session = make("plain"), wide = make("plain", Update::sequence, true);
  Batch b = batch();
  b.x[11] = 1e39;
  EXPECT_MENTIONS(error_of([&] { session.run(b); }), "x is 1e+39 at step 1 of example 2 (value 2)");
  EXPECT_MENTIONS(error_of([&] { session.run(b); }), "too large for float32");
  EXPECT_NO_THROW(wide.run(b));
  b = batch();
  b.y.back() = -3.5e38;
  EXPECT_MENTIONS(error_of([&] { session.run(b); }), "y is -3.5e+38 at step 6 of example 3 (value 2)");
  b.y.back() = 3.4e38;
  EXPECT_NO_THROW(session.run(b));
  b.loss_mask.assign(18, 1);
  b.loss_mask[4] = 1e300;
  EXPECT_MENTIONS(error_of([&] { session.run(b); }), "loss_mask is 1e+300");
  EXPECT_MENTIONS(error_of([&] { session.set_hyper("c", 1e39); }), "too large for float32");
  EXPECT_MENTIONS(error_of([&] { session.set("net.W", std::vector<double>(16, 1e39)); }), "too large for float32");
  EXPECT_MENTIONS(error_of([&] { session.set("net.h[start]", std::vector<double>(4, 1e39)); }), "float32");
  EXPECT_NO_THROW(wide.set("net.W", std::vector<double>(16, 1e39)));
}

// Neither may a rule say such numbers, as a default or in an equation.
TEST_F(Divergence, NumbersTooLargeForFloat32AreNoPartOfARule) {
  const std::string text = kRules;
  const auto fault = [&](const std::string& from, const std::string& to, bool float64) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    folder.write("own.eli", changed);
    return error_of([&] { make("plain", Update::sequence, float64); });
  };
  EXPECT_MENTIONS(fault("hyper c = 1\n", "hyper c = 1e39\n", false), "the number 1e+39 is too large for float32");
  EXPECT_EQ(fault("hyper c = 1\n", "hyper c = 1e39\n", true), "");
  EXPECT_MENTIONS(fault("c*c * d(L[t])/d(φ)", "1e39 * d(L[t])/d(φ)", false), "the number 1e+39 is too large for float32");
  EXPECT_MENTIONS(fault("-= G[t]", "-= max(1, -4e38) * G[t]", false), "too large for float32");
  EXPECT_EQ(fault("c*c * d(L[t])/d(φ)", "3e38 * d(L[t])/d(φ)", false), "");
}

// --- of one variant among others ------------------------------------------------------------------------------------

constexpr const char* kMix = R"toml(
threads = 1
[task]
name = "delayed_target"
T = 5
npoints = 1
[model]
cell = "rnn_tanh"
readout = "linear_mse"
n = 4
[rule]
name = "bptt"
[optimiser]
name = "adam"
alpha = 1e-3
[train]
batch = 4
epochs = 3
batches_per_epoch = 5
[[compare]]
name = "wild"
optimiser.name = "sgd"
optimiser.alpha = 1e30
[[compare]]
name = "tame"
rule.n = 2
)toml";

class DivergedRuns : public testing::Test {
 protected:
  ExperimentResult train(int interrupt_after, bool resume) {
    const Experiment experiment = load_experiment(folder.write("mix.toml", mix), {});
    const std::string path = folder / "run";
    std::optional<RunFolder> run;
    if (resume) run = RunFolder::open(path);
    int asked = 0;
    Trainer trainer(experiment,
                    {resume, true, [&] { return interrupt_after > 0 && ++asked > interrupt_after; }},
                    resume ? &*run : nullptr);
    if (!resume) {
      run = RunFolder::create(path);
      run->set_up(experiment);
    }
    ExperimentResult result = trainer.run(*run);
    table = result_table(experiment, result.results, result.score);
    return result;
  }
  std::string mix = kMix, table;
  TemporaryFolder folder;
};

TEST_F(DivergedRuns, TheOthersGoOnAndResume) {
  EXPECT_FALSE(train(10, false).complete);  // the first has ended by then
  EXPECT_MENTIONS(table, "diverged at batch 2 of epoch 1: L.");
  EXPECT_FALSE(train(5, true).complete);
  const ExperimentResult result = train(0, true);
  EXPECT_TRUE(result.complete);
  ASSERT_EQ(result.results.size(), 2U);
  EXPECT_TRUE(result.results[0].outcome.diverged);
  EXPECT_FALSE(result.results[1].outcome.diverged);
  EXPECT_TRUE(std::isfinite(result.results[1].outcome.final_loss));
  EXPECT_MENTIONS(table, "diverged at batch 2 of epoch 1: L.");
  EXPECT_MENTIONS(table, " of example 1 is ");
  EXPECT_TRUE(train(0, true).complete);  // shown again
  EXPECT_MENTIONS(table, " of example 1 is ");
}

// The only batch makes parameters with which every later loss overflows: validation sees it.
TEST_F(DivergedRuns, TheLastBatchIsSeen) {
  const std::string three = "epochs = 3\nbatches_per_epoch = 5";
  mix.replace(mix.find(three), three.size(), "epochs = 1\nbatches_per_epoch = 1");
  const ExperimentResult result = train(0, false);
  ASSERT_EQ(result.results.size(), 2U);
  EXPECT_TRUE(result.results[0].outcome.diverged);
  EXPECT_MENTIONS(table, "diverged at validation batch 1 after epoch 1: L.");
  EXPECT_FALSE(result.results[1].outcome.diverged);
}

}  // namespace
}  // namespace eligo::test
