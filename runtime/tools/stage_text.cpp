#include "runtime/tools/stage_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "compiler/driver/dump.h"
#include "dsl/file.h"
#include "runtime/library/checked_file.h"
#include "runtime/library/compile.h"
#include "runtime/library/library.h"

namespace eligo {
namespace {

// The rule's file as it was parsed, or each item of it with its names, axes and times resolved.
std::string file_text(const ProgramSpec& spec, bool checked) {
  const Found found = find_part(spec.rule, "rule", spec.rule_paths);
  const std::shared_ptr<const CheckedFile> file = checked_file(found.path);
  if (checked ? !file->diagnostics.empty() : !file->well_formed) throw dsl::SourceError(file->diagnostics);
  if (!checked) return dsl::print(file->parsed.file);
  std::string out;
  for (const dsl::TypedItemPtr& item : file->items) out += (out.empty() ? "" : "\n") + text(*item);
  return out;
}

}  // namespace

compiler::CompileOptions dump_options(const ProgramSpec& spec) {
  compiler::CompileOptions options;
  options.float64 = spec.float64;
  options.cpu = spec.cpu;
  return options;
}

std::vector<std::string> stage_names(const ProgramSpec& spec) {
  std::vector<std::string> stages = compiler::stage_names(dump_options(spec));
  stages.insert(stages.begin(), {"parse", "check"});
  return stages;
}

std::string stage_text(const ProgramSpec& spec, const std::string& stage) {
  if (stage == "parse" || stage == "check") return file_text(spec, stage == "check");
  const std::vector<std::string> stages = stage_names(spec), passes = compiler::pass_names();
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), stage) != names.end();
  };
  if (!has(stages) && !has(passes))
    throw Error(fmt::format("there is no stage {}: the stages are {}; the passes {}", stage, fmt::join(stages, ", "),
                            fmt::join(passes, ", ")));
  return compiler::dump_stage(*scheduled(spec), dump_options(spec), stage);
}

}  // namespace eligo
