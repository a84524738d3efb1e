#include "runtime/report/report_over.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "dsl/names.h"
#include "runtime/experiment/experiment_fields.h"
#include "runtime/report/report_table.h"
#include "support/error.h"

namespace eligo {
namespace {

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> value_over(const Report& report, const ReportGroup& group) {
  const auto found = group.variant.settings.find(report.over);
  return found == group.variant.settings.end() ? std::nullopt : number_of(found->second);
}

// Groups that differ in the setting alone, by its value.
struct Family {
  std::string label;
  std::map<double, std::size_t> groups;
};

// What the groups of a family share. The names of the variants hold the value, and are left out.
std::string key_of(const Report& report, const ReportGroup& group) {
  std::string key = group.run;
  for (const auto& [path, value] : group.variant.settings)
    if (path != report.over) key += "\n" + path + " = " + value;
  for (const ReportPart& part : group.variant.parts) key += "\n" + part.kind + " " + part.name + "\n" + part.text;
  return key;
}

// The variant's name less the setting's part of it (", T = 10", as the lists of an experiment write it).
std::string label_of(const ReportGroup& group, const std::string& over) {
  std::string name = group.label;
  for (const std::string& path : {over, over.substr(over.find('.') + 1)}) {
    const std::size_t at = name.find(", " + path + " = ");
    if (at == std::string::npos) continue;
    const std::size_t end = std::min(name.find(", ", at + 2), name.size());
    return name.erase(at, end - at);
  }
  return name;
}

std::vector<Family> families_of(const Report& report) {
  std::vector<Family> families;
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < report.groups.size(); ++i) {
    const ReportGroup& group = report.groups[i];
    const auto value = value_over(report, group);
    if (!value) continue;
    const auto [at, fresh] = known.emplace(key_of(report, group), families.size());
    if (fresh) families.push_back({label_of(group, report.over), {}});
    families[at->second].groups.emplace(*value, i);
  }
  return families;
}

// What a column has for each seed, a line each.
std::vector<std::vector<Point>> lines_of(const Report& report, const Family& family, const ReportColumn& column) {
  std::map<std::uint64_t, std::vector<Point>> lines;
  for (const auto& [x, index] : family.groups)
    for (const ReportTraining& training : report.groups[index].variant.trainings) {
      const auto y = column.value(training);
      if (y && !training.diverged) lines[training.seed].push_back({x, column.scale * *y});
    }
  std::vector<std::vector<Point>> all;
  for (auto& [seed, line] : lines) all.push_back(std::move(line));
  return all;
}

}  // namespace

void set_over(Report& report, const std::string& setting) {
  report.over = dsl::canonical(setting);
  std::set<std::string> names, texts;
  for (const ReportGroup& group : report.groups)
    for (const auto& [name, value] : group.variant.settings) names.insert(name);
  if (!names.contains(report.over))
    throw Error(fmt::format("--over {}: no variant has this setting{}", setting,
                            suggestion(report.over, {names.begin(), names.end()})));
  for (const Family& family : families_of(report))
    if (family.groups.size() > 1) return;
  for (const ReportGroup& group : report.groups)
    if (const auto found = group.variant.settings.find(report.over); found != group.variant.settings.end())
      texts.insert(found->second);
  throw Error(fmt::format("--over {}: no two variants differ in it alone by a number; it is {}", setting,
                          fmt::join(texts, ", ")));
}

std::vector<ReportChart> charts_over(const Report& report) {
  std::vector<ReportChart> charts;
  if (report.over.empty()) return charts;
  const std::vector<Family> families = families_of(report);
  for (const ReportColumn& column : report_columns(report)) {
    ReportChart chart{"over-" + column.id, column.heading + " over " + report.over, column.heading, column.meaning,
                      report.over,         column.id.ends_with("loss"),             {}};
    for (std::size_t i = 0; i < families.size(); ++i) {
      ReportCurve curve = curve_of(families[i].groups.begin()->second, lines_of(report, families[i], column));
      curve.family = i;
      curve.label = families[i].label;
      chart.curves.push_back(std::move(curve));
    }
    charts.push_back(std::move(chart));
  }
  return charts;
}

}  // namespace eligo
