// One or many runs as one report: trainings of the same variant are repetitions of it, whatever folder they lie in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/report/credit.h"
#include "runtime/report/run_reader.h"
#include "runtime/tools/rules_page.h"

namespace eligo {

// Trainings with the same name, settings and rules, which differ in their seeds alone.
struct ReportGroup {
  std::string label;      // differs between groups: the variant's name, with the run's where that is not enough
  std::string run;        // the name of the first one's experiment
  ReportVariant variant;  // with the trainings of all its folders
  std::vector<CreditLines> credit;  // of its trainings, where it was measured
  std::optional<RuleCost> cost;     // the compiler's counts; empty: not known here
  std::vector<std::string> folders;
};

struct Report {
  std::string title;
  std::string score;            // how all tasks call their score; "score" where they differ
  bool score_is_share = false;  // shown in per cent
  std::string level;            // how all curricula call their levels; "level" where they differ
  std::vector<ReportRun> runs;  // their variants are in the groups
  std::vector<ReportGroup> groups;
  std::vector<std::string> notes;
  std::string over;  // a setting over which the results are drawn, such as "task.T"; empty: none
};

// Throws eligo::Error: a folder is no run, damaged, or given twice.
Report make_report(const std::vector<std::string>& folders);

// Runs the nets of all checkpoints once more to see how their rules credit the steps. What cannot be measured is a
// note.
void measure_credit(Report& report);

// The settings that are the same for all groups, and by group those that are not; "" where a group has none.
struct ReportSettings {
  std::map<std::string, std::string> shared;
  std::vector<std::string> names;                // of those that differ
  std::vector<std::vector<std::string>> values;  // by group, in the order of `names`
};
ReportSettings settings_of(const Report& report);

}  // namespace eligo
