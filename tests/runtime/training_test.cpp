#include "runtime/experiment/training.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "runtime/data/npz_archive.h"
#include "runtime/experiment/alignment.h"
#include "runtime/library/compile.h"
#include "runs.h"

namespace eligo::test {
namespace {

constexpr const char* kToy = R"toml(
[task]
name = "delayed_target"
T = 4
[model]
cell = "rnn_tanh"
readout = "linear_mse"
synth = "linear"
n = 6
[rule]
name = "bp_lambda"
[optimiser]
name = "adam"
alpha = 1e-2
[train]
epochs = 3
batches_per_epoch = 12
log_every = 5
measure = 2
)toml";

class Runs : public RunsOf {
 protected:
  Runs() : RunsOf(kToy) {}
  Archive checkpoint(const std::string& name, const std::string& what) const {
    return read_npz(folder / (name + "/checkpoints/1-bptt-seed0-" + what + ".npz"));
  }
};

TEST_F(Runs, RowsComeWhereTheyShould) {
  const ExperimentResult result = train("run", 0, false);
  EXPECT_TRUE(result.complete);
  const auto all = rows("run");
  std::vector<std::uint64_t> trained;
  std::size_t validated = 0;
  for (const auto& row : all) {
    if (row.split == "train") trained.push_back(row.batch);
    if (row.split == "validation") {
      ++validated;
      EXPECT_TRUE(row.cosine.has_value());
    }
  }
  EXPECT_EQ(trained, (std::vector<std::uint64_t>{5, 10, 12, 17, 22, 24, 29, 34, 36}));
  EXPECT_EQ(validated, 3U);
  EXPECT_LT(all.back().loss, all.front().loss);
  ASSERT_EQ(result.results.size(), 1U);
  EXPECT_TRUE(result.results[0].outcome.cosine.has_value());
  EXPECT_NE(result_table(load(), result.results, result.score).find("bp_lambda"), std::string::npos);
}

// What is complete is neither compiled nor written again.
TEST_F(Runs, ACompleteRunIsShownWhereNothingCanBeWritten) {
  namespace fs = std::filesystem;
  const ExperimentResult first = train("done", 0, false);
  const auto writable = [&](bool yes) {
    const auto mode = yes ? fs::perm_options::add : fs::perm_options::remove;
    fs::permissions(folder / "done", fs::perms::owner_write, mode);
    for (const auto& entry : fs::recursive_directory_iterator(folder / "done"))
      fs::permissions(entry.path(), fs::perms::owner_write, mode);
  };
  const Experiment experiment = load();
  writable(false);
  {
    const Unprivileged as_others;
    const RunFolder run = RunFolder::read(folder / "done");
    EXPECT_TRUE(is_complete(experiment, run));
    const ExperimentResult again = Trainer(experiment, {true, true}, &run).run(run);
    EXPECT_TRUE(again.complete);
    ASSERT_EQ(again.results.size(), 1U);
    EXPECT_EQ(again.results[0].outcome.final_loss, first.results[0].outcome.final_loss);
    EXPECT_EQ(again.results[0].outcome.cosine, first.results[0].outcome.cosine);
    EXPECT_MENTIONS(error_of([&] { RunFolder::open(folder / "done"); }), "cannot be written to");
  }
  writable(true);
  fs::remove(folder / "done/curves.svg");  // as if it had been killed before the picture
  EXPECT_FALSE(is_complete(experiment, RunFolder::read(folder / "done")));
  EXPECT_TRUE(train("done", 0, true).complete);
  EXPECT_TRUE(fs::exists(folder / "done/curves.svg"));
}

// Whatever the batch at which it was interrupted, also twice.
TEST_F(Runs, ResumingIsExact) {
  train("whole", 0, false);
  for (const int after : {1, 5, 12, 13, 30, 38}) {
    const std::string name = "cut" + std::to_string(after);
    EXPECT_FALSE(train(name, after, false).complete) << after;
    train(name, 3, true);
    EXPECT_TRUE(train(name, 0, true).complete) << after;
    expect_same(rows("whole"), rows(name));
  }
}

TEST_F(Runs, SeedsDifferAndRepeat) {
  train("a", 0, false, {"seeds=[1]"});
  train("b", 0, false, {"seeds=[1]"});
  train("c", 0, false, {"seeds=[2]"});
  expect_same(rows("a"), rows("b"));
  EXPECT_NE(rows("a")[0].loss, rows("c")[0].loss);
}

TEST_F(Runs, DivergenceEndsTheTraining) {
  const std::vector<std::string> wild = {"optimiser=sgd", "optimiser.alpha=1e30", "rule=bptt", "train.epochs=50"};
  const ExperimentResult result = train("wild", 0, false, wild);
  ASSERT_EQ(result.results.size(), 1U);
  EXPECT_TRUE(result.results[0].outcome.diverged);
  const std::string table = result_table(load(wild), result.results, result.score);
  EXPECT_MENTIONS(table, "diverged");
  EXPECT_EQ(table.find("validation"), std::string::npos) << table;  // it came to none
}

TEST_F(Runs, BpttPointsDownTheGradient) {
  const ExperimentResult full = train("full", 0, false, {"rule=bptt"}),
                         one = train("one", 0, false, {"rule=bptt", "rule.n=1"});
  EXPECT_NEAR(full.results[0].outcome.cosine.value_or(0), 1, 1e-5);
  EXPECT_LT(one.results[0].outcome.cosine.value_or(1), 0.999);
  EXPECT_GT(one.results[0].outcome.cosine.value_or(0), 0);
}

// --- the best epoch, and patience -----------------------------------------------------------------------------------

std::vector<std::uint64_t> bits(const Tensor& tensor) {
  std::vector<std::uint64_t> all;
  for (const double value : tensor.values) all.push_back(std::bit_cast<std::uint64_t>(value));
  return all;
}

// A rate so high that the validation loss goes up and down.
const std::vector<std::string> kRestless = {"rule=bptt", "optimiser.alpha=0.3", "train.epochs=40", "train.patience=3"};

std::vector<double> validation_losses(const std::vector<MetricsRow>& rows) {
  std::vector<double> losses;
  for (const auto& row : rows)
    if (row.split == "validation") losses.push_back(row.loss);
  return losses;
}

TEST_F(Runs, PatienceEndsATraining) {
  const Outcome outcome = train("restless", 0, false, kRestless).results.at(0).outcome;
  const auto losses = validation_losses(rows("restless"));
  ASSERT_GT(losses.size(), 4U);  // it stops neither at once
  ASSERT_LT(losses.size(), 40U);  // nor never
  const auto lowest = std::min_element(losses.begin(), losses.end());
  EXPECT_EQ(lowest - losses.begin(), static_cast<std::ptrdiff_t>(losses.size()) - 1 - 3);
  EXPECT_EQ(outcome.epochs, losses.size());
  EXPECT_EQ(outcome.best_epoch, losses.size() - 3);
  EXPECT_EQ(outcome.best_loss, *lowest);
  EXPECT_EQ(outcome.final_loss, losses.back());
  EXPECT_TRUE(outcome.complete);
  // An equal loss is no improvement: without a step nothing changes after the first epoch.
  const Outcome still = train("still", 0, false, {"rule=bptt", "optimiser=sgd", "optimiser.alpha=0", "train.epochs=9",
                                                  "train.patience=2"}).results.at(0).outcome;
  EXPECT_EQ(still.epochs, 3U);
  EXPECT_EQ(still.best_epoch, 1U);
  EXPECT_EQ(train("off", 0, false, {"rule=bptt", "optimiser=sgd", "optimiser.alpha=0"}).results.at(0).outcome.epochs, 3U);
}

// Also where it is interrupted in the epochs in which the patience runs out, and twice.
TEST_F(Runs, ResumingIsExactWithPatience) {
  const Outcome whole = train("whole", 0, false, kRestless).results.at(0).outcome;
  const int batches = static_cast<int>(whole.batches);
  for (const int after : {13, batches / 2, batches - 20, batches - 3, batches + 2}) {
    const std::string name = "cut" + std::to_string(after);
    EXPECT_FALSE(train(name, after, false, kRestless).complete) << after;
    train(name, 3, true, kRestless);
    const ExperimentResult result = train(name, 0, true, kRestless);
    EXPECT_TRUE(result.complete) << after;
    EXPECT_EQ(result.results.at(0).outcome.epochs, whole.epochs);
    EXPECT_EQ(result.results.at(0).outcome.best_epoch, whole.best_epoch);
    expect_same(rows("whole"), rows(name));
    for (const char* file : {"last", "best"})
      for (const auto& [key, tensor] : checkpoint("whole", file)) {
        if (key == "progress.seconds" || key == "progress.sums") continue;  // times
        EXPECT_EQ(bits(checkpoint(name, file).at(key)), bits(tensor)) << file << " " << key;
      }
  }
}

TEST_F(Runs, TheBestCheckpointIsOfTheBestEpoch) {
  const Outcome outcome = train("long", 0, false, kRestless).results.at(0).outcome;
  std::vector<std::string> shorter = kRestless;
  shorter.push_back("train.epochs=" + std::to_string(outcome.best_epoch));
  train("short", 0, false, shorter);
  const auto best = checkpoint("long", "best"), last = checkpoint("long", "last"), then = checkpoint("short", "last");
  EXPECT_FALSE(best.empty());
  for (const auto& [name, tensor] : best) {
    EXPECT_EQ(tensor.values, then.at(name).values) << name;
    EXPECT_NE(tensor.values, last.at(name).values) << name;
  }
}

// The toy's task, its validation set as the test set, with or without one to choose the best epoch by.
class TestedTask : public Task {
 public:
  TestedTask(std::unique_ptr<Task> task, bool validated) : task_(std::move(task)), validated_(validated) {}
  TaskShape shape() const override {
    TaskShape shape = task_->shape();
    shape.test_batches = shape.validation_batches;
    if (!validated_) shape.validation_batches = 0;
    return shape;
  }
  Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const override {
    return task_->batch(split == Split::test ? Split::validation : split, epoch, index);
  }
  std::string description() const override { return task_->description(); }

 private:
  std::unique_ptr<Task> task_;
  bool validated_;
};

TEST_F(Runs, TheBestParametersAreTestedOrElseTheLast) {
  const Variant variant = load(kRestless).variants.at(0);
  ProgramSpec spec = variant.program;
  const auto program = compile(spec);
  Progress progress(stdout, true);
  const auto outcome = [&](bool validated) {
    const auto source = source_of(std::make_unique<TestedTask>(make_task(variant.task), validated));
    MetricsFile metrics(folder / (validated ? "v.csv" : "n.csv"));
    Training training(variant, program, *source, {0, 1, 0, 1, &progress, [] { return false; }});
    training.put_into(metrics, folder / "last.npz", folder / "best.npz");
    EXPECT_TRUE(training.run());
    return training.outcome();
  };
  const Outcome chosen = outcome(true);
  EXPECT_EQ(chosen.test_loss, chosen.best_loss);
  EXPECT_NE(chosen.test_loss, chosen.final_loss);
  const Outcome unchosen = outcome(false);  // nothing to lose patience by
  EXPECT_EQ(unchosen.epochs, 40U);
  EXPECT_EQ(unchosen.best_epoch, 0U);
  const ExperimentResult to_the_end = train("end", 0, false, {"rule=bptt", "optimiser.alpha=0.3", "train.epochs=40"});
  EXPECT_EQ(unchosen.test_loss, to_the_end.results.at(0).outcome.final_loss);
}

TEST_F(Runs, TheTableSaysWhichParametersANumberIsOf) {
  Outcome o;
  o.epochs = 3;
  o.final_loss = 2;
  const auto table = [&] { return result_table(load(), {{"bp_lambda", 0, o}}, {}); };
  EXPECT_EQ(table(), "variant     last loss   ms/batch\nbp_lambda           2      0.000\n"
                     "last: of the last training batches, for want of a validation set\n");
  o.test_loss = 5;
  EXPECT_MENTIONS(table(), "\nlast: of the last training batches, for want of a validation set; test: with the last parameters\n");
  o.best_epoch = 2;
  o.best_loss = 1.5;
  EXPECT_EQ(table(), "variant     last loss   best epoch   best loss   test loss   ms/batch\n"
                     "bp_lambda           2            2         1.5           5      0.000\n"
                     "last: validation after the last epoch; best: after the epoch of lowest validation loss; "
                     "test: with the parameters of the best\n");
  o.epochs = 2;  // of 3
  EXPECT_MENTIONS(table(), "variant     last epoch   last loss   best epoch");
}

// --- schedules of step sizes ----------------------------------------------------------------------------------------

const std::vector<std::string> kScheduled = {"rule=bptt", "optimiser.schedule=cosine", "optimiser.warmup=8",
                                             "optimiser.fall_to=0.05", "optimiser.phi.alpha=0.05"};

// A training is a session that is given its step sizes by hand, batch by batch.
TEST_F(Runs, TakeTheStepsOfTheirSchedule) {
  for (const auto& more : {std::vector<std::string>{}, {"optimiser.schedule=linear"},
                           {"optimiser.schedule=step", "optimiser.fall_every=5", "optimiser.fall_by=0.5"}}) {
    std::vector<std::string> overrides = {"rule=bptt", "optimiser.schedule=cosine", "optimiser.warmup=8",
                                          "optimiser.phi.alpha=0.05"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    const std::string name = more.empty() ? "cosine" : more[0];
    train(name, 0, false, overrides);
    const Variant variant = load(overrides).variants.at(0);
    const auto task = make_task(variant.task);
    Session session(compile(variant.program), {.batch = 10, .steps = 4, .seed = 0});
    for (std::uint64_t batch = 0; batch < 36; ++batch) {
      const double factor = variant.rates.factor(batch, 36);
      session.set_hyper("optimiser.ψ.alpha", static_cast<float>(0.01) * factor);
      session.set_hyper("optimiser.φ.alpha", static_cast<float>(0.05) * factor);
      session.train(task->batch(Split::train, batch / 12, batch % 12));
      if (batch % 12 == 11) session.run(task->batch(Split::validation, 0, 0), false);
    }
    const auto last = checkpoint(name, "last");
    for (const char* parameter : {"net.W", "net.U", "net.b", "L.V"})
      EXPECT_EQ(last.at(parameter).values, session.get(parameter)) << name << " " << parameter;
  }
}

TEST_F(Runs, ResumingIsExactWithASchedule) {
  train("whole", 0, false, kScheduled);
  for (const int after : {1, 5, 9, 13, 30}) {
    const std::string name = "cut" + std::to_string(after);
    EXPECT_FALSE(train(name, after, false, kScheduled).complete) << after;
    train(name, 3, true, kScheduled);
    EXPECT_TRUE(train(name, 0, true, kScheduled).complete) << after;
    expect_same(rows("whole"), rows(name));
    for (const auto& [key, tensor] : checkpoint("whole", "last"))
      if (key != "progress.seconds" && key != "progress.sums") {
        EXPECT_EQ(bits(checkpoint(name, "last").at(key)), bits(tensor)) << key;
      }
  }
  std::vector<std::string> constant = {"rule=bptt", "optimiser.phi.alpha=0.05"};
  train("constant", 0, false, constant);
  EXPECT_NE(rows("constant").back().loss, rows("whole").back().loss);
}

// --- the cosine -----------------------------------------------------------------------------------------------------

// Signs and all lines count: what ascends has a cosine of -1, whatever its lines look like.
TEST_F(Runs, TheCosineIsOfWhatIsAdded) {
  const std::string head = "  let s = net.state, ψ = net.params\n"
                           "  r[t] = d(L[t])/d(s[t]) + r[t+1] . d(s[t+1])/d(s[t])\n  q[t] = 10*r[t]\n";
  const auto rule = [&](const std::string& name, const std::string& lines) {
    return "rule " + name + "(net: cell, L: readout) {\n" + head + lines + "}\n";
  };
  folder.write("signs.eli", rule("down", "  learn ψ += -1*(r[t] . d(s[t])/d(ψ))\n") +
                                rule("up", "  learn ψ -= r[t] . d(s[t])/d(ψ)\n  learn ψ += q[t] . d(s[t])/d(ψ)\n") +
                                rule("clipped", "  learn ψ -= r[t] . d(s[t])/d(ψ)  clip 1e-3\n"));
  const auto cosine = [&](const std::string& name) {
    return train(name, 0, false, {"rule=" + folder.path() + "/signs.eli:" + name}).results.at(0).outcome.cosine;
  };
  EXPECT_NEAR(cosine("down").value_or(0), 1, 1e-5);
  EXPECT_NEAR(cosine("up").value_or(0), -1, 1e-5);
  EXPECT_LT(cosine("clipped").value_or(1), 0.9999);
}

// A reservoir learns its readout alone, and trains, resumes and is measured like any other rule.
class Reservoirs : public Runs {
 protected:
  Reservoirs() {
    folder.write("reservoir.eli",
                 "rule reservoir(net: cell, L: readout) {\n  let φ = L.params\n  learn φ -= d(L[t])/d(φ)\n}\n");
  }
  std::vector<std::string> overrides(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), "rule=" + folder.path() + "/reservoir.eli:reservoir");
    return more;
  }
};

TEST_F(Reservoirs, TheCosineIsBlankWhereTheCellLearnsNothing) {
  const ExperimentResult result = train("r", 0, false, overrides());
  ASSERT_EQ(result.results.size(), 1U);
  EXPECT_TRUE(result.results[0].outcome.complete);
  EXPECT_FALSE(result.results[0].outcome.cosine.has_value());
  const auto all = rows("r");
  for (const auto& row : all) EXPECT_FALSE(row.cosine.has_value());
  EXPECT_LT(all.back().loss, all.front().loss);
  EXPECT_EQ(result_table(load(overrides()), result.results, result.score).find("cosine"), std::string::npos);
  EXPECT_MENTIONS(read_file(folder / "r/curves.svg"), "reservoir");
  EXPECT_EQ(summary("r", "cosine"), "");
  EXPECT_NE(summary("r", "final_loss"), "");
  const Session untrained(compile(load(overrides()).variants[0].program), {.batch = 10, .steps = 4, .seed = 0});
  const auto last = read_npz(folder / "r/checkpoints/1-reservoir.eli_reservoir-seed0-last.npz");
  EXPECT_EQ(last.at("net.W").values, untrained.get("net.W"));
  EXPECT_NE(last.at("L.V").values, untrained.get("L.V"));
}

TEST_F(Reservoirs, ResumeExactly) {
  train("whole", 0, false, overrides());
  for (const int after : {1, 12, 13, 30}) {
    const std::string name = "cut" + std::to_string(after);
    EXPECT_FALSE(train(name, after, false, overrides()).complete) << after;
    EXPECT_TRUE(train(name, 0, true, overrides()).complete) << after;
    expect_same(rows("whole"), rows(name));
  }
}

// Beside a rule that moves the cell its cell of the table is blank, and the other's is not.
TEST_F(Reservoirs, AreComparedWithARuleThatHasACosine) {
  const std::string both = std::string(kToy) + "[[compare]]\nname = \"echo\"\nrule.name = \"reservoir.eli:reservoir\"\n" +
                           "[[compare]]\nname = \"full\"\nrule.name = \"bptt\"\n";
  const Experiment experiment = load_experiment(folder.write("both.toml", both), {});
  const RunFolder run = RunFolder::create(folder / "both");
  run.set_up(experiment);
  const ExperimentResult result = Trainer(experiment, {false, true, [] { return false; }}).run(run);
  ASSERT_EQ(result.results.size(), 2U);
  EXPECT_FALSE(result.results[0].outcome.cosine.has_value());
  EXPECT_NEAR(result.results[1].outcome.cosine.value_or(0), 1, 1e-5);
  std::istringstream lines(result_table(experiment, result.results, result.score));
  std::string heading, echo, full;
  std::getline(lines, heading);
  std::getline(lines, echo);
  std::getline(lines, full);
  const std::size_t column = heading.find("cosine");
  ASSERT_NE(column, std::string::npos);
  EXPECT_EQ(echo.substr(column, 6), "      ") << echo;
  EXPECT_EQ(full.substr(column, 6), " 1.000") << full;
}

// A rule of that name in a user's folder does not become the judge.
TEST_F(Runs, TheReferenceIsTheLibrarysBptt) {
  folder.write("bptt.eli",
               "rule bptt(net: cell, L: readout) {\n  let s = net.state, ψ = net.params\n"
               "  learn ψ += d(L[t])/d(s[t]) . d(s[t])/d(ψ)\n}\n");
  Experiment own = load_experiment(folder.write("toy.toml", kToy), {{"rule=bptt"}, {folder.path()}, {}});
  const RunFolder run = RunFolder::create(folder / "own");
  write_file_atomically(run.experiment(), own.resolved());
  const auto outcome = Trainer(own, {false, true, [] { return false; }}).run(run).results.at(0).outcome;
  EXPECT_LT(outcome.cosine.value_or(1), 0);
}

// Noise depends on the trained session's place, not on how often the probe was asked.
TEST_F(Runs, TheCosineOfANoisyRuleSurvivesAResume) {
  const std::vector<std::string> noisy = {"rule=uoro", "train.epochs=4"};
  train("whole", 0, false, noisy);
  train("cut", 20, false, noisy);
  EXPECT_TRUE(train("cut", 0, true, noisy).complete);
  expect_same(rows("whole"), rows("cut"));
}

}  // namespace
}  // namespace eligo::test
