#include "runtime/experiment/perform_run.h"

#include <optional>

#include "runtime/experiment/run_folder.h"
#include "runtime/library/library.h"

namespace eligo {

RunReport perform_run(const RunRequest& request) {
  const bool resume = !request.resume.empty();
  std::optional<RunFolder> folder;
  if (resume) folder = RunFolder::read(request.resume);
  const Experiment experiment = load_experiment(
      resume ? folder->experiment() : find_experiment(request.experiment, request.how.rule_folders), request.how);
  // A complete run is shown as it is, also where nothing can be written; for anything else there is one writer.
  if (resume && !is_complete(experiment, *folder)) folder = RunFolder::open(request.resume);
  request.read(experiment);
  Trainer trainer(experiment, {.resume = resume, .quiet = request.quiet, .interrupted = request.interrupted},
                  resume ? &*folder : nullptr);
  if (!resume) {
    folder = request.out.empty() ? RunFolder::create_fresh(experiment.name) : RunFolder::create(request.out);
    folder->set_up(experiment);
  }
  request.begins();
  const ExperimentResult result = trainer.run(*folder);
  return {folder->path(), folder->picture("svg"), result_table(experiment, result.results, result.score),
          result.complete};
}

}  // namespace eligo
