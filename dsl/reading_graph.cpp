#include "dsl/reading_graph.h"

#include <fmt/core.h>

#include <algorithm>

namespace eligo::dsl {

Distance distance(const ReadingLine& line, const Read& read) {
  if (!read.time) return {.same_time = true};
  const TimeIndex& r = *read.time;
  const TimeIndex& l = line.at;
  Distance d;
  d.at_start = r.base == TimeBase::start && r.offset == 0;
  const bool general =
      (r.base == TimeBase::t || r.base == TimeBase::k) && (l.base == TimeBase::t || l.base == TimeBase::k);
  if (general || r.base == l.base) {
    d.offset = r.offset - l.offset;
    d.same_time = d.offset == 0;
  } else if (r.base == TimeBase::end || r.base == TimeBase::last) {
    d.window_complete = l.base != TimeBase::end && l.base != TimeBase::last;
    d.offset = d.window_complete ? 1 : r.offset;
    d.same_time = !d.window_complete && r.offset == 0;
  } else if (r.base == TimeBase::start) {
    d.offset = -1;  // the past of every step
  } else {
    d.offset = r.offset;  // t on the right of a boundary is refused by check
  }
  return d;
}

void ReadingGraph::define(const Statement& s, bool same_step_only) {
  if (!index_.contains(s.name)) {
    index_[s.name] = static_cast<int>(names_.size());
    names_.push_back(s.name);
  }
  if (s.time) timed_.insert(s.name);
  lines_.push_back({&s, s.time.value_or(TimeIndex{}), index_[s.name], reads_of(*s.value)});
  if (same_step_only) std::erase_if(lines_.back().reads, [](const Read& r) { return r.time && r.time->offset != 0; });
}

void ReadingGraph::find() {
  for (const ReadingLine& line : lines_) {
    for (const Read& read : line.reads) {
      const int to = node(read.root);
      // Without a time, `θ before sequence` is not the θ[k] that a block revises.
      if (to < 0 || (!read.time && timed_.contains(read.root))) continue;
      edges_.push_back({line.node, to, distance(line, read).offset, read.span});
    }
  }
  component_of_.assign(names_.size(), -1);
  components_ = find_recurrences(static_cast<int>(names_.size()), edges_);
  for (std::size_t c = 0; c < components_.size(); ++c) {
    for (const int n : components_[c].nodes) component_of_[static_cast<std::size_t>(n)] = static_cast<int>(c);
    report(components_[c]);
  }
}

int ReadingGraph::node(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? -1 : found->second;
}

std::string ReadingGraph::story(const std::vector<ReadEdge>& cycle) const {
  int at = 0;
  const auto shown = [&](int n) {
    const std::string& name = names_[static_cast<std::size_t>(n)];
    return letter_.empty() ? name : fmt::format("{}[{}{}]", name, letter_, at == 0 ? "" : fmt::format("{:+}", at));
  };
  std::string out = shown(cycle.front().from);
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    at += cycle[i].offset;
    out += fmt::format("{} {}", i == 0 ? " reads" : ", which reads", shown(cycle[i].to));
  }
  return out;
}

void ReadingGraph::mark(Diagnostic& d, const std::vector<ReadEdge>& cycle, std::string_view text) const {
  for (const ReadEdge& e : cycle) d.labels.push_back({diagnostics_.current, e.span, std::string(text)});
}

void ReadingGraph::report(const Component& c) {
  if (!c.zero_cycle.empty()) {
    auto& d = diagnostics_.error(Code::E0401, "a cycle within one step: " + story(c.zero_cycle), diagnostics_.current,
                                 c.zero_cycle[0].span);
    d.labels.clear();
    mark(d, c.zero_cycle, "");
    if (letter_.empty()) d.help.push_back("the order of lines means nothing: one of them must not read the other");
    else
      d.help.push_back(
          fmt::format("one of them must read the step before, [{0}-1], or the step behind, [{0}+1]", letter_));
  } else if (!c.past_cycle.empty()) {
    auto& d = diagnostics_.error(Code::E0402, "a cycle that reads both its past and its future", diagnostics_.current,
                                 c.past_cycle[0].span);
    d.labels.clear();
    mark(d, c.past_cycle, "the past: " + story(c.past_cycle));
    mark(d, c.future_cycle, "the future: " + story(c.future_cycle));
    d.help.push_back("part it into two names, one that runs forward and one that runs backward");
  }
}

}  // namespace eligo::dsl
