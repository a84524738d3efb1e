#include "bench/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace eligo::bench {
namespace {

// Characters that a terminal shows: bytes that go on with one are none of their own.
std::size_t shown_width(const std::string& s) {
  return static_cast<std::size_t>(std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Cells in rows, the first row their headings; the first `words` columns to the left, numbers to the right.
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t words, Form form) {
  std::vector<std::size_t> width(rows[0].size(), 0);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], shown_width(row[i]));
  std::string out;
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(width[i] - shown_width(row[i]), ' ');
      if (form == Form::markdown) text += "| " + row[i] + " ";
      else text += (i ? "  " : "") + (i < words ? row[i] + space : space + row[i]);
    }
    if (form == Form::markdown) return text + "|\n";
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
  };
  out += line(rows[0]);
  if (form == Form::markdown) {
    for (std::size_t i = 0; i < rows[0].size(); ++i) out += i < words ? "|---" : "|---:";
    out += "|\n";
  }
  for (std::size_t r = 1; r < rows.size(); ++r) out += line(rows[r]);
  return out;
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }
std::string factor(double times) {
  return times == 0 ? "" : times < 10 ? fmt::format("{:.2f}x", times) : fmt::format("{:.0f}x", times);
}

// Peers that some row was measured against, in their usual order.
std::vector<std::string> peers_of(const std::vector<Row>& rows) {
  std::vector<std::string> order = {kOneThread}, found;
  order.insert(order.end(), peer_names().begin(), peer_names().end());
  for (const std::string& name : order)
    if (std::any_of(rows.begin(), rows.end(), [&](const Row& r) { return r.times_faster(name) > 0; }))
      found.push_back(name);
  return found;
}

const Row* find(const std::vector<Row>& rows, const std::string& name) {
  for (const Row& r : rows)
    if (r.workload.name == name) return &r;
  return nullptr;
}

Reached reach(const Goal& goal, const Row& row, const std::vector<Row>& rows) {
  Reached r;
  r.at_least = goal.at_least;
  const std::string& name = row.workload.name;
  if (goal.kind == Goal::Kind::share_of_peak) {
    r.share = true;
    double ideal = 0, seconds = 0;
    for (const PhaseTime& p : row.profile.phases) {
      if (p.operations < row.profile.operations / 10) continue;  // the phases that the work is in
      seconds += p.seconds, ideal += p.of_peak * p.seconds;
      r.what += (r.what.empty() ? "" : ", ") + p.phase;
    }
    r.what = fmt::format("{}: of the peak, phases {}", name, r.what);
    if (seconds > 0) r.reached = ideal / seconds;
  } else if (goal.kind == Goal::Kind::times_one_thread) {
    r.what = fmt::format("{}: over one thread", name);
    r.reached = row.times_faster(kOneThread);
  } else if (goal.peer_workload.empty()) {
    r.what = fmt::format("{}: over {}", name, goal.peer);
    r.reached = row.times_faster(goal.peer);
  } else {
    r.what =
        fmt::format("{}: over {}'s {}", name, goal.peer, goal.peer_workload.substr(goal.peer_workload.rfind(' ') + 1));
    const Row* other = find(rows, goal.peer_workload);
    const PeerTiming* timing = other ? other->peer(goal.peer) : nullptr;
    if (timing && row.timing.median > 0) r.reached = timing->timing.median / row.timing.median;
  }
  return r;
}

}  // namespace

std::vector<Reached> reached(const std::vector<Entry>& entries, const std::vector<Row>& rows) {
  std::vector<Reached> all;
  for (const Entry& entry : entries)
    if (const Row* row = find(rows, entry.workload.name))
      for (const Goal& goal : entry.goals) all.push_back(reach(goal, *row, rows));
  return all;
}

std::string goal_table(const std::vector<Reached>& goals, Form form) {
  std::vector<std::vector<std::string>> cells = {{"goal", "at least", "reached"}};
  const auto figure = [](double value, bool share) { return share ? percent(value) : factor(value); };
  for (const Reached& g : goals)
    cells.push_back(
        {g.what, figure(g.at_least, g.share),
         g.reached == 0 ? "not measured" : figure(g.reached, g.share) + (g.reached < g.at_least ? "  <" : "   ")});
  return table(cells, 1, form);
}

std::string row_table(const std::vector<Row>& rows, Form form) {
  const auto peers = peers_of(rows);
  std::vector<std::vector<std::string>> cells = {
      {"name", "shape", "threads", "median", "quartiles", "GFLOP/s", "peak", "bandwidth"}};
  for (const auto& p : peers) cells[0].push_back("over " + p);
  for (const Row& r : rows) {
    std::vector<std::string> line = {r.workload.name, shape_text(r.workload), std::to_string(r.workload.threads)};
    if (!r.fault.empty()) {
      line.push_back("failed");
      line.resize(cells[0].size());
    } else {
      line.insert(line.end(),
                  {seconds_text(r.timing.median), seconds_text(r.timing.low) + " .. " + seconds_text(r.timing.high),
                   fmt::format("{:.1f}", r.timing.median > 0 ? r.profile.operations / r.timing.median / 1e9 : 0),
                   percent(r.of_peak), percent(r.of_bandwidth)});
      for (const auto& p : peers) line.push_back(factor(r.times_faster(p)));
    }
    cells.push_back(line);
  }
  std::string out = table(cells, 2, form);
  for (const Row& r : rows)
    if (!r.fault.empty()) out += fmt::format("\n{}: {}\n", r.workload.name, r.fault);
  return out;
}

std::string phase_table(const std::vector<Row>& rows, Form form) {
  std::vector<std::vector<std::string>> cells = {
      {"workload", "phase", "bound by", "calls", "time", "share", "of peak", "of bound"}};
  constexpr double small = 0.02;  // phases below this share of a call say little
  for (const Row& r : rows) {
    double inside = 0;
    for (const PhaseTime& p : r.profile.phases) {
      inside += p.seconds;
      if (p.seconds < small * r.profile.seconds) continue;
      cells.push_back({r.workload.name, p.phase,
                       p.bound == 0  ? ""
                       : p.by_memory ? "memory"
                                     : "arithmetic",
                       fmt::format("{:.0f}", p.calls), seconds_text(p.seconds), percent(p.seconds / r.profile.seconds),
                       p.operations > 0 ? percent(p.of_peak) : "", p.bound > 0 ? percent(p.of_bound) : ""});
    }
    const double between = r.profile.seconds - inside;
    if (between > small * r.profile.seconds)
      cells.push_back({r.workload.name, "(between phases)", "", "", seconds_text(between),
                       percent(between / r.profile.seconds), "", ""});
  }
  return table(cells, 3, form);
}

std::string length_table(const std::vector<Length>& lengths, Form form) {
  std::vector<std::vector<std::string>> cells = {{"rule", "steps", "time a step", "memory"}};
  for (const Length& l : lengths)
    cells.push_back(
        {l.rule, std::to_string(l.steps), seconds_text(l.step_seconds), fmt::format("{:.1f} KiB", l.bytes / 1024)});
  return table(cells, 1, form);
}

std::string compile_table(const std::vector<CompileLatency>& compiles, Form form) {
  std::vector<std::vector<std::string>> cells = {
      {"rule", "on", "cold", "cold, first batch learned", "warm", "warm, first batch learned"}};
  for (const CompileLatency& c : compiles) {
    if (c.fault.empty()) 
      cells.push_back({c.rule, c.parts, seconds_text(c.cold), seconds_text(c.cold_batch), seconds_text(c.warm),
                       seconds_text(c.warm_batch)});
    else cells.push_back({c.rule, "failed", "", "", "", ""});
  }
  return table(cells, 2, form);
}

std::string text(const Report& r, Form form) {
  const auto section = [&](const std::string& title, const std::string& body) {
    return form == Form::markdown ? fmt::format("### {}\n\n{}\n", title, body) : fmt::format("{}\n\n{}\n", title, body);
  };
  std::string out = text(r.machine) + "\n";
  for (const auto& v : r.versions) out += (form == Form::markdown ? "\n" : "") + v + "\n";
  out += "\n";
  if (!r.goals.empty()) out += section("Goals", goal_table(r.goals, form));
  if (!r.rows.empty()) {
    out += section("Batches and steps", row_table(r.rows, form));
    const bool measured = std::any_of(r.rows.begin(), r.rows.end(), [](const Row& row) { return row.fault.empty(); });
    if (measured) out += section("Phases on one thread", phase_table(r.rows, form));
  }
  if (!r.lengths.empty()) out += section("Longer sequences, learning at every step", length_table(r.lengths, form));
  if (!r.compiles.empty())
    out += section("Compile time, each in a process of its own", compile_table(r.compiles, form));
  return out;
}

nlohmann::json to_json(const Report& r) {
  nlohmann::json j = {{"machine", to_json(r.machine)}, {"versions", r.versions}, {"rows", nlohmann::json::array()}};
  for (const Row& row : r.rows) j["rows"].push_back(to_json(row));
  for (const Reached& g : r.goals)
    j["goals"].push_back(
        {{"what", g.what}, {"at_least", g.at_least}, {"reached", g.reached}, {"met", g.reached >= g.at_least}});
  for (const Length& l : r.lengths) j["lengths"].push_back(to_json(l));
  for (const CompileLatency& c : r.compiles) j["compile"].push_back(to_json(c));
  return j;
}

}  // namespace eligo::bench
