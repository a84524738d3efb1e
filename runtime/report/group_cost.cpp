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
    const Variant& only = experiment.variants[0];
    TaskSpec task = only.task;
    task.seed = experiment.seeds[0];
    return rule_cost(program_for(experiment, only, *make_source(task, only.policy, only.curriculum)));
  } catch (const Error&) {
  } catch (const dsl::SourceError&) {
  }
  return std::nullopt;
}

}  // namespace eligo
