// A run that is killed, or finds the disk full, at any of its changes to files: resumed it gives the same, bit for bit.
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>
#include <sstream>

#include "runtime/data/npz_archive.h"
#include "runtime/experiment/run_folder.h"
#include "runtime/experiment/trainer.h"
#include "support/text_file.h"
#include "temporary.h"

namespace eligo::test {
namespace {

constexpr const char* kToy = R"toml(
threads = 1
[task]
name = "delayed_target"
T = 4
[model]
cell = "rnn_tanh"
readout = "linear_mse"
synth = "linear"
n = 3
[rule]
name = "bp_lambda"
[optimiser]
name = "adam"
alpha = 1e-2
[train]
epochs = 2
batches_per_epoch = 4
log_every = 3
measure = 1
)toml";

enum class Fault { none, killed, full };

Fault fault = Fault::none;
int operations = 0, fault_at = 0;

int on_operation(FileOperation operation) {
  if (++operations < fault_at || fault_at == 0) return 0;
  if (fault == Fault::killed) std::raise(SIGKILL);
  // A full disk takes no more bytes; what is there can still be renamed, shortened and synchronised.
  return fault == Fault::full && operation == FileOperation::write ? ENOSPC : 0;
}

class Interrupted : public testing::Test {
 protected:
  // As `eligo run` and `eligo run --resume` do it.
  void run_in(const std::string& path) {
    const bool resume = std::filesystem::exists(path + "/experiment.toml");
    std::optional<RunFolder> run;
    if (resume) run = RunFolder::open(path);
    const Experiment experiment =
        load_experiment(resume ? run->experiment() : folder.write("toy.toml", kToy), {{}, {}, {}});
    Trainer trainer(experiment, {resume, true}, resume ? &*run : nullptr);
    if (!resume) {
      run = RunFolder::create(path);
      run->set_up(experiment);
    }
    trainer.run(*run);
  }

  // In a process of its own. Its number of operations if it came to its end, or -1.
  int run_apart(const std::string& path, Fault kind, int at) {
    int ends[2];
    if (pipe(ends) != 0) return -1;
    const pid_t child = fork();
    if (child == 0) {
      fault = kind;
      fault_at = at;
      operations = 0;
      before_file_operation = on_operation;
      int status = 0;
      try {
        run_in(path);
      } catch (const Error& error) {
        status = std::strstr(error.what(), "No space left on device") != nullptr ? 1 : 2;
      }
      if (write(ends[1], &operations, sizeof operations) != sizeof operations) status = 3;
      _exit(status);
    }
    close(ends[1]);
    int count = -1, status = 0;
    const ssize_t got = read(ends[0], &count, sizeof count);
    close(ends[0]);
    waitpid(child, &status, 0);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    EXPECT_TRUE(killed || WEXITSTATUS(status) <= (kind == Fault::full ? 1 : 0)) << status;  // 1: it said why
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && got == sizeof count ? count : -1;
  }

  // All that a run leaves, but for times.
  std::string left_by(const std::string& path) {
    std::string all;
    for (MetricsRow& row : read_metrics(path + "/metrics.csv"))
      all += fmt(row.variant) + row.split + fmt(row.epoch) + fmt(row.batch) + fmt(row.loss) + fmt(row.cosine.value_or(7));
    for (const char* what : {"last", "best"}) {
      for (const auto& [name, tensor] : read_npz(path + "/checkpoints/1-bp_lambda-seed0-" + what + ".npz")) {
        if (name == "progress.seconds" || name == "progress.sums") continue;
        all += name;
        for (const double x : tensor.values) all.append(reinterpret_cast<const char*>(&x), sizeof x);
      }
    }
    return all;
  }
  template <class T>
  static std::string fmt(const T& value) {
    std::ostringstream text;
    text.precision(17);
    text << value << ' ';
    return text.str();
  }

  void expect_clean(const std::string& path) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
      if (entry.path().string().find("/rules/") == std::string::npos) names.insert(entry.path().filename());
    EXPECT_EQ(names, (std::set<std::string>{"experiment.toml", "metrics.csv", "summary.csv", "run.json", "curves.svg",
                                            "curves.png", "rules", "checkpoints", "run.lock",
                                            "1-bp_lambda-seed0-last.npz", "1-bp_lambda-seed0-best.npz"}));
    EXPECT_EQ(read_file(path + "/run.lock"), "");
  }

  void everywhere(Fault kind, int stride) {
    const int all = run_apart(folder / "whole", Fault::none, 0);
    ASSERT_GT(all, 50);
    const std::string expected = left_by(folder / "whole");
    const int last = kind == Fault::full ? all - 2 : all;  // the last write comes before a sync and a renaming
    for (int at = 1; at <= last; at += stride) {
      const std::string path = folder / ("cut" + std::to_string(at));
      EXPECT_EQ(run_apart(path, kind, at), -1) << at;
      run_apart(path, kind, at / 2 + 1);  // once more, elsewhere
      ASSERT_GE(run_apart(path, Fault::none, 0), 0) << at;
      EXPECT_EQ(left_by(path), expected) << at;
      expect_clean(path);
      std::filesystem::remove_all(path);
    }
  }

  TemporaryFolder folder;
};

TEST_F(Interrupted, KilledAtAnyChangeOfAFile) { everywhere(Fault::killed, 13); }

TEST_F(Interrupted, ADiskThatIsFullAtAnyChangeOfAFile) { everywhere(Fault::full, 29); }

// What is full from the first byte on leaves no folder behind.
TEST_F(Interrupted, ASetUpThatFindsTheDiskFullLeavesNothing) {
  EXPECT_EQ(run_apart(folder / "none", Fault::full, 1), -1);
  EXPECT_FALSE(std::filesystem::exists(folder / "none"));
}

}  // namespace
}  // namespace eligo::test
