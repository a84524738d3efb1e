#include "runtime/cli/dump.h"

#include <algorithm>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "compiler/pipeline.h"
#include "dsl/file.h"
#include "dsl/names.h"
#include "runtime/compile.h"
#include "runtime/schedules.h"
#include "runtime/library.h"

namespace eligo::cli {
namespace {

ProgramSpec specification(const DumpOptions& o) {
  ProgramSpec spec;
  spec.rule = o.rule;
  spec.cell = o.cell;
  spec.readout = o.readout;
  spec.synth = o.synth;
  spec.optimiser = o.optimiser;
  spec.sizes = {{"n", 30}, {"m", 10}, {"k", 2}, {"hidden", 30}};
  for (const auto& [name, value] : o.sizes) spec.sizes[name] = value;
  if (o.window != 0) spec.header["n"] = o.window;
  spec.update = o.update == "step" ? Update::step : o.update == "window" ? Update::window : Update::sequence;
  spec.float64 = o.dtype == "f64";
  spec.cpu = o.cpu;
  spec.rule_paths = o.rule_folders;
  return spec;
}

std::string stage_text(const DumpOptions& o) {
  if (o.stage == "parse") {
    const Found found = find_part(o.rule, "rule", o.rule_folders);
    dsl::Diagnostics diagnostics;
    const dsl::ParsedFile file = dsl::parse_file(found.path, diagnostics);
    if (!diagnostics.empty()) throw dsl::SourceError(diagnostics);
    return dsl::print(file.file);
  }
  std::vector<std::string> stages = compiler::stage_names();
  if (std::find(stages.begin(), stages.end(), o.stage) == stages.end()) {
    stages.insert(stages.begin(), "parse");
    throw Error(fmt::format("there is no stage {}: the stages are {}", o.stage, fmt::join(stages, ", ")));
  }
  compiler::CompileOptions options;
  options.float64 = o.dtype == "f64";
  options.cpu = o.cpu;
  return compiler::dump_stage(scheduled(specification(o)), options, o.stage);
}

}  // namespace

int dump(const DumpOptions& o) {
  const std::string text = stage_text(o);
  if (o.out.empty() || o.out == "-") {
    std::cout << text;
    return std::cout.flush() ? 0 : 1;
  }
  std::ofstream out(o.out);
  out << text;
  if (!out.flush()) throw Error(fmt::format("{}: cannot be written", o.out));
  return 0;
}

}  // namespace eligo::cli
