#include "runtime/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "dsl/diagnostic.h"
#include "runtime/report/group_cost.h"
#include "support/error.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

std::vector<ReportRun> read_runs(const std::vector<std::string>& folders) {
  std::vector<ReportRun> runs;
  std::set<std::string> seen;
  for (const std::string& folder : folders) {
    std::error_code error;
    const fs::path place = fs::weakly_canonical(folder, error);
    if (!error && !seen.insert(place.string()).second)
      throw Error(fmt::format("{}: the folder is given twice; leave one out", folder));
    runs.push_back(read_run(folder));
  }
  return runs;
}

// What makes two variants the same one.
std::string key_of(const ReportVariant& variant) {
  std::string key = variant.name;
  for (const auto& [path, value] : variant.settings) key += "\n" + path + " = " + value;
  for (const ReportPart& part : variant.parts) key += "\n" + part.kind + " " + part.name + "\n" + part.text;
  return key;
}

bool has_seed_of(const ReportVariant& group, const ReportVariant& other) {
  for (const ReportTraining& a : group.trainings)
    for (const ReportTraining& b : other.trainings)
      if (a.seed == b.seed) return true;
  return false;
}

// A variant whose seeds a group has already is the same training once more, no further repetition: it is kept apart.
void add_variant(Report& report, std::map<std::string, std::size_t>& groups, const ReportRun& run,
                 ReportVariant& variant) {
  const std::string key = key_of(variant);
  const auto known = groups.find(key);
  if (known != groups.end()) {
    ReportGroup& group = report.groups[known->second];
    if (!has_seed_of(group.variant, variant)) {
      for (ReportTraining& training : variant.trainings) group.variant.trainings.push_back(std::move(training));
      group.folders.push_back(run.folder);
      group.variant.session_bytes = std::max(group.variant.session_bytes, variant.session_bytes);
      return;
    }
    report.notes.push_back(
        fmt::format("{} of {} has a seed that {} has too; they are shown apart, for they are no "
                    "repetitions of each other",
                    variant.name, run.folder, group.folders.front()));
  }
  groups.emplace(key, report.groups.size());
  ReportGroup group;
  group.run = run.name;
  group.folders = {run.folder};
  group.variant = std::move(variant);
  report.groups.push_back(std::move(group));
}

// The variant's name, with the experiment's or else the folder's where several groups have the same.
void label(std::vector<ReportGroup>& groups) {
  const auto make_unique = [&](auto longer) {
    std::map<std::string, int> count;
    for (const ReportGroup& group : groups) ++count[group.label];
    for (ReportGroup& group : groups)
      if (count[group.label] > 1) group.label = longer(group);
  };
  for (ReportGroup& group : groups) group.label = group.variant.name;
  make_unique([](const ReportGroup& group) { return fmt::format("{}: {}", group.run, group.variant.name); });
  make_unique(
      [](const ReportGroup& group) { return fmt::format("{} ({})", group.variant.name, group.folders.front()); });
  int number = 0;
  make_unique([&](const ReportGroup& group) { return fmt::format("{} #{}", group.label, ++number); });
}

void find_score(Report& report) {
  std::set<std::pair<std::string, bool>> scores;
  std::set<std::string> levels;
  for (const ReportRun& run : report.runs) {
    if (!run.facts.score.empty()) scores.emplace(run.facts.score, run.facts.score_is_share);
    if (!run.facts.level.empty()) levels.insert(run.facts.level);
  }
  report.level = levels.size() == 1 ? *levels.begin() : "level";
  report.score = scores.size() == 1 ? scores.begin()->first : "score";
  report.score_is_share = scores.size() == 1 && scores.begin()->second;
}

std::string title_of(const std::vector<ReportRun>& runs) {
  std::vector<std::string> names;
  for (const ReportRun& run : runs)
    if (std::find(names.begin(), names.end(), run.name) == names.end()) names.push_back(run.name);
  constexpr std::size_t most = 4;
  if (names.size() <= most) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} experiments", names.size());
}

void note_differences(Report& report) {
  std::set<std::string> tasks;
  for (const ReportGroup& group : report.groups) {
    const auto task = group.variant.settings.find("task.name");
    if (task != group.variant.settings.end()) tasks.insert(task->second);
  }
  if (tasks.size() > 1)
    report.notes.push_back("the runs are of different tasks: their losses and scores are not to be compared");
}

}  // namespace

Report make_report(const std::vector<std::string>& folders) {
  Report report;
  report.runs = read_runs(folders);
  std::map<std::string, std::size_t> groups;
  for (ReportRun& run : report.runs) {
    for (const std::string& note : run.notes) report.notes.push_back(run.folder + ": " + note);
    for (ReportVariant& variant : run.variants) add_variant(report, groups, run, variant);
    run.variants.clear();
  }
  label(report.groups);
  find_score(report);
  report.title = title_of(report.runs);
  note_differences(report);
  for (ReportGroup& group : report.groups) group.cost = group_cost(group.folders.front(), group.variant.name);
  return report;
}

void measure_credit(Report& report) {
  for (ReportGroup& group : report.groups)
    for (ReportTraining& training : group.variant.trainings) {
      if (training.diverged) continue;
      std::string why;
      try {
        const CreditLines& lines =
            group.credit.emplace_back(measure_credit(training.folder, group.variant.name, training.seed));
        double sum = 0;
        for (const Point& point : lines.cosine) sum += point.y;
        if (!lines.cosine.empty()) training.numbers.credit_cosine = sum / static_cast<double>(lines.cosine.size());
      } catch (const Error& error) {
        why = error.what();
      } catch (const dsl::SourceError& error) {
        why = error.what();
      }
      if (!why.empty())
        report.notes.push_back(
            fmt::format("the credit of {}, seed {}, cannot be measured: {}", group.label, training.seed, why));
    }
}

ReportSettings settings_of(const Report& report) {
  ReportSettings settings;
  std::set<std::string> names;
  for (const ReportGroup& group : report.groups)
    for (const auto& [name, value] : group.variant.settings) names.insert(name);
  const auto value_of = [](const ReportGroup& group, const std::string& name) {
    const auto found = group.variant.settings.find(name);
    return found == group.variant.settings.end() ? std::string() : found->second;
  };
  settings.values.resize(report.groups.size());
  for (const std::string& name : names) {
    const std::string first = value_of(report.groups.front(), name);
    const bool same = std::all_of(report.groups.begin(), report.groups.end(),
                                  [&](const ReportGroup& group) { return value_of(group, name) == first; });
    if (same) {
      settings.shared[name] = first;
      continue;
    }
    settings.names.push_back(name);
    for (std::size_t i = 0; i < report.groups.size(); ++i)
      settings.values[i].push_back(value_of(report.groups[i], name));
  }
  return settings;
}

}  // namespace eligo
