#include "support/targets.h"

#include <filesystem>
#include <set>

#include <fmt/core.h>

#include "support/error.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

bool is_file(const std::string& path) { return !path.empty() && path != "-"; }

fs::path place_of(const std::string& path) {
  std::error_code error;
  const fs::path place = fs::weakly_canonical(fs::absolute(path, error), error);
  return error ? fs::path(path) : place;
}

}  // namespace

void check_targets(const std::vector<std::string>& targets, const std::vector<std::string>& inputs) {
  std::set<fs::path> seen;
  for (const std::string& path : targets) {
    if (!is_file(path)) continue;
    if (!seen.insert(place_of(path)).second)
      throw Error(fmt::format("{}: is to be written twice; choose another for one of them", path));
    for (const std::string& input : inputs)
      if (is_file(input) && place_of(input) == place_of(path))
        throw Error(fmt::format("{}: is read from; choose another to write to", path));
    std::error_code error;
    const std::string kind = fs::path(path).extension().string();
    if (fs::is_regular_file(path, error) && (kind == ".toml" || kind == ".eli" || kind == ".jsonl"))
      throw Error(fmt::format("{}: is there, and by its name {}; choose another to write to", path,
                              kind == ".toml"  ? "an experiment"
                              : kind == ".eli" ? "a file of rules"
                                               : "a plan or a run's metrics"));
  }
}

}  // namespace eligo
