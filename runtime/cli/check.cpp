#include <fmt/format.h>
#include <filesystem>

#include "dsl/file.h"
#include "dsl/report.h"
#include "runtime/cli/terminal.h"
#include "runtime/cli/verbs.h"
#include "runtime/experiment.h"
#include "runtime/library.h"
#include "runtime/session.h"

namespace eligo::cli {
namespace {

// A path as it is; else the file of an item of that name.
std::string file_of(const std::string& name, const std::vector<std::string>& folders) {
  std::error_code error;
  if (std::filesystem::exists(name, error) || name.find('/') != std::string::npos || name.ends_with(".eli"))
    return name;
  for (const auto& item : list_items(folders)) {
    if (item.name == name) return item.path;
  }
  throw Error(fmt::format("{}: there is neither a file nor an item of this name; `eligo list` shows the items", name));
}

void check_experiment(const std::string& path, const std::vector<std::string>& folders) {
  const Experiment experiment = load_experiment(path, {{}, folders, {}});
  say(fmt::format("{}: {} variants, {} seeds, all settings are good\n", path, experiment.variants.size(),
                  experiment.seeds.size()));
}

}  // namespace

int check(const std::vector<std::string>& files, bool json, const std::vector<std::string>& rule_folders) {
  dsl::Diagnostics all;
  std::string reports;
  for (const auto& name : files) {
    if (name.ends_with(".toml")) {
      check_experiment(name, rule_folders);
      continue;
    }
    dsl::Diagnostics diagnostics;
    const dsl::ParsedFile file = dsl::parse_file(file_of(name, rule_folders), diagnostics);
    if (diagnostics.empty()) dsl::check(file, diagnostics);
    if (diagnostics.empty()) reports += dsl::report(file);
    for (const auto& diagnostic : diagnostics.list()) {
      const dsl::Label* first = diagnostic.labels.empty() ? nullptr : &diagnostic.labels.front();
      auto& copy = all.error(diagnostic.code, diagnostic.message, first != nullptr ? first->source : file.source,
                             first != nullptr ? first->span : dsl::Span{}, first != nullptr ? first->text : "");
      copy = diagnostic;
    }
  }
  if (json) {
    fmt::print("{}\n", dsl::render_json(all));
    return all.empty() ? 0 : 1;
  }
  say(reports);
  if (all.empty()) return 0;
  flush_output();
  complain(dsl::render(all, coloured(stderr), columns(stderr)));
  return 1;
}

}  // namespace eligo::cli
