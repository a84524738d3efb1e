#include "runtime/cli/dump.h"

#include <chrono>
#include <map>

#include <fmt/format.h>

#include "compiler/driver/compile.h"
#include "runtime/library/compile.h"
#include "runtime/tools/stage_text.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

// Sizes that are not given are the usual ones of the documentation.
ProgramSpec with_sizes(ProgramSpec spec) {
  for (const auto& [name, value] : std::map<std::string, std::int64_t>{{"n", 30}, {"m", 10}, {"k", 2}, {"hidden", 30}})
    spec.sizes.emplace(name, value);
  return spec;
}

std::string times_text(const DumpOptions& o) {
  const auto start = std::chrono::steady_clock::now();
  const std::shared_ptr<compiler::Program> program = scheduled(with_sizes(o.spec));
  const std::chrono::duration<double, std::milli> front = std::chrono::steady_clock::now() - start;
  std::vector<compiler::PassTime> times = {{"check, elaborate, choose schedules", front.count(), 0, "", true}};
  compiler::Executable executable = compiler::compile(*program, dump_options(o.spec), &times);
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
  write_result(o.out, o.time_passes ? times_text(o) : stage_text(with_sizes(o.spec), o.stage));
  return 0;
}

}  // namespace eligo::cli
