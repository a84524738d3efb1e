// The forms of a report that are text: Markdown and CSV.
#include <fmt/format.h>

#include "runtime/data/csv.h"
#include "runtime/report/page.h"
#include "runtime/report/report_table.h"
#include "support/bytes.h"

namespace eligo {
namespace {

// In a table of Markdown, what would end a cell or begin another element is escaped.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string("|<>&*_`[]\\#~$").find(c) != std::string::npos) out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

std::string table_row(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& text : cells) row += " " + cell(text) + " |";
  return row + "\n";
}

std::string rule_below(std::size_t columns) {
  std::string rule = "|---|";
  for (std::size_t i = 1; i < columns; ++i) rule += "---:|";
  return rule + "\n";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::string out = table_row(rows[0]) + rule_below(rows[0].size());
  for (std::size_t i = 1; i < rows.size(); ++i) out += table_row(rows[i]);
  return out + "\n";
}

std::string results(const Report& report) {
  const auto columns = report_columns(report);
  std::vector<std::vector<std::string>> rows = {{"variant", "seeds"}};
  for (const ReportColumn& column : columns) rows[0].push_back(column.heading);
  for (const ReportGroup& group : report.groups) {
    rows.push_back({group.label, seeds_text(group)});
    for (const ReportColumn& column : columns) rows.back().push_back(estimate_text(estimate_of(group, column)));
  }
  return "## Results\n\n" + table(rows) +
         "Mean over the seeds ± the standard error of the mean; a single seed has none. Trainings that diverged are "
         "counted, but not averaged.\n\n";
}

std::string costs(const Report& report) {
  std::vector<std::vector<std::string>> rows = {
      {"variant", "parameters", "session", "operations: net", "operations: rule", "moved", "schedule"}};
  for (const ReportGroup& group : report.groups) {
    const auto& v = group.variant;
    std::vector<std::string> row = {group.label, v.parameters > 0 ? count_text(static_cast<double>(v.parameters)) : "",
                                    v.session_bytes > 0 ? readable_bytes(v.session_bytes) : ""};
    if (group.cost)
      row.insert(row.end(), {count_text(group.cost->forward), count_text(group.cost->learning),
                             bytes_text(group.cost->moved), group.cost->schedule});
    row.resize(rows[0].size());
    rows.push_back(row);
  }
  return "## Cost\n\n" + table(rows) +
         "Operations and bytes moved are of one step and example, by the compiler's counts.\n\n";
}

std::string settings(const Report& report) {
  const ReportSettings all = settings_of(report);
  std::string out;
  if (!all.names.empty()) {
    std::vector<std::vector<std::string>> rows = {{"variant"}};
    rows[0].insert(rows[0].end(), all.names.begin(), all.names.end());
    for (std::size_t i = 0; i < report.groups.size(); ++i) {
      rows.push_back({report.groups[i].label});
      rows.back().insert(rows.back().end(), all.values[i].begin(), all.values[i].end());
    }
    out += "## Settings that differ\n\n" + table(rows);
  }
  std::vector<std::vector<std::string>> rows = {{"setting", "value"}};
  for (const auto& [name, value] : all.shared) rows.push_back({name, value});
  return out + "## Settings of all\n\n" + table(rows);
}

std::string runs(const Report& report) {
  std::string out = "## Runs\n\n";
  for (const ReportRun& run : report.runs) {
    out += fmt::format("- {}{}: {}", cell(run.folder),
                       run.description.empty() ? "" : fmt::format(" ({})", cell(run.description)),
                       cell(state_text(report, run)));
    if (!run.facts.task.empty()) out += "; " + cell(run.facts.task);
    for (const auto& s : run.facts.stretches)
      out += cell(fmt::format("; eligo {}, {}, {} cores, {} threads, {}, from {} to {}", s.version, s.processor,
                              s.cores, s.threads, s.system, s.began, s.ended));
    out += "\n";
  }
  return out + "\n";
}

}  // namespace

std::string report_markdown(const Report& report) {
  std::string out = fmt::format("# {}\n\n", cell(report.title));
  for (const std::string& note : report.notes) out += fmt::format("Note: {}.\n\n", cell(note));
  out += results(report) + costs(report) + settings(report) + runs(report);
  out.pop_back();
  return out;
}

std::string report_csv(const Report& report) {
  const auto columns = report_columns(report);
  std::string out = "variant,seeds,ended,diverged";
  for (const ReportColumn& column : columns) out += fmt::format(",{0},{0}_standard_error,{0}_count", column.id);
  out += "\n";
  for (const ReportGroup& group : report.groups) {
    std::size_t ended = 0, diverged = 0;
    for (const ReportTraining& training : group.variant.trainings) {
      ended += training.complete ? 1 : 0;
      diverged += training.diverged ? 1 : 0;
    }
    out += fmt::format("{},{},{},{}", csv_cell(group.label), group.variant.trainings.size(), ended, diverged);
    for (ReportColumn column : columns) {
      column.scale = 1;
      const Estimate e = estimate_of(group, column);
      if (e.count == 0) out += ",,,0";
      else if (!e.standard_error) out += fmt::format(",{},,1", e.mean);
      else out += fmt::format(",{},{},{}", e.mean, *e.standard_error, e.count);
    }
    out += "\n";
  }
  return out;
}

}  // namespace eligo
