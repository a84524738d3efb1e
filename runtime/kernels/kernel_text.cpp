#include "runtime/kernels/kernel_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "runtime/machine/timing.h"
#include "support/bytes.h"
#include "support/error.h"

namespace eligo {
namespace {

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string calls_text(double calls) { return calls < 1e6 ? fmt::format("{:.6g}", calls) : count_text(calls); }

// What phases and statements have in common.
std::vector<std::string> cells(const Timed& t, const std::string& name, const std::string& calls) {
  return {name,
          calls,
          count_text(t.operations),
          bytes_text(t.bytes),
          seconds_text(t.seconds),
          percent(t.of_bound()),
          t.bound.by,
          t.operations > 0 ? fmt::format("{:.3g}", t.rate() / 1e9) : ""};
}

std::string spills_text(const compiler::StatementCode& c) {
  return c.spills + c.reloads == 0 ? "0" : fmt::format("{}/{}", c.spills, c.reloads);
}

// Those that take most of a sequence's time; all where `top` is 0.
std::set<const StatementKernel*> longest_statements(const KernelReport& r, std::size_t top) {
  std::vector<std::pair<double, const StatementKernel*>> all;
  for (const PhaseKernel& p : r.phases)
    for (const StatementKernel& s : p.statements) all.emplace_back(p.calls * s.seconds, &s);
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (top > 0 && all.size() > top) all.resize(top);
  std::set<const StatementKernel*> longest;
  for (const auto& [seconds, statement] : all) longest.insert(statement);
  return longest;
}

}  // namespace

std::string tile_text(const compiler::StatementCode& code) {
  const auto numbers = [](const compiler::TileShape& t) { return t.rows * t.columns * t.lanes; };
  const auto largest = std::max_element(code.tiles.begin(), code.tiles.end(),
                                        [&](const auto& a, const auto& b) { return numbers(a) < numbers(b); });
  if (largest == code.tiles.end()) return "";
  if (largest->along_sum) return fmt::format("{}x{} Σ{}", largest->rows, largest->columns, largest->lanes);
  return fmt::format("{}x{}", largest->rows, largest->columns * largest->lanes);
}

std::string kernel_heading(const KernelReport& r) {
  std::string notes;
  for (const std::string& note : r.notes) notes += "note: " + note + "\n";
  return notes + fmt::format("{}: {}\n{}; {}, {} example{} a call, sequences of {} step{}{}\ncode for {}; {}\n", r.rule,
                     r.parts, r.sizes, r.float64 ? "float64" : "float32", r.batch, r.batch == 1 ? "" : "s", r.steps,
                     r.steps == 1 ? "" : "s", r.schedules.empty() ? "" : ", schedule " + r.schedules, r.processor,
                     text(r.machine));
}

Table kernel_table(const KernelReport& r, std::size_t top) {
  const std::set<const StatementKernel*> shown = longest_statements(r, top);
  Table table = {{"phase, statement", "calls", "operations", "bytes", "time", "of bound", "bound by", "GFLOP/s",
                  "vector", "tile", "spills", "code"}};
  for (const PhaseKernel& p : r.phases) {
    table.push_back(cells(p, p.name, calls_text(p.calls)));
    table.back().insert(table.back().end(), {"", "", "", fmt::format("{} B", p.code_bytes)});
    for (const StatementKernel& s : p.statements) {
      if (!shown.contains(&s)) continue;
      const compiler::StatementCode& code = r.codes[s.code];
      table.push_back(cells(s, "  " + s.name, ""));
      table.back().insert(table.back().end(), {std::to_string(code.vector_bits), tile_text(code), spills_text(code),
                                               fmt::format("{} B", code.bytes)});
    }
  }
  return table;
}

std::string kernel_total(const KernelReport& r) {
  const double seconds = r.sequence_seconds();
  return fmt::format("{} in a sequence of {} step{}, {} a step\n", seconds_text(seconds), r.steps,
                     r.steps == 1 ? "" : "s", seconds_text(seconds / static_cast<double>(r.steps)));
}

Table comparison_table(const std::vector<NamedReport>& reports) {
  Table table = {{"time in a sequence"}};
  for (const NamedReport& one : reports) {
    table[0].push_back(one.name);
    if (&one != &reports[0]) table[0].push_back("ratio");
  }
  const auto row = [&](const std::string& name, const auto& seconds_of) {
    table.push_back({name});
    const double first = seconds_of(reports[0].report);
    for (const NamedReport& one : reports) {
      const double seconds = seconds_of(one.report);
      table.back().push_back(seconds > 0 ? seconds_text(seconds) : "-");
      if (&one != &reports[0])
        table.back().push_back(first > 0 && seconds > 0 ? fmt::format("{:.2f}", seconds / first) : "-");
    }
  };
  std::set<std::string> seen;
  for (const NamedReport& one : reports)
    for (const PhaseKernel& p : one.report.phases)
      if (seen.insert(p.name).second)
        row(p.name, [&](const KernelReport& r) { return r.phase(p.name) ? r.phase(p.name)->in_sequence() : 0; });
  row("all", [](const KernelReport& r) { return r.sequence_seconds(); });
  row("all, a step", [](const KernelReport& r) { return r.sequence_seconds() / static_cast<double>(r.steps); });
  return table;
}

std::string comparison_heading(const std::vector<NamedReport>& reports) {
  return fmt::format("side by side, in a sequence of {} steps; a ratio is of the time to that of {}\n",
                     reports[0].report.steps, reports[0].name);
}

std::string kernels_text(const std::vector<NamedReport>& reports, std::size_t top) {
  std::string out;
  for (const NamedReport& one : reports) {
    if (&one != &reports[0]) out += "\n";
    out += kernel_heading(one.report) + "\n" + table_text(kernel_table(one.report, top));
    std::size_t statements = 0;
    for (const PhaseKernel& p : one.report.phases) statements += p.statements.size();
    if (top > 0 && statements > top) out += fmt::format("and {} shorter statements\n", statements - top);
    out += kernel_total(one.report);
  }
  if (reports.size() > 1) out += "\n" + comparison_heading(reports) + table_text(comparison_table(reports));
  return out;
}

std::vector<double> executed_instructions(const StatementKernel& s, const compiler::StatementCode& code) {
  std::vector<double> executed(s.counts.size());
  const auto found = code.texts.find("asm");
  if (found == code.texts.end()) return executed;
  for (const compiler::CodeLine& line : found->second)
    if (line.instruction && line.block >= 0 && static_cast<std::size_t>(line.block) < executed.size())
      executed[static_cast<std::size_t>(line.block)] +=
          static_cast<double>(s.counts[static_cast<std::size_t>(line.block)]);
  return executed;
}

std::vector<FoundStatement> find_statements(const KernelReport& r, const std::string& name) {
  std::vector<FoundStatement> exact, of_equation;
  std::vector<std::pair<std::string, int>> names;  // and how many of each in a phase, at most
  for (const PhaseKernel& p : r.phases) {
    std::map<std::string, int> own;
    for (const StatementKernel& s : p.statements) {
      const int number = ++own[s.label];
      if (s.label == name) of_equation.push_back({&p, &s});
      if (fmt::format("{} #{}", s.label, number) == name) exact.push_back({&p, &s});
      auto known = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.first == s.label; });
      if (known == names.end()) known = names.insert(names.end(), {s.label, 0});
      known->second = std::max(known->second, number);
    }
  }
  if (!exact.empty()) return exact;
  if (of_equation.empty()) {
    std::vector<std::string> shown;
    for (const auto& [label, count] : names)
      shown.push_back(count > 1 ? fmt::format("{0}, also as {0} #1 to #{1}", label, count) : label);
    throw Error(fmt::format("{} has no statement {}; it has: {}", r.rule, name, fmt::join(shown, "; ")));
  }
  return of_equation;
}

std::string code_text(const KernelReport& r, const std::string& name, const std::string& stage) {
  const auto forms = compiler::llvm_backend().forms();
  if (stage != "loops" && std::find(forms.begin(), forms.end(), stage) == forms.end())
    throw Error(fmt::format("there is no stage {} of a statement: it is loops, {}", stage, fmt::join(forms, ", ")));
  std::string out;
  for (const FoundStatement& found : find_statements(r, name)) {
    out += fmt::format("{}{} of {}\n", out.empty() ? "" : "\n", found.statement->name, found.phase->name);
    if (stage == "loops") {
      out += found.statement->loops + "\n";
      continue;
    }
    for (const compiler::CodeLine& line : r.codes[found.statement->code].texts.at(stage)) out += line.text + "\n";
  }
  return out;
}

}  // namespace eligo
