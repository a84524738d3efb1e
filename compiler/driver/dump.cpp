#include "compiler/driver/dump.h"

#include <array>
#include <optional>
#include <stdexcept>

#include <fmt/core.h>

#include "compiler/driver/compile.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "compiler/loops/print.h"
#include "compiler/timetable/timetable.h"

namespace eligo::compiler {
namespace {

// The pass that leads to a stage, and how the stage is written.
struct Stage {
  std::string_view name;
  std::optional<PassId> after;
  std::string (*text)(const Compilation& compilation);
};

std::string graph_text(const Compilation& c) { return text(c.program); }
std::string summary(const Compilation& c) { return schedule_text(c.program); }
std::string timetable_text(const Compilation& c) {
  const Plan plan = plan_of(c.program);
  return text(plan, timetable_of(plan));
}
std::string loops_text(const Compilation& c) { return loops::text(c.lowered.module); }

constexpr std::array stages = {
    Stage{"graph", std::nullopt, graph_text},
    Stage{"derivatives", PassId::differentiate, graph_text},
    Stage{"simplified", PassId::contraction_order, graph_text},
    Stage{"schedule", PassId::contraction_order, summary},
    Stage{"distributed", PassId::distribute_steps, graph_text},
    Stage{"timetable", PassId::distribute_steps, timetable_text},
    Stage{"loops", PassId::split_wide_loops, loops_text},
};

std::optional<Stage> stage_named(const std::string& name) {
  for (const Stage& stage : stages)
    if (stage.name == name) return stage;
  for (const Pass& pass : passes())
    if (pass.name == name) return Stage{pass.name, pass.id, pass.graph ? graph_text : loops_text};
  return std::nullopt;
}

}  // namespace

std::vector<std::string> stage_names(const CompileOptions& options) {
  std::vector<std::string> names;
  for (const Stage& stage : stages) names.emplace_back(stage.name);
  for (const std::string_view form : options.backend->forms()) names.emplace_back(form);
  return names;
}

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const Pass& pass : passes()) names.emplace_back(pass.name);
  return names;
}

std::string dump_stage(Program& program, const CompileOptions& options, const std::string& name) {
  Compilation compilation{program, options, {}};
  if (const auto stage = stage_named(name)) {
    if (stage->after) run_passes(compilation, *stage->after);
    else verify(program, "graph", true);
    return stage->text(compilation);
  }
  for (const std::string_view form : options.backend->forms()) {
    if (form != name) continue;
    run_passes(compilation, passes().back().id);
    return options.backend->text(form, compilation.lowered.module, codegen_options(options));
  }
  throw std::runtime_error(fmt::format("there is no stage {}", name));
}

}  // namespace eligo::compiler
