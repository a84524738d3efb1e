// From the name of an experiment, or the folder of a run, to what came out: what `eligo run` and eligo.run do.
#pragma once

#include <functional>
#include <string>

#include "runtime/experiment/experiment.h"
#include "runtime/experiment/trainer.h"

namespace eligo {

struct RunRequest {
  std::string experiment;  // a path or a name; empty with `resume`
  std::string out;         // the run folder to make; empty: a new one in runs/
  std::string resume;      // a folder whose run goes on, by its own experiment and copies of the rules
  ExperimentOptions how;
  bool quiet = false;
  std::function<bool()> interrupted = [] { return false; };     // asked between batches
  std::function<void(const Experiment&)> read = [](const Experiment&) {};  // when it has been read and checked
  std::function<void()> begins = [] {};                         // when the folder is made
};

struct RunReport {
  std::string folder, picture, table;
  bool complete = false;  // false: interrupted; what has been trained is in the folder
};

// Throws eligo::Error or dsl::SourceError. A folder is made when nothing is wrong with what shall run in it; a run that
// is complete is only read.
RunReport perform_run(const RunRequest& request);

}  // namespace eligo
