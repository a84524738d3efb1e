#include "runtime/sweep/work.h"

#include <fmt/format.h>

#include <filesystem>
#include <new>
#include <optional>

#include "runtime/experiment/run_folder.h"
#include "runtime/experiment/trainer.h"
#include "runtime/sweep/line_folder.h"
#include "support/error.h"

namespace eligo {
namespace {

// Whether it came to its end. The folder is set up when nothing is wrong with what shall run in it.
bool train(const Plan& plan, const PlanLine& line, const std::string& path, const WorkOptions& options) {
  std::error_code error;
  const bool resume = std::filesystem::exists(path + "/experiment.toml", error);
  std::optional<RunFolder> folder;
  if (resume) folder = RunFolder::open(path);
  const Experiment planned = resume ? load_experiment(folder->experiment(), {}) : experiment_of(plan, line);
  if (!resume) check_rules(line, planned);
  Experiment experiment = planned;
  if (experiment.threads == 0) experiment.threads = options.threads;
  Trainer trainer(experiment, {resume, options.quiet, options.interrupted}, resume ? &*folder : nullptr);
  if (!resume) {
    folder = RunFolder::create(path);
    folder->set_up(planned);  // results do not depend on the threads, so the folder does not either
  }
  return trainer.run(*folder).complete;
}

WorkResult failed(const PlanLine& line, const WorkOptions& options, const std::string& message) {
  WorkResult result{WorkEnd::failed, message};
  try {
    keep_failure(line, options.runs, message);
  } catch (const Error& error) {  // the disk may be full
    result.message += fmt::format("\n{}", error.what());
  }
  return result;
}

}  // namespace

WorkResult work_on(const Plan& plan, const PlanLine& line, const WorkOptions& options) {
  if (report_on(line, options.runs).state == LineState::done) {
    keep_failure(line, options.runs, "");
    return {WorkEnd::was_done, ""};
  }
  try {
    const bool complete = train(plan, line, folder_of(line, options.runs), options);
    keep_failure(line, options.runs, "");  // an earlier one
    return {complete ? WorkEnd::done : WorkEnd::interrupted, ""};
  } catch (const RunFolderBusy& busy) {
    return {WorkEnd::busy, busy.what()};
  } catch (const std::bad_alloc&) {
    return failed(line, options, "not enough memory; use smaller sizes or a smaller batch");
  } catch (const std::exception& error) {  // of this line; the next ones are none of its business
    return failed(line, options, error.what());
  }
}

std::vector<std::uint64_t> lines_of_pack(const Plan& plan, std::uint64_t index, std::uint64_t pack) {
  const std::uint64_t count = plan.lines.size(), packs = (count + pack - 1) / pack;
  if (index >= packs)
    throw Error(fmt::format("{}: there is no index {}: its {} lines{} have the indices 0 to {}", plan.path, index,
                            count, pack > 1 ? fmt::format(" in packs of {}", pack) : "", packs - 1));
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = index * pack; i < std::min(count, (index + 1) * pack); ++i) numbers.push_back(i);
  return numbers;
}

}  // namespace eligo
