#include "bench/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/report.h"
#include "runtime/library/default_parts.h"
#include "runtime/library/library.h"
#include "support/json_text.h"
#include "support/terminal.h"
#include "support/text_file.h"

namespace eligo::bench {
namespace {

// A page with marks gets the tables between them; any other file holds nothing else.
void write_markdown(const std::string& path, const std::string& tables) {
  const std::string begin = "<!-- results -->\n", end = "<!-- end of results -->\n";
  constexpr std::uint64_t longest_page = std::uint64_t{16} << 20;
  std::error_code error;
  std::string text = std::filesystem::is_regular_file(path, error) ? read_plain_file(path, longest_page) : "";
  const std::size_t from = text.find(begin), to = text.find(end);
  if (from == std::string::npos || to == std::string::npos || to < from) return write_result(path, tables);
  text.replace(from + begin.size(), to - from - begin.size(), "\n" + tables + "\n");
  write_result(path, text);
}

void check_picture(const std::string& path) {
  if (!path.empty() && !path.ends_with(".png") && !path.ends_with(".svg"))
    throw Error(fmt::format("--picture {}: the name of a picture ends in .png or .svg", path));
}

// Said before the minutes that lead to it, not after.
void check_writable(const std::string& path) {
  errno = 0;
  if (!path.empty() && !std::ofstream(path, std::ios::app))
    throw Error(fmt::format("{}: cannot be written: {}", path, errno != 0 ? std::strerror(errno) : "write error"));
}

// The peers that run here; what does not is said, and refused only if it was named.
class Peers {
 public:
  Peers(const BenchOptions& options, Report& report) {
    if (options.no_peers) return;
    const bool named = !options.peers.empty();
    if (!named && !options.rules.empty()) return;
    for (const std::string& name : named ? options.peers : peer_names()) {
      try {
        all_.push_back(std::make_unique<Peer>(name));
        report.versions.push_back(fmt::format("{}: {}", name, all_.back()->about()));
      } catch (const Error& e) {
        if (named) throw Error(fmt::format("--vs {}: {}", name, e.what()));
        report.versions.push_back(fmt::format("{}: skipped. {}", name, e.what()));
      }
    }
  }
  // Those of these names; of all if there are none.
  std::vector<Peer*> named(const std::vector<std::string>& names) const {
    std::vector<Peer*> some;
    for (const auto& peer : all_) {
      if (std::find(names.begin(), names.end(), plain(peer->name())) != names.end()) some.push_back(peer.get());
    }
    return some;
  }
  // A way to run a peer stands in the rows of that peer.
  static std::string plain(const std::string& name) {
    return name == "numpy32" ? "numpy" : name == "torch_compile" ? "torch" : name;
  }
  std::vector<Peer*> all() const {
    std::vector<Peer*> some;
    for (const auto& peer : all_) some.push_back(peer.get());
    return some;
  }

 private:
  std::vector<std::unique_ptr<Peer>> all_;
};

// What was given, as a row for each rule and number of units.
std::vector<Workload> given(const BenchOptions& o) {
  std::vector<Workload> all;
  for (const std::string& rule : o.rules)
    for (const std::int64_t units : o.units) {
      Workload w;
      w.program = o.program;
      w.program.rule = rule;
      w.program.batch_hint = o.batch;
      w.program.steps_hint = o.steps;
      std::vector<std::string> cells = {"lstm", "rnn_tanh"};
      w.program = fitting(w.program, {.units = units, .inputs = o.inputs, .targets = o.targets, .others = 4}, cells);
      w.name = o.units.size() > 1 ? fmt::format("{}, {}", rule, units) : rule;
      w.hypers = o.hypers;
      w.batch = o.batch, w.steps = o.steps, w.threads = o.threads;
      w.targets = w.program.readout == "linear_softmax" ? Targets::one_hot : Targets::real;
      all.push_back(w);
    }
  return all;
}

std::vector<Entry> chosen(const BenchOptions& o) {
  std::vector<Entry> entries;
  for (Entry& e : suite()) {
    const auto within = [&](const std::string& word) { return e.workload.name.find(word) != std::string::npos; };
    if (!o.only.empty() && std::none_of(o.only.begin(), o.only.end(), within)) continue;
    e.workload.program.float64 = o.program.float64;
    entries.push_back(std::move(e));
  }
  if (entries.empty()) throw Error(fmt::format("the suite has no row named like {}", fmt::join(o.only, " or ")));
  return entries;
}

void progress(const std::string& what) { fmt::print(stderr, "{}\n", what); }

void measure_suite(const BenchOptions& o, const std::vector<Entry>& entries, const Peers& peers, const Effort& effort,
                   Report& report) {
  for (const Entry& e : entries) {
    progress(e.workload.name);
    const bool too_slow = e.slow_peers && o.quick;
    report.rows.push_back(
        measure(e.workload, too_slow ? std::vector<Peer*>{} : peers.named(e.peers), report.machine, effort));
  }
  report.goals = reached(entries, report.rows);
  if (!o.only.empty()) return;
  progress("longer sequences");
  report.lengths = scaling(o.quick ? 10'000 : 100'000);
  progress("compile time");
  std::vector<std::string> rules;
  for (const Item& item : list_items({}))
    if (item.kind == "rule" && item.path.find("/tour/") == std::string::npos) rules.push_back(item.name);
  if (o.quick) rules = {"bptt", "bp_lambda", "rtrl", "uoro", "dni_rnn", "sgprop"};
  report.compiles = compile_latencies(rules, o.quick ? 1 : 3);
}

}  // namespace

int bench(const BenchOptions& o) {
  check_picture(o.picture);
  for (const std::string& file : {o.json, o.markdown, o.picture}) check_writable(file);
  Report report;
  const std::vector<Workload> workloads = given(o);
  const std::vector<Entry> entries = o.rules.empty() ? chosen(o) : std::vector<Entry>{};
  const Peers peers(o, report);
  progress("the machine");
  report.machine = measure_machine(o.quick);
  const Effort effort = o.quick ? kQuick : Effort{};
  if (o.rules.empty()) measure_suite(o, entries, peers, effort, report);
  for (const Workload& w : workloads) {
    progress(w.name);
    report.rows.push_back(measure(w, peers.all(), report.machine, effort));
  }
  fmt::print("{}", text(report, Form::text));
  if (!o.json.empty()) write_result(o.json, json_text(to_json(report), 1));
  if (!o.markdown.empty()) write_markdown(o.markdown, text(report, Form::markdown));
  if (!o.picture.empty()) write_picture(report, o.picture);
  const bool failed =
      std::any_of(report.rows.begin(), report.rows.end(), [](const Row& r) { return !r.fault.empty(); });
  return failed ? 1 : 0;
}

}  // namespace eligo::bench
