#include "runtime/cli/dump.h"

#include <algorithm>
#include <chrono>
#include <map>

#include <fmt/format.h>

#include "compiler/driver/compile.h"
#include "compiler/driver/dump.h"
#include "dsl/file.h"
#include "dsl/names.h"
#include "runtime/library/checked_file.h"
#include "runtime/library/compile.h"
#include "runtime/library/library.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

// Sizes that are not given are the usual ones of the documentation.
ProgramSpec with_sizes(ProgramSpec spec) {
  for (const auto& [name, value] : std::map<std::string, std::int64_t>{{"n", 30}, {"m", 10}, {"k", 2}, {"hidden", 30}})
    spec.sizes.emplace(name, value);
  return spec;
}

compiler::CompileOptions compile_options(const ProgramSpec& spec) {
  compiler::CompileOptions options;
  options.float64 = spec.float64;
  options.cpu = spec.cpu;
  return options;
}

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

std::string stage_text(const DumpOptions& o) {
  if (o.stage == "parse" || o.stage == "check") return file_text(o.spec, o.stage == "check");
  const compiler::CompileOptions options = compile_options(o.spec);
  std::vector<std::string> stages = compiler::stage_names(options);
  const std::vector<std::string> passes = compiler::pass_names();
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), o.stage) != names.end();
  };
  if (!has(stages) && !has(passes)) {
    stages.insert(stages.begin(), {"parse", "check"});
    throw Error(fmt::format("there is no stage {}: the stages are {}; the passes {}", o.stage, fmt::join(stages, ", "),
                            fmt::join(passes, ", ")));
  }
  return compiler::dump_stage(*scheduled(with_sizes(o.spec)), options, o.stage);
}

std::string times_text(const DumpOptions& o) {
  const auto start = std::chrono::steady_clock::now();
  const std::shared_ptr<compiler::Program> program = scheduled(with_sizes(o.spec));
  const std::chrono::duration<double, std::milli> front = std::chrono::steady_clock::now() - start;
  std::vector<compiler::PassTime> times = {{"check, elaborate, choose schedules", front.count(), 0, "", true}};
  compiler::Executable executable = compiler::compile(*program, compile_options(o.spec), &times);
  std::string text = fmt::format("{:<35} {:>9} {:>9}  leaves\n", "pass", "ms", "verify");
  double ms = 0, verify_ms = 0;
  for (const compiler::PassTime& t : times) {
    const std::string verified = t.left.empty() ? "" : fmt::format("{:.2f}", t.verify_ms);
    std::string line =
        fmt::format("{:<35} {:>9.2f} {:>9}  {}{}", t.name, t.ms, verified, t.left, t.changed ? "" : " (unchanged)");
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
    ms += t.ms, verify_ms += t.verify_ms;
  }
  return text + fmt::format("{:<35} {:>9.2f} {:>9.2f}\n", "total", ms, verify_ms);
}

}  // namespace

int dump(const DumpOptions& o) {
  if (o.stage.empty() && !o.time_passes) throw Error("dump needs --stage NAME or --time-passes");
  write_result(o.out, o.time_passes ? times_text(o) : stage_text(o));
  return 0;
}

}  // namespace eligo::cli
