#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/tools/explain.h"
#include "support/bytes.h"
#include "support/json_text.h"
#include "support/utf8.h"

namespace eligo {
namespace {

using Json = nlohmann::ordered_json;
using Cells = std::vector<std::string>;

std::string right(const std::string& text, int width) {
  return std::string(static_cast<std::size_t>(std::max(0, width - dsl::width(text))), ' ') + text;
}

std::string left(const std::string& text, int width) {
  return text + std::string(static_cast<std::size_t>(std::max(0, width - dsl::width(text))), ' ');
}

// Columns as wide as their widest cell; the first ones to the left, the others to the right.
std::string table(const std::vector<Cells>& rows, std::size_t left_columns, const std::string& indent) {
  std::vector<int> widths;
  for (const Cells& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i)
      if (i + 1 < row.size() || i > 0) widths[i] = std::max(widths[i], dsl::width(row[i]));
  }
  std::string out;
  for (const Cells& row : rows) {
    std::string line = indent;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += (i ? "  " : "") +
              (i < left_columns || i + 1 == row.size() ? left(row[i], widths[i]) : right(row[i], widths[i]));
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

// A list of words, cut where the line is full.
std::string wrapped(const std::string& text, int width, const std::string& indent) {
  std::string out, line;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t next = text.find(' ', at);
    if (next == std::string::npos) next = text.size();
    const std::string word = text.substr(at, next - at);
    if (!line.empty() && dsl::width(line) + dsl::width(word) + 1 > width) {
      out += indent + line + "\n";
      line = "  ";
    }
    line += (line.empty() || line == "  " ? "" : " ") + word;
    at = next + 1;
  }
  return out + indent + line + "\n";
}

constexpr int page = 118;

std::string work_text(const Work& w) {
  return fmt::format("{}: {} operations, {}, {:.2g} operations a byte: {}", w.when, count_text(w.operations),
                     bytes_text(w.bytes), w.intensity, w.by_memory ? "memory" : "arithmetic");
}

std::string equation_text(const EquationReport& e) {
  std::string head = e.text.empty() ? e.name : e.text;
  if (!e.shape.empty()) head += "   " + e.shape;
  std::string out = wrapped(head, page, "  ");
  for (const auto& [block, formula] : e.structure)
    out += wrapped((block.empty() ? "" : block + " ") + "= " + formula, page - 4, "      ");
  if (!e.shared.empty())
    out += wrapped(fmt::format("shared by the batch: {}", fmt::join(e.shared, ", ")), page - 4, "      ");
  if (!e.remark.empty()) out += "      " + e.remark + "\n";
  if (!e.readers.empty())
    out += wrapped(fmt::format("counted where it is read: in {}", fmt::join(e.readers, ", ")), page - 4, "      ");
  for (const Work& w : e.work) out += "      " + work_text(w) + "\n";
  return out;
}

bool refused(const compiler::ScheduleChoice& c) { return !c.exact && c.operations == 0; }

std::string fused_text(const LoopsReport& l) {
  std::string at_a_time = fmt::format("{} of {} at a time", l.at_a_time, l.extent);
  if (l.examples > 0) at_a_time += fmt::format(", {} examples", l.examples);
  std::string out = fmt::format("{}: {} statements together, {}: they hand each other {} a call", l.phase, l.statements,
                                at_a_time, bytes_text(l.handed_on));
  if (l.shrunk > 0) out += fmt::format("; {} scratch {} only what a part needs", l.shrunk,
                                       l.shrunk == 1 ? "buffer holds" : "buffers hold");
  return wrapped(out, page, "  ") + wrapped(fmt::format("of {}", fmt::join(l.lines, ", ")), page - 4, "      ");
}

// Which statements run together, and why the others do not.
std::string loops_text(const Explanation& e) {
  std::string out;
  std::vector<std::string> little, apart;
  for (const LoopsReport& l : e.loops) {
    if (l.statements > 0) out += fused_text(l);
    else (l.handed_on < e.fused_from ? little : apart).push_back(fmt::format("{} {}", l.phase, bytes_text(l.handed_on)));
  }
  if (!apart.empty())
    out += wrapped(fmt::format("one after another, since what they hand each other ({}) shares no loop in which each "
                               "part is written before it is read", fmt::join(apart, ", ")), page, "  ");
  if (!little.empty())
    out += wrapped(fmt::format("one after another, since they hand each other less than {} a call, which a core's cache "
                               "holds: {}", bytes_text(e.fused_from), fmt::join(little, ", ")), page, "  ");
  return out;
}

// What is to be said of each: why it could not be chosen, or was not.
std::string why_not(const compiler::RecurrenceSchedules& r) {
  std::string out;
  for (const compiler::ScheduleChoice& c : r.choices)
    if (!c.reason.empty())
      out += wrapped(fmt::format("{}{}: {}", c.chosen ? "" : "why not ", c.name, c.reason), page - 4, "    ");
  return out;
}

}  // namespace

std::string schedules_text(const std::vector<compiler::RecurrenceSchedules>& recurrences) {
  std::string out;
  for (const auto& r : recurrences) {
    std::vector<Cells> rows = {{"  " + r.name, "operations", "moved", "session", "exact"}};
    for (const compiler::ScheduleChoice& c : r.choices) {
      const std::string name = (c.chosen ? "→ " : "  ") + c.name;
      if (refused(c)) rows.push_back({name, "-", "-", "-", "refused"});
      else
        rows.push_back(
            {name, count_text(c.operations), bytes_text(c.bytes), bytes_text(c.memory), c.exact ? "yes" : "no"});
    }
    out += table(rows, 1, "  ") + why_not(r);
  }
  return out;
}

std::string explain_text(const Explanation& e) {
  std::string out = fmt::format("{}: {}\n{}; batch {}, {} steps, {}\n{}\n", e.rule, e.parts, e.sizes, e.batch, e.steps,
                                e.float64 ? "float64" : "float32", e.headline);
  for (const std::string& warning : e.warnings) out += wrapped("warning: " + warning, page, "  ");
  const std::vector<std::pair<std::string, std::string>> groups = {
      {"net", "net and readout"}, {"rule", "rule"}, {"update", "updates, in all"}};
  for (const auto& [group, heading] : groups) {
    std::string own;
    for (const auto& one : e.equations)
      if (one.group == group) own += equation_text(one);
    if (!own.empty()) out += fmt::format("\n{}\n{}", heading, own);
  }
  if (!e.recurrences.empty())
    out += "\nschedules; operations and bytes moved by net and rule, of a step and example\n" +
           schedules_text(e.recurrences);
  if (const std::string loops = loops_text(e); !loops.empty()) out += "\nloops of each phase's statements\n" + loops;
  out += "\nin all, for an example\n";
  std::vector<Cells> rows;
  for (const Work& w : e.totals)
    rows.push_back({w.when, count_text(w.operations) + " operations", bytes_text(w.bytes)});
  out += table(rows, 1, "  ") + fmt::format("\nthe session holds {}\n", bytes_text(e.memory));
  out += fmt::format("bounds: {:.3g} operations a byte from the caches, {:.3g} from memory ({})\n", e.balance.cache,
                     e.balance.memory, e.balance.source);
  return out;
}

namespace {

Json work_json(const std::vector<Work>& work) {
  Json out = Json::array();
  for (const Work& w : work)
    out.push_back({{"when", w.when},
                   {"phases", w.phases},
                   {"operations", w.operations},
                   {"bytes", w.bytes},
                   {"operations_a_byte", w.intensity},
                   {"bound", w.by_memory ? "memory" : "arithmetic"}});
  return out;
}

}  // namespace

std::string explain_json(const Explanation& e) {
  Json out = {{"rule", e.rule},
              {"parts", e.parts},
              {"batch", e.batch},
              {"steps", e.steps},
              {"dtype", e.float64 ? "f64" : "f32"},
              {"warnings", e.warnings},
              {"totals", work_json(e.totals)},
              {"memory", e.memory},
              {"balance", {{"cache", e.balance.cache}, {"memory", e.balance.memory}, {"source", e.balance.source}}}};
  out["equations"] = Json::array();
  for (const auto& one : e.equations) {
    Json line = {{"name", one.name}, {"group", one.group}, {"text", one.text}, {"shape", one.shape}};
    line["structure"] = Json::array();
    for (const auto& [block, formula] : one.structure)
      line["structure"].push_back({{"block", block}, {"formula", formula}});
    line["shared"] = one.shared;
    line["remark"] = one.remark;
    line["read_in"] = one.readers;
    line["work"] = work_json(one.work);
    out["equations"].push_back(std::move(line));
  }
  out["loops"] = Json::array();
  for (const LoopsReport& l : e.loops)
    out["loops"].push_back({{"phase", l.phase},
                            {"lines", l.lines},
                            {"statements", l.statements},
                            {"extent", l.extent},
                            {"at_a_time", l.at_a_time},
                            {"examples", l.examples},
                            {"shrunk", l.shrunk},
                            {"handed_on", l.handed_on}});
  out["recurrences"] = Json::array();
  for (const auto& r : e.recurrences) {
    Json one = {{"name", r.name}, {"schedules", Json::array()}};
    for (const compiler::ScheduleChoice& c : r.choices)
      one["schedules"].push_back({{"name", c.name},
                                  {"operations", c.operations},
                                  {"bytes", c.bytes},
                                  {"memory", c.memory},
                                  {"exact", c.exact},
                                  {"reason", c.reason},
                                  {"chosen", c.chosen}});
    out["recurrences"].push_back(std::move(one));
  }
  return json_text(std::move(out), 2);
}

}  // namespace eligo
