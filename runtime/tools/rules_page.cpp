#include "runtime/tools/rules_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "dsl/parser.h"
#include "dsl/report.h"
#include "runtime/library/default_parts.h"
#include "support/bytes.h"
#include "support/error.h"

namespace eligo {
namespace {

constexpr FitSizes kSizes = {32, 10, 2, 3};

const char* const kIntroduction =
    R"(# Rules

Every rule of the library, from its file: `eligo list rules --markdown` makes this page, and a test holds it against the files.
To change it, change the comment above the rule, then run `cmake --build build --target rules_page`.

)";

const char* const kCosts =
    R"(Costs are the compiler's own counts, at 32 units (or the sizes said), 10 inputs, 2 targets and a batch of 32 (float32). Operations and bytes
moved are of one step and example: *forward* those of the net and its loss, *learning* those of the rule (for each step that it revises
as well, if it does), *a window* what it does once for each. *Carried* are the bytes that a session keeps for one example, with what each step of the sequence adds
where they grow with it. The *schedule* says how forward recurrences are carried: *dense*, every entry; *structured*, what is
provably zero or the same left out; *reverse*, not at all, but as their transposed recurrence on the way back, which needs updates that
wait for the end of a sequence.
)";

// In a table's cell, bars and line ends would end it.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}

std::string headline(const std::string& report) {
  const std::string first = report.substr(0, report.find('\n'));
  const std::size_t colon = first.find(": ");
  return colon == std::string::npos ? "" : first.substr(colon + 2);
}

std::string source_of(const KnownItem& one) {
  const dsl::Span span = one.item().span;
  return one.checked->source->text.substr(span.begin, span.end - span.begin);
}

std::string index(const std::vector<const KnownItem*>& rules) {
  std::string out = "| rule | | paper | |\n|---|---|---|---|\n";
  for (const KnownItem* one : rules)
    out += fmt::format("| [{0}](#{0}) | {1} | {2} | {3} |\n", one->place.name, cell(one->notes.title),
                       cell(one->notes.paper), headline(dsl::report({one->checked})));
  return out + "\n";
}

std::string range(const dsl::Declaration& decl) {
  return decl.low && decl.high ? fmt::format("[{}, {}]", dsl::print(*decl.low), dsl::print(*decl.high)) : "";
}

std::string hypers(const dsl::Item& item) {
  std::string rows;
  for (const auto& entry : item.header) {
    if (entry.kind != dsl::HeaderEntry::Kind::size || !(entry.value || entry.all)) continue;
    rows += fmt::format("| {} | {} | whole, or `all` | |\n", entry.name,
                        entry.all ? "all" : fmt::format("{}", *entry.value));
  }
  for (const auto& statement : item.statements) {
    if (statement.kind != dsl::StatementKind::hyper) continue;
    for (const auto& decl : statement.decls) {
      const std::string value = decl.init.args.empty() ? "" : dsl::print(*decl.init.args[0]);
      std::string meaning = statement.trailing;
      meaning.erase(0, std::min(meaning.size(), meaning.find_first_not_of("# ")));
      rows += fmt::format("| {} | {} | {} | {} |\n", decl.name, value, range(decl), cell(meaning));
    }
  }
  return rows.empty() ? "" : "| hyper | default | range | |\n|---|---|---|---|\n" + rows + "\n";
}

std::string cost_row(const RuleCost& c) {
  std::string carried = bytes_text(c.carried);
  if (c.carried_step > 0) carried += fmt::format(" + {} a step", bytes_text(c.carried_step));
  std::string learning = count_text(c.learning);
  if (c.revision > 0) learning += fmt::format(" + {} a revised step", count_text(c.revision));
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", c.parts, c.schedule, count_text(c.forward), learning,
                     c.window > 0 ? count_text(c.window) : "", bytes_text(c.moved), carried);
}

std::optional<RuleCost> cost_on(const std::string& rule, const std::string& cell_name,
                                const std::vector<std::string>& folders, const char* schedule) {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = cell_name;
  spec.rule_paths = folders;
  spec.schedule[""] = schedule;
  try {
    return rule_cost(fitting(spec, kSizes));
  } catch (const std::exception&) {
    return std::nullopt;  // a rule may ask for more than this cell has
  }
}

// A row for what the rule says, and one for what the compiler makes of it where that is another schedule.
std::string cost_rows(const std::string& rule, const std::string& cell_name, const std::vector<std::string>& folders) {
  const auto carried = cost_on(rule, cell_name, folders, "dense"), chosen = cost_on(rule, cell_name, folders, "auto");
  std::string rows;
  if (carried) rows += cost_row(*carried);
  if (carried && chosen && chosen->schedule != carried->schedule) rows += cost_row(*chosen);
  return rows;
}

std::string costs(const std::string& rule, const std::vector<std::string>& folders) {
  std::string rows;
  for (const char* name : {"rnn_tanh", "lstm"}) rows += cost_rows(rule, name, folders);
  if (rows.empty()) rows = cost_rows(rule, "", folders);
  if (rows.empty()) return "Nothing of the library fits its roles, so its cost is not known.\n\n";
  return "| parts | schedule | forward | learning | a window | moved | carried |\n|---|---|---|---|---|---|---|\n" +
         rows + "\n";
}

std::string list_of(const char* heading, const std::vector<std::string>& entries) {
  if (entries.empty()) return "";
  std::string out = fmt::format("{}:\n\n", heading);
  for (const auto& entry : entries) out += fmt::format("- {}\n", entry);
  return out + "\n";
}

std::string section(const KnownItem& one, const std::vector<std::string>& folders) {
  std::string out = fmt::format("## {}\n\n", one.place.name);
  if (!one.notes.title.empty()) out += fmt::format("{}.", one.notes.title);
  if (!one.notes.about.empty()) out += fmt::format(" {}", one.notes.about);
  out += "\n\n";
  if (!one.notes.paper.empty()) out += fmt::format("{}.\n\n", one.notes.paper);
  out += fmt::format("```eli\n{}\n```\n\n", source_of(one));
  out += hypers(one.item());
  const std::string report = dsl::report({one.checked});
  out += fmt::format("```text\n{}```\n\n", report);
  out += costs(one.place.name, folders);
  out += list_of("Identities", one.notes.identities);
  if (!one.notes.tests.empty()) out += fmt::format("Proved by `{}`.\n\n", fmt::join(one.notes.tests, "`, `"));
  out += list_of("Notes", one.notes.notes);
  return out;
}

std::string sizes_of(const dsl::Item& item) {
  std::vector<std::string> sizes;
  for (const auto& entry : item.header)
    if (entry.kind == dsl::HeaderEntry::Kind::size) sizes.push_back(entry.name);
  return fmt::format("{}", fmt::join(sizes, ", "));
}

std::string declared(const dsl::Item& item, dsl::StatementKind kind) {
  std::vector<std::string> names;
  for (const auto& statement : item.statements) {
    if (statement.kind != kind) continue;
    for (const auto& decl : statement.decls) {
      const std::string axes = decl.axes.empty() ? "" : fmt::format("[{}]", fmt::join(decl.axes, ", "));
      names.push_back(
          decl.name + axes +
          (kind == dsl::StatementKind::hyper && !decl.init.args.empty() ? " = " + dsl::print(*decl.init.args[0]) : ""));
    }
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// A short table of what rules are put together with.
std::string parts_table(const std::vector<KnownItem>& items, const std::string& kind, const std::string& heading) {
  const bool optimiser = kind == "optimiser";
  std::string out = fmt::format("## {}\n\n| | | {} | {} | {} |\n|---|---|---|---|---|\n", heading,
                                optimiser ? "header" : "sizes", optimiser ? "keeps" : "parameters", "hypers");
  for (const KnownItem& one : items) {
    if (one.place.kind != kind || one.tour || !one.checked) continue;
    std::string about = one.notes.title;
    if (!one.notes.paper.empty()) about += (about.empty() ? "" : "; ") + one.notes.paper;
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", one.place.name, cell(about), sizes_of(one.item()),
                       cell(declared(one.item(), optimiser ? dsl::StatementKind::keep : dsl::StatementKind::param)),
                       cell(declared(one.item(), dsl::StatementKind::hyper)));
  }
  return out + "\n";
}

}  // namespace

std::string rules_page(const std::vector<KnownItem>& items, const std::vector<std::string>& rule_folders) {
  std::vector<const KnownItem*> rules;
  for (const KnownItem& one : items) {
    if (one.place.kind != "rule" || one.tour) continue;
    if (!one.checked) throw Error(fmt::format("{}: has errors: `eligo check` shows them", one.place.path));
    rules.push_back(&one);
  }
  std::string out = kIntroduction + index(rules) + kCosts + "\n";
  for (const KnownItem* one : rules) out += section(*one, rule_folders);
  out += "The rules of the tour are explained in [tour.md](tour.md).\n\n";
  for (const auto& [kind, heading] : {std::pair("cell", "Cells"), std::pair("readout", "Readouts"),
                                      std::pair("synth", "Synthesisers"), std::pair("optimiser", "Optimisers")})
    out += parts_table(items, kind, heading);
  out.pop_back();
  return out;
}

}  // namespace eligo
