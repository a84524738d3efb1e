#include "runtime/library/warnings.h"

#include <filesystem>

#include <fmt/core.h>

#include "compiler/driver/pipeline.h"
#include "runtime/engine/program.h"
#include "runtime/library/compile.h"
#include "runtime/library/library.h"
#include "runtime/library/synth_roles.h"

namespace eligo {
namespace {

std::vector<std::string> texts(const compiler::Facts& facts) {
  std::vector<std::string> out;
  for (const compiler::Unreached& one : facts.unreached) out.push_back(compiler::text(one));
  return out;
}

}  // namespace

std::vector<std::string> warnings_of(const Program& program) { return texts(*program.plan); }

std::vector<std::string> warnings_of(const ProgramSpec& spec) {
  const auto graph = instantiate(spec);
  compiler::CompileOptions options;
  options.batch = spec.batch_hint;
  compiler::run_passes(*graph, options, compiler::PassId::contraction_order);
  return texts(*graph);
}

std::vector<std::string> hidden_parts(const ProgramSpec& spec) {
  std::vector<std::string> out;
  PartSearch search(spec.rule_paths);
  const auto look = [&](const std::string& name, const char* kind) {
    if (name.empty() || name.find(".eli") != std::string::npos || name.find('/') != std::string::npos) return;
    const Found found = search.find(name, kind);
    if (std::filesystem::path(found.path).has_parent_path() || !find_in_library(name, kind)) return;
    out.push_back(fmt::format("the {} {} is that of {} in the current folder, not the library's; write {}:{} if that is meant",
                              kind, name, found.path, found.path, name));
  };
  look(spec.rule, "rule");
  look(spec.cell, "cell");
  look(spec.readout, "readout");
  look(spec.optimiser, "optimiser");
  const SynthRoles synths = read_synth_roles(spec.synth);
  look(synths.all, "synth");
  for (const auto& [role, part] : synths.named) look(part, "synth");
  return out;
}

}  // namespace eligo
