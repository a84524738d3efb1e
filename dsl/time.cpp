// The analysis of time.h: a graph of names that read each other at offsets, its recurrences, then three fixpoints over
// it: look-ahead, what waits for the end of a window, and what holds at `start`.
#include "dsl/time.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "dsl/file.h"
#include "dsl/reading_graph.h"
#include "dsl/window_reads.h"

namespace eligo::dsl {
namespace {

std::string timed(const std::string& name, const std::optional<TimeIndex>& time) {
  return time ? fmt::format("{}[{}]", name, print(*time)) : name;
}

class Analysis {
 public:
  Analysis(const Item& rule, Diagnostics& diagnostics)
      : rule_(rule), diagnostics_(diagnostics), graph_("t", diagnostics) {}

  RuleTime run() {
    for (const Statement& s : rule_.statements) {
      if (s.kind == StatementKind::equation && s.assign == AssignKind::define && s.value) graph_.define(s);
    }
    graph_.find();
    describe_names();
    look_ahead();
    hold_at_start();
    for (const Statement& s : rule_.statements) {
      if (s.kind == StatementKind::learn) learn_line(s);
      if (s.kind == StatementKind::at_each) at_each(s);
      if (s.kind == StatementKind::per_neuron) statistics(s);
    }
    wait_for_window();
    every_step();
    read_beyond_windows(rule_, out_);
    return std::move(out_);
  }

 private:
  NameTime& of(int node) { return out_.names[graph_.names()[static_cast<std::size_t>(node)]]; }

  void describe_names() {
    for (std::size_t c = 0; c < graph_.components().size(); ++c) {
      for (const int n : graph_.components()[c].nodes) {
        NameTime& name = of(n);
        name.direction = graph_.components()[c].direction;
        if (name.direction != Direction::none) name.cycle = static_cast<int>(c);
        if (name.direction == Direction::backward) {
          name.window_complete = true;
          out_.online = false;
        }
      }
    }
    for (const ReadingLine& line : graph_.lines()) {
      NameTime& name = of(line.node);
      name.timeless = !line.statement->time;
      for (const Read& read : line.reads) {
        const bool known = std::find(name.reads.begin(), name.reads.end(), read.root) != name.reads.end();
        if (graph_.node(read.root) >= 0 && !known) name.reads.push_back(read.root);
      }
    }
  }

  // Raises what is known of one name by what `line` reads; true if something changed.
  bool raise(const ReadingLine& line) {
    NameTime& name = of(line.node);
    const int ahead = name.ahead;
    const bool complete = name.window_complete;
    for (const Read& read : line.reads) {
      const Distance d = distance(line, read);
      const int to = graph_.node(read.root);
      const bool around = to >= 0 && graph_.component(to) == graph_.component(line.node);
      name.window_complete = name.window_complete || d.window_complete || (to >= 0 && of(to).window_complete);
      // Along its own cycle a backward recurrence would look ahead without end; a forward one only falls back.
      if (d.window_complete || (around && name.direction != Direction::forward)) continue;
      name.ahead = std::max(name.ahead, d.offset + (to >= 0 ? of(to).ahead : 0));
    }
    return name.ahead != ahead || name.window_complete != complete;
  }

  void look_ahead() {
    // Around a faulty cycle this would not end: each name changes at most a few times per name otherwise.
    for (std::size_t round = 0; round <= 2 * graph_.names().size() + 2; ++round) {
      bool changed = false;
      for (const ReadingLine& line : graph_.lines()) changed = raise(line) || changed;
      if (!changed) return;
    }
  }

  void holds(const std::string& name, std::vector<int>& work) {
    const int n = graph_.node(name);
    if (n < 0 || of(n).holds_at_start || of(n).timeless) return;
    of(n).holds_at_start = true;
    work.push_back(n);
  }

  // Reads at `start` by name, and at the line's own time where the line itself counts at `start`.
  void seed(const ReadingLine& line, bool counts_at_start, std::vector<int>& work) {
    for (const Read& read : line.reads) {
      const Distance d = distance(line, read);
      if (d.at_start || (counts_at_start && d.same_time)) holds(read.root, work);
    }
  }

  void hold_at_start() {
    std::vector<int> work;
    for (const ReadingLine& line : graph_.lines()) {
      seed(line, false, work);
      if (line.at.base == TimeBase::start) holds(line.statement->name, work);
    }
    for (const Statement& s : rule_.statements) {
      if (s.kind == StatementKind::learn)
        seed({&s, {TimeBase::t, 0}, -1, reads_of(*s.value)}, s.range == LearnRange::from_start, work);
      for (const Statement& inner : s.body) {
        if (!inner.value) continue;
        const auto low = s.low ? as_time_index(*s.low) : std::nullopt;
        const bool from_start = low == TimeIndex{TimeBase::start, 0};
        seed({&inner, {TimeBase::k, 0}, -1, reads_of(*inner.value)}, from_start && general(inner), work);
      }
    }
    while (!work.empty()) {
      const int n = work.back();
      work.pop_back();
      const bool own = has_start_equation(n);
      for (const ReadingLine& line : graph_.lines()) {
        if (line.node == n && (own ? line.at.base == TimeBase::start : line.at.base == TimeBase::t))
          seed(line, true, work);
      }
    }
  }

  static bool general(const Statement& s) { return s.time && s.time->base == TimeBase::k; }

  bool has_start_equation(int node) const {
    return std::any_of(graph_.lines().begin(), graph_.lines().end(),
                       [&](const ReadingLine& line) { return line.node == node && line.at.base == TimeBase::start; });
  }

  void learn_line(const Statement& s) {
    LearnTime time;
    time.from_start = s.range == LearnRange::from_start;
    const ReadingLine line{&s, {TimeBase::t, 0}, -1, reads_of(*s.value)};
    bool reads_t = false, complete = false;
    for (const Read& read : line.reads) {
      const int to = graph_.node(read.root);
      reads_t = reads_t || read.root == "t" || (read.time && read.time->base == TimeBase::t);
      const Distance d = distance(line, read);
      const bool at_end = read.time && (read.time->base == TimeBase::end || read.time->base == TimeBase::last);
      complete = complete || at_end || (to >= 0 && of(to).window_complete);
      if (!d.window_complete) time.ahead = std::max(time.ahead, d.offset + (to >= 0 ? of(to).ahead : 0));
    }
    time.when = !reads_t ? LineWhen::close : complete ? LineWhen::sweep : LineWhen::arrive;
    if (complete) out_.online = false;
    out_.ahead = std::max(out_.ahead, time.ahead);
    out_.learns.push_back(time);
  }

  // Equations inside a block read each other; what they read of the rule is known already.
  BlockTime block(const Statement& s) {
    ReadingGraph inner(s.kind == StatementKind::at_each ? s.running : "", diagnostics_);
    for (const Statement& line : s.body) {
      if (line.kind == StatementKind::equation && line.assign == AssignKind::define && line.value) inner.define(line);
    }
    inner.find();
    BlockTime out;
    for (const Component& c : inner.components()) {
      out.groups.emplace_back();
      for (const int n : c.nodes) {
        const std::string& name = inner.names()[static_cast<std::size_t>(n)];
        out.groups.back().push_back(name);
        out.directions[name] = c.direction;
      }
    }
    return out;
  }

  void statistics(const Statement& s) {
    block(s);
    StatisticsTime time;
    for (const auto& [name, info] : out_.names)
      time.window_complete = time.window_complete || info.direction == Direction::backward;
    for (const Statement& line : s.body) {
      if (!line.value) continue;
      for (const Read& read : reads_of(*line.value)) {
        if (!read.time) continue;
        const int n = graph_.node(read.root);
        const bool at_end = read.time->base == TimeBase::end || read.time->base == TimeBase::last;
        time.window_complete = time.window_complete || at_end || (n >= 0 && of(n).window_complete);
        time.ahead = std::max(time.ahead, read.time->offset + (n >= 0 ? of(n).ahead : 0));
      }
    }
    out_.statistics.push_back(time);
  }

  void at_each(const Statement& s) {
    out_.blocks.push_back(block(s));
    const auto high = s.high ? as_time_index(*s.high) : std::nullopt;
    const int reach = high && high->base == TimeBase::t ? high->offset : 0;  // k's last value, from t
    for (const Statement& line : s.body) {
      if (!line.value) continue;
      for (const Read& read : reads_of(*line.value)) {
        if (const std::string why = too_early(read, reach); !why.empty()) {
          diagnostics_.error(Code::E0407,
                             fmt::format("`{}` is not known when step t arrives", timed(read.path, read.time)),
                             diagnostics_.current, read.span, why);
        }
      }
    }
  }

  // Why a block cannot know what it reads, "" if it can. `reach` is the last k, counted from t.
  std::string too_early(const Read& read, int reach) {
    if (!read.time || read.time->base == TimeBase::start) return "";
    if (read.time->base == TimeBase::end || read.time->base == TimeBase::last)
      return "the end of the window lies ahead";
    const int n = graph_.node(read.root);
    if (n >= 0 && of(n).window_complete) return fmt::format("{} is known when its window is complete", read.root);
    const int step = read.time->offset + (read.time->base == TimeBase::k ? reach : 0);
    if (step > 0) return fmt::format("for the last index this is step t+{}", step);
    if (n >= 0 && step + of(n).ahead > 0) return fmt::format("{} looks ahead by {}", read.root, of(n).ahead);
    return "";
  }

  // All lines of a backward rule run when their window is complete.
  void wait_for_window() {
    const bool backward = std::any_of(out_.names.begin(), out_.names.end(),
                                      [](const auto& n) { return n.second.direction == Direction::backward; });
    if (!backward) return;
    for (LearnTime& learn : out_.learns) {
      if (learn.when == LineWhen::arrive) learn.when = LineWhen::sweep;
    }
  }

  void every_step() {
    const auto backward = std::find_if(out_.names.begin(), out_.names.end(),
                                       [](const auto& n) { return n.second.direction == Direction::backward; });
    if (backward == out_.names.end()) return;
    for (const Statement& s : rule_.statements) {
      if (s.kind != StatementKind::learn || s.every != "step") continue;
      auto& d = diagnostics_.error(
          Code::E0406, fmt::format("`every step` in a rule that runs backward: `{}` reads its future", backward->first),
          diagnostics_.current, s.span);
      const int n = graph_.node(backward->first);
      for (const ReadingLine& line : graph_.lines()) {
        if (line.node != n || line.at.base != TimeBase::t) continue;
        d.labels.push_back(
            {diagnostics_.current, line.statement->name_span, "this recurrence runs backward over the window"});
        break;
      }
      d.help.push_back("write `every window` or `every sequence`, or leave it to the experiment");
    }
  }

  const Item& rule_;
  Diagnostics& diagnostics_;
  ReadingGraph graph_;
  RuleTime out_;
};

}  // namespace

void find_cycles(const Item& item, Diagnostics& diagnostics) {
  ReadingGraph graph(item.kind == ItemKind::cell ? "t" : "", diagnostics);
  for (const Statement& s : item.statements) {
    const bool defines = s.kind == StatementKind::equation || (s.kind == StatementKind::output && s.has_equation);
    if (defines && s.assign == AssignKind::define && s.value) graph.define(s, true);
  }
  graph.find();
}

RuleTime analyse_time(const Item& rule, Diagnostics& diagnostics) { return Analysis(rule, diagnostics).run(); }

}  // namespace eligo::dsl
