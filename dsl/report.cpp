#include "dsl/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dsl/locality.h"
#include "dsl/parse_statement.h"
#include "dsl/parser.h"
#include "dsl/time.h"
#include "support/utf8.h"

namespace eligo::dsl {
namespace {

using Json = nlohmann::ordered_json;

// Text and JSON are made from the same description.
struct NameLine {
  std::string name, axes, direction;
  int ahead = 0;
  bool holds_at_start = false, window_complete = false, record = false;
};
struct LearnLine {
  std::string word, name, when, needs;  // `learn θ`, or `θ :=` of a block
  std::string clip;                     // the bound of what a step adds, or empty
  bool from_start = false;
  int ahead = 0;
};
struct DeclarationLine {
  std::string word;
  std::vector<std::string> names;  // W[n, n]
};
struct Description {
  const Item* item = nullptr;
  std::vector<DeclarationLine> declarations;
  std::vector<NameLine> names;
  std::vector<LearnLine> learns;
  std::string output;  // cell: what readouts read
  bool online = true;
  int ahead = 0;
};

std::string_view word_of(Direction d) {
  return d == Direction::forward ? "forward" : d == Direction::backward ? "backward" : "";
}

std::string shown(const Shape& shape, const Scope& scope) {
  return shape.is_known() ? scope.shown(shape.axes) : "as its parts say";
}

std::string when(const LearnTime& time) {
  if (time.when == LineWhen::close) return "once a window";
  if (time.when == LineWhen::sweep) return "each step, when its window is complete";
  if (time.ahead == 0) return "each step, on its arrival";
  return fmt::format("each step, on the arrival of step t+{}", time.ahead);
}

class Describe {
 public:
  explicit Describe(const TypedItem& item)
      : typed_(item), item_(item.syntax), scope_(item.scope), time_(item.time) {
    out_.item = &item.syntax;
  }

  Description run() {
    declarations();
    out_.online = time_.online;
    out_.ahead = time_.ahead;
    for (const Statement& s : item_.statements) {
      const bool equation = (s.kind == StatementKind::equation && s.assign == AssignKind::define) ||
                            (s.kind == StatementKind::output && s.has_equation);
      if (equation) name(s);
    }
    std::size_t n = 0;
    for (const Statement& s : item_.statements) {
      if (s.kind == StatementKind::learn) learn(s, time_.learns[n++]);
      for (const Statement& inner : s.body) {
        if (inner.assign == AssignKind::assign) assignment(s, inner);
      }
    }
    if (item_.kind == ItemKind::cell) out_.output = typed_.output_name;
    return std::move(out_);
  }

 private:
  void declarations() {
    for (const Statement& s : item_.statements) {
      if (s.kind == StatementKind::axis) entry("axis", fmt::format("{} = {{{}}}", s.name, fmt::join(s.members, ", ")));
      if (s.kind == StatementKind::window) entry("window", print(*s.value) + (s.short_first ? ", short first" : ""));
      for (const Declaration& d : s.decls) {
        const std::string axes = d.axes.empty() ? "" : fmt::format("[{}]", fmt::join(d.axes, ", "));
        entry(dsl::word_of(s.kind), d.name + axes + (d.per_step ? " per step" : ""));
      }
    }
  }

  // Neighbouring lines of one kind become one.
  void entry(std::string_view word, std::string name) {
    if (out_.declarations.empty() || out_.declarations.back().word != word) {
      out_.declarations.push_back({std::string(word), {}});
    }
    out_.declarations.back().names.push_back(std::move(name));
  }

  void name(const Statement& s) {
    const bool known =
        std::any_of(out_.names.begin(), out_.names.end(), [&](const NameLine& n) { return n.name == s.name; });
    if (known) return;
    NameLine line;
    line.name = s.name;
    line.record = s.record;
    line.axes = shown(typed_.equations.at(s.name).shape, scope_);
    const auto time = time_.names.find(s.name);
    if (time != time_.names.end()) {
      line.direction = word_of(time->second.direction);
      line.ahead = time->second.ahead;
      line.holds_at_start = time->second.holds_at_start;
      line.window_complete = time->second.window_complete;
    }
    out_.names.push_back(std::move(line));
  }

  void learn(const Statement& s, const LearnTime& time) {
    out_.learns.push_back({"learn", s.name, when(time), describe(locality_of(s, scope_, time_), scope_, s.name),
                           s.clip ? print(*s.clip) : "", time.from_start, time.ahead});
  }

  void assignment(const Statement& block, const Statement& s) {
    const bool each = block.kind == StatementKind::at_each;
    const std::string span = each ? "all steps so far" : block.over_time ? "the batch, all steps" : "the batch";
    out_.learns.push_back({"assign", s.name, each ? "at each step, on its arrival" : "once a batch",
                           describe(locality_of(block, scope_, time_), scope_, s.name, span), "", false, 0});
  }

  const TypedItem& typed_;
  const Item& item_;
  const Scope& scope_;
  const RuleTime& time_;
  Description out_;
};

std::string padded(std::string_view text, int to) {
  return std::string(text) + std::string(static_cast<std::size_t>(std::max(0, to - width(text))), ' ');
}

std::string headline(const Description& d) {
  std::string out = fmt::format("{} {}", dsl::word_of(d.item->kind), d.item->name);
  if (d.item->kind != ItemKind::rule) return out;
  const bool backward =
      std::any_of(d.names.begin(), d.names.end(), [](const NameLine& n) { return n.direction == "backward"; });
  if (backward) return out + ": not online, runs backward over the window";
  if (!d.online) return out + ": not online, waits for the end of the window";
  return out +
         (d.ahead == 0 ? ": online" : fmt::format(": online, looks {} step{} ahead", d.ahead, d.ahead == 1 ? "" : "s"));
}

std::string remarks(const NameLine& n) {
  std::vector<std::string> parts;
  if (!n.direction.empty()) parts.push_back("runs " + n.direction);
  if (n.ahead > 0 && n.direction != "backward") parts.push_back(fmt::format("looks ahead by {}", n.ahead));
  if (n.window_complete && n.direction.empty()) parts.push_back("known when the window is complete");
  if (n.record) parts.push_back("kept as it was on arrival");
  if (n.holds_at_start) parts.push_back("holds at start");
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string text(const Description& d) {
  std::string out = headline(d) + "\n";
  for (const DeclarationLine& line : d.declarations)
    out += fmt::format("  {:<7} {}\n", line.word, fmt::join(line.names, ", "));
  int names = 0, axes = 0;
  for (const NameLine& n : d.names) {
    names = std::max(names, width(n.name));
    axes = std::max(axes, width(n.axes));
  }
  if (!d.names.empty()) out += "  equations\n";
  for (const NameLine& n : d.names) {
    std::string line = fmt::format("    {}  {}  {}", padded(n.name, names), padded(n.axes, axes), remarks(n));
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  if (!d.output.empty()) out += fmt::format("  output  {}\n", d.output);
  for (const LearnLine& l : d.learns) {
    const std::string clip = l.clip.empty() ? "" : fmt::format(", clipped to {}", l.clip);
    out += fmt::format("  {} {}  {}{}{}\n", l.word, l.name, l.when, l.from_start ? ", from the start on" : "", clip);
    out += fmt::format("    knows {}\n", l.needs);
  }
  return out;
}

Json json(const Description& d) {
  Json out = {{"kind", dsl::word_of(d.item->kind)}, {"name", d.item->name}};
  if (d.item->kind == ItemKind::rule) {
    out["online"] = d.online;
    out["ahead"] = d.ahead;
  }
  out["declarations"] = Json::array();
  for (const DeclarationLine& line : d.declarations)
    out["declarations"].push_back({{"word", line.word}, {"names", line.names}});
  out["equations"] = Json::array();
  for (const NameLine& n : d.names) {
    Json one = {{"name", n.name}, {"axes", n.axes}};
    if (d.item->kind == ItemKind::rule) {
      one["direction"] = n.direction.empty() ? "none" : n.direction;
      one["ahead"] = n.ahead;
      one["holds_at_start"] = n.holds_at_start;
      one["window_complete"] = n.window_complete;
    }
    out["equations"].push_back(std::move(one));
  }
  if (!d.output.empty()) out["output"] = d.output;
  if (d.item->kind != ItemKind::rule) return out;
  out["learns"] = Json::array();
  for (const LearnLine& l : d.learns) {
    out["learns"].push_back({{"word", l.word},
                             {"name", l.name},
                             {"when", l.when},
                             {"ahead", l.ahead},
                             {"from_start", l.from_start},
                             {"knows", l.needs}});
    if (!l.clip.empty()) out["learns"].back()["clip"] = l.clip;
  }
  return out;
}

}  // namespace

std::string report(const std::vector<TypedItemPtr>& items) {
  std::string out;
  for (const TypedItemPtr& item : items) out += (out.empty() ? "" : "\n") + text(Describe(*item).run());
  return out;
}

std::string report_json(const std::vector<TypedItemPtr>& items) {
  Json out = Json::array();
  for (const TypedItemPtr& item : items) out.push_back(json(Describe(*item).run()));
  return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace eligo::dsl
