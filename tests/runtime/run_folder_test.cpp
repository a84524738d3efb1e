
#include "runtime/data/npz_archive.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/metrics.h"
#include "runtime/experiment/run_folder.h"
#include "runtime/library/library.h"
#include "support/text_file.h"
#include "temporary.h"
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace eligo::test {
namespace {

MetricsRow row(const std::string& variant, std::uint64_t batch, double loss) {
  MetricsRow r;
  r.variant = variant;
  r.seed = 3;
  r.epoch = 1;
  r.batch = batch;
  r.split = "train";
  r.loss = loss;
  return r;
}

TEST(RunFolder, IsMadeAndOpened) {
  const TemporaryFolder folder;
  {
    const RunFolder made = RunFolder::create(folder / "a/b");
    EXPECT_TRUE(made.locked());
    EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/checkpoints"));
    EXPECT_MENTIONS(error_of([&] { RunFolder::open(folder / "a/b"); }), "no experiment.toml");
    write_file_atomically(made.experiment(), "");
    EXPECT_EQ(made.checkpoint("BP(λ = 0.5)", 2, 7, "last"), (folder / "a/b/checkpoints/3-BP_lambda_0.5-seed7-last.npz"));
  }
  EXPECT_NO_THROW(RunFolder::open(folder / "a/b"));
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(folder / "a/b"); }), "--resume");
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(folder / "a"); }), "not empty");
}

TEST(RunFolder, HasOneWriter) {
  const TemporaryFolder folder;
  const std::string path = folder / "run";
  {
    const RunFolder writer = RunFolder::create(path);
    const std::string me = "process " + std::to_string(getpid()) + " on ";
    EXPECT_MENTIONS(error_of([&] { RunFolder::create(path); }), me);
    write_file_atomically(writer.experiment(), "");
    EXPECT_MENTIONS(error_of([&] { RunFolder::open(path); }), me);
    EXPECT_FALSE(RunFolder::read(path).locked());
    const RunFolder copy = writer;  // the lock is of the folder, not of an object
  }
  EXPECT_EQ(read_file(path + "/run.lock"), "");
  EXPECT_TRUE(RunFolder::open(path).locked());
}

// A file that says who writes is easily taken for a leftover.
TEST(RunFolder, HasOneWriterAlsoWhenTheLockFileIsRemoved) {
  const TemporaryFolder folder;
  const std::string path = folder / "run";
  const RunFolder writer = RunFolder::create(path);
  write_file_atomically(writer.experiment(), "");
  std::filesystem::remove(path + "/run.lock");
  EXPECT_MENTIONS(error_of([&] { RunFolder::open(path); }), path + ": another process writes to this run folder");
}

// The process that holds it is another one, and is killed: the system drops the lock, and what the file says is stale.
TEST(RunFolder, AKilledWriterLeavesNoLock) {
  const TemporaryFolder folder;
  const std::string path = folder / "run";
  folder.write("run/experiment.toml", "");
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const RunFolder writer = RunFolder::open(path);
    if (write(ready[1], "x", 1) == 1) pause();
    _exit(1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const std::string it = "process " + std::to_string(child) + " on ";
  EXPECT_MENTIONS(error_of([&] { RunFolder::open(path); }), it);
  EXPECT_FALSE(RunFolder::read(path).locked());  // readers are not kept out
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_MENTIONS(read_file(path + "/run.lock"), it);
  EXPECT_TRUE(RunFolder::open(path).locked());
  EXPECT_EQ(read_file(path + "/run.lock"), "");
  for (const int end : ready) close(end);
}

TEST(RunFolder, ASetUpThatWasCutShortIsDoneAgain) {
  const TemporaryFolder folder;
  folder.write("run/run.lock", "process 1 on nowhere, since 2001");
  folder.write("run/rules/old.eli", "rule old");
  folder.write("run/experiment.toml.tmp77", "half");
  EXPECT_TRUE(is_run_folder(folder / "run"));
  EXPECT_MENTIONS(error_of([&] { RunFolder::open(folder / "run"); }), "cut short");
  const RunFolder again = RunFolder::create(folder / "run");
  EXPECT_FALSE(std::filesystem::exists(folder / "run/rules/old.eli"));
  EXPECT_FALSE(std::filesystem::exists(folder / "run/experiment.toml.tmp77"));
  // Anything else in it is somebody's.
  folder.write("other/run.lock", "");
  folder.write("other/notes.txt", "mine");
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(folder / "other"); }), "not empty");
  EXPECT_EQ(read_file(folder / "other/notes.txt"), "mine");
}

TEST(RunFolder, TemporaryFilesOfAKilledProcessGo) {
  const TemporaryFolder folder;
  for (const char* name : {"experiment.toml", "metrics.csv.tmp12", "checkpoints/a-last.npz.tmp3", "mine.tmp", ".tmp4"})
    folder.write(std::string("run/") + name, "x");
  RunFolder::open(folder / "run");
  for (const char* name : {"experiment.toml", "mine.tmp", ".tmp4"})
    EXPECT_TRUE(std::filesystem::exists(folder / ("run/" + std::string(name)))) << name;
  for (const char* name : {"metrics.csv.tmp12", "checkpoints/a-last.npz.tmp3"})
    EXPECT_FALSE(std::filesystem::exists(folder / ("run/" + std::string(name)))) << name;
}

TEST(RunFolder, UnwritablePlaces) {
  EXPECT_MENTIONS(error_of([] { RunFolder::create("/proc/eligo"); }), "cannot be made");
  const TemporaryFolder folder;
  const std::string file = folder.write("file", "");
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(file + "/run"); }), "cannot be made");
  folder.write("locked/experiment.toml", "");
  std::filesystem::create_directory(folder / "empty");
  for (const char* name : {"locked", "empty"})
    std::filesystem::permissions(folder / name,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const Unprivileged as_others;
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(folder / "empty"); }), "cannot be written to");
  EXPECT_MENTIONS(error_of([&] { RunFolder::create(folder / "empty/run"); }), "cannot be made");
  EXPECT_MENTIONS(error_of([&] { RunFolder::open(folder / "locked"); }), "cannot be written to");
  EXPECT_NO_THROW(RunFolder::read(folder / "locked"));
  std::filesystem::permissions(folder / "locked", std::filesystem::perms::owner_all);
}

// --- copies of rules ------------------------------------------------------------------------------------------------

constexpr const char* kOwn = R"(
rule mine(net: cell, L: readout) {
  let s = net.state, ψ = net.params
  learn ψ -= d(L[t])/d(s[t]) . d(s[t])/d(ψ)
}
)";

class CopiesOfRules : public testing::Test {
 protected:
  Experiment load(const std::string& rule, const std::string& cell, const std::string& more = "") {
    const std::string text = "[task]\nname = \"delayed_target\"\nT = 4\n[model]\ncell = \"" + cell +
                             "\"\nreadout = \"linear_mse\"\nn = 3\n[rule]\nname = \"" + rule + "\"\n" + more;
    return load_experiment(folder.write("x/e.toml", text), {});
  }
  // What the run folder alone makes of it.
  Experiment kept(const Experiment& experiment) {
    std::filesystem::remove_all(folder / "run");
    const RunFolder run = RunFolder::create(folder / "run");
    run.set_up(experiment);
    return load_experiment(run.experiment(), {});
  }
  void expect_all_inside(const Experiment& experiment) {
    for (const Variant& variant : experiment.variants)
      for (const Part& part : variant.parts)
        EXPECT_EQ(part.found.path.rfind(std::filesystem::canonical(folder / "run/rules").string(), 0), 0U)
            << part.found.path;
  }
  TemporaryFolder folder;
};

TEST_F(CopiesOfRules, AreAllThatIsRead) {
  const std::string own = folder.write("x/own.eli", kOwn);
  const Experiment first = load("own.eli:mine", "lstm", "[train]\nmeasure = 1\n"), second = kept(first);
  EXPECT_EQ(second.variants[0].name, first.variants[0].name);
  expect_all_inside(second);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/rules/reference/bptt.eli"));  // what the cosine is taken with
  EXPECT_TRUE(std::filesystem::exists(folder / "run/rules/optimisers/sgd.eli"));  // with which the cosine is measured
  std::ofstream(own) << "rule mine(net: cell, L: readout) { }";
  EXPECT_EQ(read_file(second.variants[0].parts[0].found.path), kOwn);
}

// Files of one name, and items of one name in several files.
TEST_F(CopiesOfRules, AreToldApart) {
  const std::string library = read_file(std::string(ELIGO_RULES) + "/cells/rnn_tanh.eli");
  folder.write("x/a/part.eli", kOwn + library);  // has a cell rnn_tanh too
  folder.write("x/b/part.eli", library);
  folder.write("x/bptt.eli", kOwn);  // named like a rule of the library
  for (const auto& [rule, cell] : {std::pair{"a/part.eli:mine", "b/part.eli:rnn_tanh"},
                                   std::pair{"a/part.eli:mine", "rnn_tanh"},
                                   std::pair{"bptt.eli:mine", "a/part.eli:rnn_tanh"}}) {
    const Experiment first = load(rule, cell), second = kept(first);
    expect_all_inside(second);
    ASSERT_EQ(second.variants[0].parts.size(), first.variants[0].parts.size());
    for (std::size_t i = 0; i < first.variants[0].parts.size(); ++i)
      EXPECT_EQ(read_file(second.variants[0].parts[i].found.path), read_file(first.variants[0].parts[i].found.path))
          << rule << " " << cell;
  }
}

TEST_F(CopiesOfRules, OfSeveralSynthesisers) {
  const std::string linear = read_file(std::string(ELIGO_RULES) + "/synths/linear.eli");
  folder.write("x/own synth.eli", linear);
  const std::string text =
      "[task]\nname = \"delayed_target\"\nT = 4\n[model]\ncell = \"rnn_tanh\"\nreadout = \"linear_mse\"\nn = 3\n"
      "synth = \"own synth.eli:linear\"\n[rule]\nname = \"bp_lambda\"\n[[compare]]\nname = \"own\"\n[[compare]]\n"
      "name = \"theirs\"\nmodel.synth = \"linear\"\n";
  const Experiment first = load_experiment(folder.write("x/e.toml", text), {}), second = kept(first);
  expect_all_inside(second);
  EXPECT_EQ(second.variants.size(), 2U);
}

TEST_F(CopiesOfRules, AreNoRulesOfOthers) {
  folder.write("x/own.eli", kOwn);
  kept(load("own.eli:mine", "rnn_tanh"));
  EXPECT_EQ(find_part("mine", "rule", {folder.path()}).path, folder / "x/own.eli");
  std::filesystem::remove(folder / "x/own.eli");
  EXPECT_MENTIONS(error_of([&] { find_part("mine", "rule", {folder.path()}); }), "there is no rule mine");
  EXPECT_MENTIONS(error_of([&] { find_part("mine", "rule", {folder / "run"}); }), "is the folder of a run");
  EXPECT_EQ(find_part("mine", "rule", {folder / "run/rules"}).item, "mine");
  EXPECT_MENTIONS(error_of([&] { find_experiment("experiment", {folder.path()}); }), "there is no experiment");
  std::filesystem::remove(folder / "run/experiment.toml");  // as if its set-up had been killed
  EXPECT_MENTIONS(error_of([&] { find_part("mine", "rule", {folder.path()}); }), "there is no rule mine");
}

TEST(RunFolder, FileNames) {
  EXPECT_EQ(file_name("n-step SG (n = 3)"), "n-step_SG_n_3");
  EXPECT_EQ(file_name("../../etc"), "etc");
  EXPECT_EQ(file_name("///"), "run");
}

TEST(Metrics, RowsComeBackExactly) {
  const TemporaryFolder folder;
  {
    MetricsFile file(folder / "m.csv");
    file.append(row("plain", 1, 0.1));
    MetricsRow full = row("with, \"quotes\"", 2, 1.0 / 3);
    full.score = 0.5;
    full.cosine = -1e-9;
    full.milliseconds = 2.25;
    file.append(full);
  }
  MetricsFile(folder / "m.csv").append(row("λ", 3, 7));  // appended to
  const auto rows = read_metrics(folder / "m.csv");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].variant, "with, \"quotes\"");
  EXPECT_EQ(rows[1].loss, 1.0 / 3);
  EXPECT_EQ(*rows[1].cosine, -1e-9);
  EXPECT_FALSE(rows[0].score.has_value());
  EXPECT_EQ(rows[2].variant, "λ");
}

TEST(Metrics, ARowCutShortIsRemoved) {
  const TemporaryFolder folder;
  { MetricsFile(folder / "m.csv").append(row("a", 1, 0.5)); }
  std::ofstream(folder / "m.csv", std::ios::app) << "a,3,1,2,tra";
  { MetricsFile(folder / "m.csv").append(row("a", 2, 0.25)); }
  const auto rows = read_metrics(folder / "m.csv");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].batch, 2U);
}

TEST(Metrics, RemovedRowsAreGoneAndAppendingGoesOn) {
  const TemporaryFolder folder;
  MetricsFile file(folder / "m.csv");
  for (std::uint64_t batch = 1; batch <= 5; ++batch) file.append(row("a", batch, 1));
  file.remove_if([](const MetricsRow& r) { return r.batch > 3; });
  file.append(row("a", 4, 2));
  const auto rows = read_metrics(folder / "m.csv");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[3].loss, 2);
}

TEST(Metrics, FullDiskAndStrangeFiles) {
  MetricsFile full("/dev/full");
  EXPECT_MENTIONS(error_of([&] { full.append(row("a", 1, 1)); }), "No space left on device");
  EXPECT_MENTIONS(error_of([] { MetricsFile("/proc/metrics.csv"); }), "cannot be written");
  const TemporaryFolder folder;
  EXPECT_MENTIONS(error_of([&] { read_metrics(folder.write("x.csv", "a,b\n1,2\n")); }), "not the metrics of a run");
  { MetricsFile(folder / "m.csv").append(row("a", 1, 0.5)); }
  std::ofstream(folder / "m.csv", std::ios::app) << "a,3,one,2,train,0,,,\n";
  EXPECT_MENTIONS(error_of([&] { read_metrics(folder / "m.csv"); }), "m.csv:3:");
}

}  // namespace
}  // namespace eligo::test
