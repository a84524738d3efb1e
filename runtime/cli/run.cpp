#include <fmt/core.h>

#include <csignal>

#include "runtime/cli/interrupt.h"
#include "runtime/cli/verbs.h"
#include "runtime/experiment/perform_run.h"
#include "support/error.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

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

void announce(const Experiment& experiment) {
  say(fmt::format("{}{}\n", experiment.name, experiment.description.empty() ? "" : ": " + experiment.description));
  if (!experiment.paper.empty()) say(fmt::format("{}\n", experiment.paper));
  for (const auto& note : experiment.notes) say(fmt::format("note: {}\n", note));
  std::fflush(stdout);
}

}  // namespace

int run(const RunOptions& options) {
  const bool resume = !options.resume.empty();
  if (resume) check_resume(options);
  if (!resume && options.experiment.empty()) {
    throw Error("name an experiment: a .toml file or one that `eligo list experiments` shows");
  }
  RunRequest request{options.experiment, options.out, options.resume,
                     {options.overrides, options.rule_folders, options.only, options.quick}, options.quiet};
  if (!options.data.empty()) request.how.overrides.push_back("task.data=" + options.data);
  request.interrupted = interrupted;
  if (!options.quiet) request.read = announce;
  request.begins = heed_interrupts;  // at the next batch
  std::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is an error of the write, with a message
  const RunReport report = perform_run(request);
  say("\n" + report.table);
  say(fmt::format("\npicture: {} and .png\nrun folder: {}\n", report.picture, report.folder));
  if (report.complete) return 0;
  say(fmt::format("interrupted; go on with: eligo run --resume {}\n", report.folder));
  return kInterrupted;
}

}  // namespace eligo::cli
