// The verbs of the command that are not compiler stages. Each returns the exit status and throws eligo::Error or
// dsl::SourceError for anything wrong with what it was given.
#pragma once

#include <string>
#include <vector>

#include "runtime/experiment/prediction.h"

namespace eligo::cli {

struct RunOptions {
  std::string experiment;              // a path or a name; empty with `resume`
  std::vector<std::string> overrides;  // rule.lambda=0.5
  std::vector<std::string> only;       // variants by name
  std::vector<std::string> rule_folders;
  std::string data;    // file or folder of the task's data
  std::string out;     // run folder; empty: a new one in runs/
  std::string resume;  // folder of a run to go on with
  bool quiet = false;
  bool quick = false;  // the experiment's quick form
};
int run(const RunOptions& options);

int predict(const PredictOptions& options);

struct ListOptions {
  std::string what;    // "", rules, cells, synths, readouts, optimisers, tasks, experiments or settings
  bool paths = false;  // where each lies
  bool json = false;
  bool markdown = false;  // the page docs/rules.md
  std::vector<std::string> rule_folders;
};
int list(const ListOptions& options);

// A rule file, the name of an item of the library, or an experiment (.toml).
int check(const std::vector<std::string>& files, bool json, const std::vector<std::string>& rule_folders);

struct FormatOptions {
  std::vector<std::string> files;  // "-": standard input
  bool in_place = false;           // rewrite the files instead of printing
  bool check = false;              // print nothing, fail if a file would change
};
int format(const FormatOptions& options);

// Where compiled programs are kept and how many; `clear` removes them.
int cache(bool clear);

}  // namespace eligo::cli
