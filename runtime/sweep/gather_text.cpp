#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "dsl/names.h"
#include "runtime/data/csv.h"
#include "runtime/sweep/gather.h"
#include "support/table.h"

namespace eligo {
namespace {

constexpr std::size_t kMostMessages = 20;

std::string unless_zero(std::size_t number) { return number == 0 ? "" : fmt::format("{}", number); }

std::string estimate_text(const GatheredVariant& variant, const char* column) {
  const auto found = variant.estimates.find(column);
  if (found == variant.estimates.end()) return "";
  const Estimate& e = found->second;
  return fmt::format("{:.4g}", e.mean) + (e.standard_error ? fmt::format(" ± {:.2g}", *e.standard_error) : "");
}

// Lines that are to be run, by what is known of them.
std::string unfinished_text(const Plan& plan, const Gathered& gathered) {
  std::string out;
  std::size_t failures = 0;
  std::vector<std::uint64_t> begun, missing;
  for (const PlanLine& line : plan.lines) {
    const LineReport& report = gathered.reports[line.number];
    if (report.state == LineState::begun) begun.push_back(line.number);
    if (report.state == LineState::missing) missing.push_back(line.number);
    if (report.state != LineState::failed || ++failures > kMostMessages) continue;
    std::string message = report.message;
    while (message.ends_with('\n')) message.pop_back();
    out += fmt::format("line {}, {}, seed {}: failed: {}\n", line.number, line.variant, line.seed, message);
  }
  if (failures > kMostMessages)
    out += fmt::format("and {} more failed; --lines has all messages\n", failures - kMostMessages);
  const auto list = [&](const std::vector<std::uint64_t>& numbers, const char* what) {
    if (numbers.empty()) return;
    out += fmt::format("{} of {} lines {}: {}\n", numbers.size(), plan.lines.size(), what, ranges_text(numbers, 12));
  };
  list(begun, "have begun");
  list(missing, "have not begun");
  const std::string elsewhere = gathered.runs == runs_of(plan.path) ? "" : " --out " + gathered.runs;
  if (!out.empty()) out += fmt::format("go on with: eligo sweep run {}{}\n", plan.path, elsewhere);
  return out;
}

std::string number(double value) { return fmt::format("{}", value); }

std::set<std::string> setting_paths(const Plan& plan) {
  std::set<std::string> paths;
  for (const PlanLine& line : plan.lines)
    for (const auto& [path, value] : line.settings) paths.insert(path);
  return paths;
}

std::string setting_cell(const PlanLine& line, const std::string& path) {
  const auto found = line.settings.find(path);
  if (found == line.settings.end()) return "";
  const auto* text = std::get_if<std::string>(&found->second.data);
  return csv_cell(text != nullptr ? *text : found->second.text());
}

const char* state_text(LineState state) {
  switch (state) {
    case LineState::missing: return "missing";
    case LineState::begun: return "begun";
    case LineState::failed: return "failed";
    case LineState::done: return "done";
  }
  return "";
}

}  // namespace

std::string gathered_text(const Plan& plan, const Gathered& gathered) {
  Table table = {{"variant", "count"}};
  for (const Quantity& q : gathered_quantities()) table[0].push_back(q.name);
  for (const char* name : {"diverged", "failed", "missing"}) table[0].push_back(name);
  bool spread = false;
  for (const GatheredVariant& v : gathered.variants) {
    std::vector<std::string> row = {v.name, fmt::format("{}", v.count)};
    for (const Quantity& q : gathered_quantities()) row.push_back(estimate_text(v, q.column));
    for (const std::size_t n : {v.diverged, v.failed, v.missing}) row.push_back(unless_zero(n));
    table.push_back(std::move(row));
    spread = spread || v.count > 1;
  }
  std::string out = table_text(table);
  if (spread) out += "a ± b: mean and standard error of the mean, over as many seeds as `count` says\n";
  return out + unfinished_text(plan, gathered);
}

std::string gathered_csv(const Plan& plan, const Gathered& gathered) {
  const std::set<std::string> paths = setting_paths(plan);
  std::string out = "variant";
  for (const auto& path : paths) out += "," + csv_cell(dsl::ascii(path));
  out += ",count,diverged,failed,missing";
  for (const Quantity& q : gathered_quantities()) out += fmt::format(",{0},{0}_standard_error,{0}_count", q.column);
  out += "\n";
  for (const GatheredVariant& v : gathered.variants) {
    out += csv_cell(v.name);
    for (const auto& path : paths) out += "," + setting_cell(*v.first, path);
    out += fmt::format(",{},{},{},{}", v.count, v.diverged, v.failed, v.missing);
    for (const Quantity& q : gathered_quantities()) {
      const auto found = v.estimates.find(q.column);
      const Estimate e = found == v.estimates.end() ? Estimate{} : found->second;
      out += fmt::format(",{},{},{}", e.count > 0 ? number(e.mean) : "",
                         e.standard_error ? number(*e.standard_error) : "", e.count);
    }
    out += "\n";
  }
  return out;
}

std::string lines_csv(const Plan& plan, const Gathered& gathered) {
  const std::set<std::string> paths = setting_paths(plan);
  std::string out = "line,variant,seed";
  for (const auto& path : paths) out += "," + csv_cell(dsl::ascii(path));
  out += ",state,diverged";
  for (const Quantity& q : gathered_quantities()) out += fmt::format(",{}", q.column);
  out += ",message\n";
  for (const PlanLine& line : plan.lines) {
    const LineReport& report = gathered.reports[line.number];
    const auto value = [&](const char* column) {
      const auto found = report.summary.find(column);
      return found == report.summary.end() ? std::string() : number(found->second);
    };
    out += fmt::format("{},{},{}", line.number, csv_cell(line.variant), line.seed);
    for (const auto& path : paths) out += "," + setting_cell(line, path);
    out += fmt::format(",{},{}", state_text(report.state), value("diverged"));
    for (const Quantity& q : gathered_quantities()) out += "," + value(q.column);
    std::string message = report.message;
    while (message.ends_with('\n')) message.pop_back();
    out += "," + csv_cell(message) + "\n";
  }
  return out;
}

}  // namespace eligo
