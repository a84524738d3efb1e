#include "bench/compile_latency.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/workload.h"
#include "dsl/diagnostic.h"
#include "runtime/engine/program.h"
#include "runtime/library/default_parts.h"
#include "runtime/machine/timing.h"

namespace eligo::bench {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "eligo-bench-XXXXXX").string();
    if (!mkdtemp(pattern.data()))
      throw Error("no temporary folder can be made in " + fs::temp_directory_path().string());
    path = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

nlohmann::json to_json(const ProgramSpec& s, const std::string& cache) {
  return {{"rule", s.rule},   {"cell", s.cell},        {"readout", s.readout}, {"synth", s.synth},
          {"sizes", s.sizes}, {"paths", s.rule_paths}, {"cache", cache}};
}

// What another process needed is noted where it is less.
void in_another_process(const fs::path& file, double& until_compiled, double& until_learned) {
  const std::string command =
      fmt::format("'{}' bench --compile-once '{}'", fs::read_symlink("/proc/self/exe").string(), file.string());
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  double compiled = 0, learned = 0;
  if (!pipe || std::fscanf(pipe.get(), "%lf %lf", &compiled, &learned) != 2)
    throw Error("a process that was to compile has failed");
  until_compiled = std::min(until_compiled, compiled);
  until_learned = std::min(until_learned, learned);
}

CompileLatency measure(const std::string& rule, int repeats) {
  CompileLatency result;
  result.rule = rule;
  ProgramSpec spec;
  spec.rule = rule;
  spec.optimiser = "";
  spec = fitting(spec, {.units = 100, .inputs = 10, .targets = 9, .others = 8}, {"lstm", "rnn_leaky"});
  result.parts = fmt::format("{} {}", spec.cell, spec.sizes.contains("n") ? spec.sizes.at("n") : spec.sizes.at("w"));
  result.cold = result.cold_batch = result.warm = result.warm_batch = 1e9;
  for (int r = 0; r < repeats; ++r) {
    const Folder folder;
    const fs::path file = folder.path / "spec.json", cache = folder.path / "cache";
    std::ofstream(file) << to_json(spec, cache.string());
    in_another_process(file, result.cold, result.cold_batch);
    for (int w = 0; w < 2; ++w) in_another_process(file, result.warm, result.warm_batch);
  }
  return result;
}

}  // namespace

std::vector<CompileLatency> compile_latencies(const std::vector<std::string>& rules, int repeats) {
  std::vector<CompileLatency> all;
  for (const std::string& rule : rules) {
    try {
      all.push_back(measure(rule, repeats));
    } catch (const dsl::SourceError& e) {
      all.push_back({.rule = rule, .parts = "", .fault = dsl::render(e.diagnostics(), false)});
    } catch (const Error& e) {
      all.push_back({.rule = rule, .parts = "", .fault = e.what()});
    }
  }
  return all;
}

nlohmann::json to_json(const CompileLatency& l) {
  if (!l.fault.empty()) return {{"rule", l.rule}, {"fault", l.fault}};
  return {{"rule", l.rule}, {"on", l.parts}, {"cold", l.cold}, {"cold_batch", l.cold_batch},
          {"warm", l.warm},  {"warm_batch", l.warm_batch}};
}

int compile_once(const std::string& file) {
  std::ifstream in(file);
  const nlohmann::json j = nlohmann::json::parse(in, nullptr, false);
  if (j.is_discarded()) throw Error(file + " cannot be read");
  ProgramSpec spec;
  spec.rule = j.at("rule"), spec.cell = j.at("cell"), spec.readout = j.at("readout"), spec.synth = j.at("synth");
  spec.sizes = j.at("sizes").get<std::map<std::string, std::int64_t>>();
  spec.rule_paths = j.at("paths").get<std::vector<std::string>>();
  spec.cache = j.at("cache");
  Workload workload;
  workload.program = spec;
  workload.batch = workload.steps = 10;
  const double start = now();
  const auto program = compile(spec);
  const double compiled = now() - start;
  const Batch batch = draw(workload, *program->plan);
  const double drawn = now();
  Session session(program, {.batch = workload.batch, .steps = workload.steps});
  session.run(batch);
  fmt::print("{:.9f} {:.9f}\n", compiled, compiled + now() - drawn);
  return 0;
}

}  // namespace eligo::bench
