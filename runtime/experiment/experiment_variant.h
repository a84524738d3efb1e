// One variant of an experiment from its settings: every setting is held against what its task, rule, model and
// optimiser have, and defaults are filled in.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/experiment/experiment.h"

namespace eligo {

struct VariantResult {
  Variant variant;
  std::vector<std::string> problems;  // with place and suggested fix
  std::map<std::string, std::string>
      unfitting;  // settings that this variant has no use for, and the message if it should
};

// A file or folder that an experiment names: relative to the experiment's own folder if it is there, or to the current
// one; what the command line names the other way round. The result is absolute if there is such a thing.
std::string resolve_path(const std::string& named, const std::string& experiment_path, const Setting& setting);

// `settings` holds for this variant alone; `path` is the experiment's file (messages, and files named relative to it).
VariantResult build_variant(Settings settings, const std::string& path, const std::vector<std::string>& rule_folders);

}  // namespace eligo
