#include <fmt/core.h>

#include <csignal>
#include <optional>

#include "runtime/cli/interrupt.h"
#include "runtime/cli/verbs.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/run_folder.h"
#include "runtime/experiment/trainer.h"
#include "runtime/library/library.h"
#include "support/error.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

Experiment load(const RunOptions& options, const std::string& path) {
  ExperimentOptions how{options.overrides, options.rule_folders, options.only, options.quick};
  if (!options.data.empty()) how.overrides.push_back("task.data=" + options.data);
  return load_experiment(path, how);
}

// A folder that is to be made appears when nothing is wrong with what shall run in it.
RunFolder make_folder(const RunOptions& options, const Experiment& experiment) {
  RunFolder folder = options.out.empty() ? RunFolder::create_fresh(experiment.name) : RunFolder::create(options.out);
  folder.set_up(experiment);
  return folder;
}

void check_resume(const RunOptions& options) {
  if (!options.experiment.empty() || !options.out.empty() || !options.only.empty() || !options.data.empty() ||
      !options.rule_folders.empty() || options.quick) {
    throw Error(
        "--resume goes on with the experiment of its folder and its own copies of the rules; leave out the experiment, "
        "--data, --out, --only, --quick and --rules");
  }
  for (const auto& text : options.overrides) {
    if (text.starts_with("threads=") || text.starts_with("memory=")) continue;
    throw Error(fmt::format(
        "--resume goes on with the experiment of its folder; leave out {} (only threads and memory may differ)", text));
  }
}

}  // namespace

int run(const RunOptions& options) {
  const bool resume = !options.resume.empty();
  if (resume) check_resume(options);
  if (!resume && options.experiment.empty()) {
    throw Error("name an experiment: a .toml file or one that `eligo list experiments` shows");
  }
  std::optional<RunFolder> folder;
  if (resume) folder = RunFolder::read(options.resume);
  const std::string path = resume ? folder->experiment() : find_experiment(options.experiment, options.rule_folders);
  const Experiment experiment = load(options, path);
  // A complete run is shown as it is, also where nothing can be written; for anything else there is one writer.
  if (resume && !is_complete(experiment, *folder)) folder = RunFolder::open(options.resume);
  if (!options.quiet) {
    say(fmt::format("{}{}\n", experiment.name, experiment.description.empty() ? "" : ": " + experiment.description));
    if (!experiment.paper.empty()) say(fmt::format("{}\n", experiment.paper));
    for (const auto& note : experiment.notes) say(fmt::format("note: {}\n", note));
    std::fflush(stdout);
  }
  TrainerOptions how;
  how.resume = resume;
  how.quiet = options.quiet;
  how.interrupted = interrupted;
  std::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is an error of the write, with a message
  Trainer trainer(experiment, how, resume ? &*folder : nullptr);
  if (!resume) folder = make_folder(options, experiment);
  heed_interrupts();  // at the next batch
  const ExperimentResult result = trainer.run(*folder);
  say("\n" + result_table(experiment, result.results, result.score));
  say(fmt::format("\npicture: {} and .png\nrun folder: {}\n", folder->picture("svg"), folder->path()));
  if (result.complete) return 0;
  say(fmt::format("interrupted; go on with: eligo run --resume {}\n", folder->path()));
  return kInterrupted;
}

}  // namespace eligo::cli
