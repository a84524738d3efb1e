#include "runtime/sweep/slurm.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <filesystem>

#include "runtime/experiment/run_folder.h"
#include "runtime/sweep/line_folder.h"
#include "runtime/sweep/process.h"
#include "runtime/sweep/work.h"
#include "support/error.h"

namespace eligo {
namespace {

std::string absolute(const std::string& path) {
  std::error_code error;
  const auto full = std::filesystem::absolute(path, error);
  if (error) throw Error(fmt::format("{}: {}", path, error.message()));
  return full.lexically_normal().string();
}

// A word of the shell, whatever it holds.
std::string shell_word(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

// sbatch reads options up to the end of the line, and takes blanks for their ends.
void check_option(const std::string& name, const std::string& value) {
  for (const char c : value)
    if (static_cast<unsigned char>(c) <= ' ' || c == '#' || c == '"' || c == '\'' || c == '\\')
      throw Error(fmt::format("{}: \"{}\" has a character that an option of sbatch cannot have", name, value));
}

std::vector<std::uint64_t> packs_to_do(const Plan& plan, const SlurmOptions& options) {
  std::vector<std::uint64_t> packs;
  for (const std::uint64_t line : lines_to_do(plan, options.runs))
    if (packs.empty() || packs.back() != line / options.pack) packs.push_back(line / options.pack);
  if (packs.empty()) throw Error(fmt::format("{}: all lines are done; `eligo sweep gather` shows them", plan.path));
  return packs;
}

std::string header(const Plan& plan, const SlurmOptions& options) {
  std::string array = ranges_text(packs_to_do(plan, options), plan.lines.size(), ",");
  if (options.at_once > 0) array += fmt::format("%{}", options.at_once);
  std::vector<std::string> lines = {
      "--job-name=" + file_name(plan.name),
      "--array=" + array,
      "--requeue",
      fmt::format("--signal=B:USR1@{}", options.signal_before),
      "--open-mode=append",
      "--output=" + absolute(options.runs) + "/slurm-%A_%a.txt",
      "--nodes=1",
      "--ntasks=1",
      fmt::format("--cpus-per-task={}", options.cpus),
  };
  if (!options.time.empty()) lines.push_back("--time=" + options.time);
  if (!options.memory.empty()) lines.push_back("--mem=" + options.memory);
  if (!options.partition.empty()) lines.push_back("--partition=" + options.partition);
  for (const std::string& text : options.more) {
    if (!text.starts_with("--")) throw Error(fmt::format("--sbatch: \"{}\" is no option such as --account=ours", text));
    lines.push_back(text);
  }
  std::string out;
  for (const std::string& line : lines) {
    check_option(line.substr(0, line.find('=')), line.substr(std::min(line.size(), line.find('=') + 1)));
    out += "#SBATCH " + line + "\n";
  }
  return out;
}

// USR1 comes before the time limit: save, and queue again. TERM is a preemption, a requeue or scancel: save, no more.
constexpr const char* kBody = R"(
at_the_limit=
trap 'at_the_limit=yes; kill -TERM "$worker" 2>/dev/null' USR1
trap 'kill -TERM "$worker" 2>/dev/null' TERM
{} &
worker=$!
# A signal ends a wait, not the worker.
while wait "$worker"; status=$?; kill -0 "$worker" 2>/dev/null; do :; done
wait "$worker"; status=$?
if [ "$status" = {} ] && [ -n "$at_the_limit" ]; then
  scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
fi
exit "$status"
)";

}  // namespace

std::string slurm_script(const Plan& plan, const SlurmOptions& options) {
  const std::string command = fmt::format(
      "{} sweep work {} --index \"$SLURM_ARRAY_TASK_ID\" --pack {} --out {} --threads {}", shell_word(options.command),
      shell_word(absolute(plan.path)), options.pack, shell_word(absolute(options.runs)), options.cpus);
  return "#!/bin/bash\n" + header(plan, options) + fmt::format(fmt::runtime(kBody), command, kWorkInterrupted);
}

std::string submit(const std::string& script_path) {
  Process process({"sbatch", script_path});
  std::string said;
  pollfd waited{process.output(), POLLIN, 0};
  while (process.read(said)) poll(&waited, 1, -1);
  if (const int status = process.wait(); status != 0)
    throw Error(
        fmt::format("sbatch {}: {}{}{}", script_path, status_text(status), said.empty() ? "" : ": ",
                    said.empty() ? "; is Slurm installed here?" : said.substr(0, said.find_last_not_of('\n') + 1)));
  return said;
}

}  // namespace eligo
