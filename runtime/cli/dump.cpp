#include "runtime/cli/dump.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "compiler/driver/pipeline.h"
#include "dsl/file.h"
#include "dsl/names.h"
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

// Each item of the file with its names, axes and times resolved.
std::string checked_text(const dsl::ParsedFile& file) {
  dsl::Diagnostics diagnostics;
  std::string out;
  for (const dsl::TypedItemPtr& item : dsl::check(file, diagnostics)) out += (out.empty() ? "" : "\n") + text(*item);
  if (!diagnostics.empty()) throw dsl::SourceError(diagnostics);
  return out;
}

std::string stage_text(const DumpOptions& o) {
  if (o.stage == "parse" || o.stage == "check") {
    const Found found = find_part(o.spec.rule, "rule", o.spec.rule_paths);
    dsl::Diagnostics diagnostics;
    const dsl::ParsedFile file = dsl::parse_file(found.path, diagnostics);
    if (!diagnostics.empty()) throw dsl::SourceError(diagnostics);
    return o.stage == "parse" ? dsl::print(file.file) : checked_text(file);
  }
  std::vector<std::string> stages = compiler::stage_names();
  if (std::find(stages.begin(), stages.end(), o.stage) == stages.end()) {
    stages.insert(stages.begin(), {"parse", "check"});
    throw Error(fmt::format("there is no stage {}: the stages are {}", o.stage, fmt::join(stages, ", ")));
  }
  compiler::CompileOptions options;
  options.float64 = o.spec.float64;
  options.cpu = o.spec.cpu;
  return compiler::dump_stage(scheduled(with_sizes(o.spec)), options, o.stage);
}

}  // namespace

int dump(const DumpOptions& o) {
  write_result(o.out, stage_text(o));
  return 0;
}

}  // namespace eligo::cli
