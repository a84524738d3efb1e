#include "runtime/report/group_cost.h"

#include "dsl/diagnostic.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/run_folder.h"
#include "runtime/experiment/trainer.h"
#include "support/error.h"

namespace eligo {

std::optional<RuleCost> group_cost(const std::string& folder, const std::string& variant) {
  try {
    const Experiment experiment = load_experiment(RunFolder::read(folder).experiment(), {{}, {}, {variant}});
    TaskSpec task = experiment.variants[0].task;
    task.seed = experiment.seeds[0];
    return rule_cost(program_for(experiment, experiment.variants[0], *make_task(task)));
  } catch (const Error&) {
  } catch (const dsl::SourceError&) {}
  return std::nullopt;
}

}  // namespace eligo
