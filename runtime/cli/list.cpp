#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "dsl/names.h"
#include "runtime/cli/verbs.h"
#include "runtime/experiment.h"
#include "runtime/library.h"
#include "runtime/session.h"
#include "runtime/settings.h"
#include "runtime/tasks/task.h"

namespace eligo::cli {
namespace {

void list_kind(const std::string& heading, const std::string& kind, const std::vector<Item>& items) {
  fmt::print("{}\n", heading);
  for (const auto& item : items) {
    if (item.kind == kind) fmt::print("  {:<18} {}\n", item.name, item.path);
  }
}

void list_tasks() {
  fmt::print("tasks\n");
  for (const auto& kind : task_kinds()) {
    fmt::print("  {:<18} {}\n", kind.name, kind.summary);
    for (const auto& option : kind.options) {
      const std::string value = option.text ? "\"" + option.text_value + "\"" : fmt::format("{}", option.value);
      fmt::print("    {:<16} {} (default {})\n", option.name, option.help, value);
    }
  }
}

void list_all_experiments(const std::vector<std::string>& folders) {
  fmt::print("experiments\n");
  for (const auto& path : list_experiments(folders)) {
    std::string about;
    try {
      const auto settings = read_settings(path);
      if (!settings.base.contains("rule.name") && settings.compare.empty()) continue;  // some other .toml file
      if (const auto found = settings.base.find("description"); found != settings.base.end()) {
        if (const auto* text = std::get_if<std::string>(&found->second.data)) about = *text;
      }
    } catch (const Error&) {
      about = "(not readable: see `eligo check`)";
    }
    fmt::print("  {:<18} {}\n{:21}{}\n", std::filesystem::path(path).stem().string(), path, "", about);
  }
}

}  // namespace

int list(const std::string& what, const std::vector<std::string>& rule_folders) {
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"rules", "rule"}, {"cells", "cell"}, {"synths", "synth"}, {"readouts", "readout"}, {"optimisers", "optimiser"}};
  std::vector<std::string> known = {"tasks", "experiments", "settings"};
  const auto items = list_items(rule_folders);
  bool listed = false;
  for (const auto& [heading, kind] : kinds) {
    known.push_back(heading);
    if (!what.empty() && what != heading) continue;
    list_kind(heading, kind, items);
    listed = true;
  }
  if (what.empty() || what == "tasks") list_tasks();
  if (what.empty() || what == "experiments") list_all_experiments(rule_folders);
  if (what == "settings") fmt::print("settings of an experiment, their defaults and meanings\n{}", describe_settings());
  listed = listed || what == "tasks" || what == "experiments" || what == "settings";
  if (listed) return 0;
  const std::string near = dsl::nearest(what, known);
  throw Error(fmt::format(
      "cannot list {}; {}", what,
      near.empty() ? fmt::format("there are {}", fmt::join(known, ", ")) : fmt::format("did you mean {}?", near)));
}

}  // namespace eligo::cli
