#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "dsl/names.h"
#include "runtime/cli/verbs.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/settings.h"
#include "runtime/library/item_notes.h"
#include "runtime/library/library.h"
#include "runtime/environments/environment.h"
#include "runtime/tasks/task.h"
#include "runtime/tools/rules_page.h"
#include "support/error.h"
#include "support/json_text.h"
#include "support/terminal.h"
#include "support/utf8.h"

namespace eligo::cli {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::pair<std::string, std::string>> kKinds = {
    {"rules", "rule"}, {"cells", "cell"}, {"synths", "synth"}, {"readouts", "readout"}, {"optimisers", "optimiser"}};

std::string padded(const std::string& text, int width) {
  return text + std::string(static_cast<std::size_t>(std::max(0, width - dsl::width(text))), ' ');
}

std::string title_of(const KnownItem& one) { return one.checked ? one.notes.title : "(has errors: see `eligo check`)"; }

// Name, title, paper and perhaps the file, each in a column as wide as what it holds, within bounds.
void print_items(const std::string& heading, const std::vector<const KnownItem*>& items, bool paths) {
  if (items.empty()) return;
  constexpr int widest_title = 112;
  int names = 0, titles = 0, papers = 0;
  for (const KnownItem* one : items) {
    names = std::max(names, dsl::width(one->place.name));
    titles = std::max(titles, std::min(widest_title, dsl::width(title_of(*one))));
    papers = std::max(papers, dsl::width(one->notes.paper));
  }
  say(fmt::format("{}\n", heading));
  for (const KnownItem* one : items) {
    std::string line = fmt::format("  {}  {}  {}", padded(one->place.name, names), padded(title_of(*one), titles),
                                   paths ? padded(one->notes.paper, papers) : one->notes.paper);
    if (paths) line += "  " + one->place.path;
    say(fmt::format("{}\n", line.substr(0, line.find_last_not_of(' ') + 1)));
  }
}

void list_kind(const std::string& heading, const std::string& kind, const std::vector<KnownItem>& items, bool paths) {
  std::vector<const KnownItem*> own, tour;
  for (const KnownItem& one : items)
    if (one.place.kind == kind) (one.tour ? tour : own).push_back(&one);
  print_items(heading, own, paths);
  print_items(heading + " of the tour", tour, paths);
}

Json json_of_kind(const std::string& kind, const std::vector<KnownItem>& items, bool paths) {
  Json list = Json::array();
  for (const KnownItem& one : items) {
    if (one.place.kind != kind) continue;
    Json entry = {{"name", one.place.name},
                  {"title", title_of(one)},
                  {"about", one.notes.about},
                  {"paper", one.notes.paper},
                  {"identities", one.notes.identities},
                  {"tests", one.notes.tests},
                  {"notes", one.notes.notes},
                  {"tour", one.tour}};
    if (paths) entry["path"] = one.place.path;
    list.push_back(std::move(entry));
  }
  return list;
}

template <class Kind>
void list_kinds(const char* title, const std::vector<Kind>& kinds) {
  say(fmt::format("{}\n", title));
  for (const auto& kind : kinds) {
    say(fmt::format("  {:<18} {}\n", kind.name, kind.summary));
    for (const auto& option : kind.options) {
      const std::string value = option.text ? "\"" + option.text_value + "\"" : fmt::format("{}", option.value);
      say(fmt::format("    {:<16} {} (default {})\n", option.name, option.help, value));
    }
  }
}

struct ExperimentLine {
  std::string name, about, paper, path;
};

std::string text_of(const Settings& settings, const std::string& name) {
  const auto found = settings.find(name);
  const auto* text = found == settings.end() ? nullptr : std::get_if<std::string>(&found->second.data);
  return text == nullptr ? "" : *text;
}

std::vector<ExperimentLine> experiments_of(const std::vector<std::string>& folders) {
  std::vector<ExperimentLine> lines;
  for (const auto& path : list_experiments(folders)) {
    std::string about, paper;
    try {
      const auto settings = read_settings(path);
      if (!settings.base.contains("rule.name") && settings.compare.empty()) continue;  // some other .toml file
      about = text_of(settings.base, "description");
      paper = text_of(settings.base, "paper");
    } catch (const Error&) {
      about = "(not readable: see `eligo check`)";
    }
    lines.push_back({std::filesystem::path(path).stem().string(), about, paper, path});
  }
  return lines;
}

void list_all_experiments(const std::vector<std::string>& folders, bool paths) {
  const auto lines = experiments_of(folders);
  int names = 0, abouts = 0, papers = 0;
  for (const auto& line : lines) {
    names = std::max(names, dsl::width(line.name));
    abouts = std::max(abouts, dsl::width(line.about));
    papers = std::max(papers, dsl::width(line.paper));
  }
  say("experiments\n");
  for (const auto& line : lines) {
    std::string text = fmt::format("  {}  {}  {}", padded(line.name, names), padded(line.about, abouts),
                                   paths ? padded(line.paper, papers) + "  " + line.path : line.paper);
    say(text.substr(0, text.find_last_not_of(' ') + 1) + "\n");
  }
}

template <class Kind>
Json json_of_kinds(const std::vector<Kind>& kinds) {
  Json list = Json::array();
  for (const auto& kind : kinds) {
    Json options = Json::array();
    for (const auto& option : kind.options) {
      Json entry = {{"name", option.name}, {"help", option.help}};
      if (option.text) entry["default"] = option.text_value;
      else entry["default"] = option.value;
      options.push_back(std::move(entry));
    }
    list.push_back({{"name", kind.name}, {"summary", kind.summary}, {"options", options}});
  }
  return list;
}

Json json_of_experiments(const std::vector<std::string>& folders, bool paths) {
  Json list = Json::array();
  for (const auto& line : experiments_of(folders)) {
    Json entry = {{"name", line.name}, {"description", line.about}, {"paper", line.paper}};
    if (paths) entry["path"] = line.path;
    list.push_back(std::move(entry));
  }
  return list;
}

void check_what(const std::string& what) {
  std::vector<std::string> known = {"tasks", "environments", "experiments", "settings"};
  for (const auto& [heading, kind] : kKinds) known.push_back(heading);
  if (what.empty() || std::find(known.begin(), known.end(), what) != known.end()) return;
  const std::string near = dsl::nearest(what, known);
  throw Error(fmt::format(
      "cannot list {}; {}", what,
      near.empty() ? fmt::format("there are {}", fmt::join(known, ", ")) : fmt::format("did you mean {}?", near)));
}

int list_json(const ListOptions& o, const std::vector<KnownItem>& items) {
  if (o.what == "settings") throw Error("settings are listed as text only; leave out --json");
  Json out = Json::object();
  for (const auto& [heading, kind] : kKinds)
    if (o.what.empty() || o.what == heading) out[heading] = json_of_kind(kind, items, o.paths);
  if (o.what.empty() || o.what == "tasks") out["tasks"] = json_of_kinds(task_kinds());
  if (o.what.empty() || o.what == "environments") out["environments"] = json_of_kinds(environment_kinds());
  if (o.what.empty() || o.what == "experiments") out["experiments"] = json_of_experiments(o.rule_folders, o.paths);
  fmt::print("{}", json_text(std::move(out), 1));
  return 0;
}

}  // namespace

int list(const ListOptions& o) {
  check_what(o.what);
  if (o.what == "settings" && !o.json) {
    say(fmt::format("settings of an experiment, their defaults and meanings\n{}", describe_settings()));
    return 0;
  }
  const auto items = known_items(o.rule_folders);
  if (o.markdown) {
    if (o.what != "rules") throw Error("--markdown makes the page of the rules: `eligo list rules --markdown`");
    fmt::print("{}", rules_page(items, o.rule_folders));
    return 0;
  }
  if (o.json) return list_json(o, items);
  for (const auto& [heading, kind] : kKinds)
    if (o.what.empty() || o.what == heading) list_kind(heading, kind, items, o.paths);
  if (o.what.empty() || o.what == "tasks") list_kinds("tasks", task_kinds());
  if (o.what.empty() || o.what == "environments") list_kinds("environments, given as tasks", environment_kinds());
  if (o.what.empty() || o.what == "experiments") list_all_experiments(o.rule_folders, o.paths);
  return 0;
}

}  // namespace eligo::cli
