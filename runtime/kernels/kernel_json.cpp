#include <nlohmann/json.hpp>

#include <numeric>

#include "runtime/kernels/kernel_text.h"

namespace eligo {
namespace {

using json = nlohmann::ordered_json;

void add(json& into, const Timed& t) {
  into["operations"] = t.operations;
  into["bytes"] = t.bytes;
  into["seconds"] = t.seconds;
  into["bound"] = {{"seconds", t.bound.seconds}, {"by", t.bound.by}};
  into["of_bound"] = t.of_bound();
  into["operations_per_second"] = t.rate();
}

json statement_json(const StatementKernel& s, const compiler::StatementCode& code) {
  json one = {{"statement", s.name}, {"equation", s.label}, {"loops", s.loops}};
  add(one, s);
  json tiles = json::array();
  for (const compiler::TileShape& t : code.tiles)
    tiles.push_back({{"rows", t.rows}, {"columns", t.columns}, {"lanes", t.lanes}, {"along_sum", t.along_sum}});
  one["symbol"] = code.symbol;
  one["vector_bits"] = code.vector_bits;
  one["tiles"] = std::move(tiles);
  one["spills"] = code.spills;
  one["reloads"] = code.reloads;
  one["instructions"] = code.instructions;
  one["code_bytes"] = code.bytes;
  if (!s.counts.empty()) {
    const std::vector<double> executed = executed_instructions(s, code);
    one["executed_instructions"] = std::accumulate(executed.begin(), executed.end(), 0.0);
  }
  return one;
}

json report_json(const NamedReport& named) {
  const KernelReport& r = named.report;
  json one = {{"name", named.name},
              {"rule", r.rule},
              {"parts", r.parts},
              {"sizes", r.sizes},
              {"batch", r.batch},
              {"steps", r.steps},
              {"notes", r.notes},
              {"dtype", r.float64 ? "f64" : "f32"},
              {"cpu", r.cpu},
              {"processor", r.processor}};
  one["phases"] = json::array();
  for (const PhaseKernel& p : r.phases) {
    json phase = {{"phase", p.name}, {"when", p.when}, {"calls", p.calls}, {"examples", p.examples}, {"data", p.data}};
    add(phase, p);
    phase["code_bytes"] = p.code_bytes;
    phase["statements"] = json::array();
    for (const StatementKernel& s : p.statements) phase["statements"].push_back(statement_json(s, r.codes[s.code]));
    one["phases"].push_back(std::move(phase));
  }
  one["seconds_in_sequence"] = r.sequence_seconds();
  return one;
}

}  // namespace

nlohmann::ordered_json kernels_json(const std::vector<NamedReport>& reports) {
  json all = {{"machine", to_json(reports[0].report.machine)}, {"kernels", json::array()}};
  for (const NamedReport& one : reports) all["kernels"].push_back(report_json(one));
  return all;
}

}  // namespace eligo
