#include "runtime/cli/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <regex>
#include <thread>

#include "runtime/cli/interrupt.h"
#include "runtime/cli/model_options.h"
#include "runtime/library/library.h"
#include "runtime/sweep/gather.h"
#include "runtime/sweep/line_folder.h"
#include "runtime/sweep/pool.h"
#include "runtime/sweep/process.h"
#include "runtime/sweep/slurm.h"
#include "runtime/sweep/work.h"
#include "support/error.h"
#include "support/files.h"
#include "support/targets.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

constexpr std::int64_t kMany = 1000000;

// All that the sub-verbs may be given; one runs per call.
struct SweepArguments {
  std::string experiment, data, plan, out, table, lines, script;
  ExperimentOptions how;
  std::int64_t index = 0, pack = 1, workers = 0, threads = 0, at_once = 0;
  SlurmOptions slurm;
  bool quiet = false, submit = false;

  std::string runs() const { return out.empty() ? runs_of(plan) : out; }
};

int machine() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

// --- what they do ---------------------------------------------------------------------------------------------------

int plan(SweepArguments& a) {
  if (!a.data.empty()) a.how.overrides.push_back("task.data=" + a.data);
  Progress progress(stdout, a.quiet);
  const Plan made = make_plan(find_experiment(a.experiment, a.how.rule_folders), a.how, progress);
  write_plan(made, a.plan);
  for (const std::string& note : made.notes) say(fmt::format("note: {}\n", note));
  if (made.repeated > 0) say(fmt::format("note: {} lines would repeat others and are left out\n", made.repeated));
  say(fmt::format("{}: {} lines, all checked and compiled\n", a.plan, made.lines.size()));
  return 0;
}

const char* end_text(WorkEnd end) {
  switch (end) {
    case WorkEnd::done: return "done";
    case WorkEnd::was_done: return "was done";
    case WorkEnd::failed: return "failed: ";
    case WorkEnd::busy: return "left alone: ";
    case WorkEnd::interrupted: return "interrupted; the same command goes on with it";
  }
  return "";
}

int work(SweepArguments& a) {
  const Plan planned = read_plan(a.plan);
  const auto numbers = lines_of_pack(planned, static_cast<std::uint64_t>(a.index), static_cast<std::uint64_t>(a.pack));
  heed_interrupts();
  int status = 0;
  for (const std::uint64_t number : numbers) {
    const PlanLine& line = planned.lines[number];
    const WorkResult result = work_on(planned, line, {a.runs(), static_cast<int>(a.threads), a.quiet, interrupted});
    const std::string text = fmt::format("line {}, {}, seed {}: {}{}\n", number, line.variant, line.seed,
                                         end_text(result.end), result.message);
    if (result.end == WorkEnd::interrupted) {
      say(text);
      return kWorkInterrupted;
    }
    if (result.message.empty()) say(text);
    else complain(text);
    flush_output();
    if (!result.message.empty()) status = 1;
  }
  return status;
}

int run_all(SweepArguments& a) {
  const Plan planned = read_plan(a.plan);
  PoolOptions options{own_command(), a.runs()};
  options.workers = static_cast<std::size_t>(a.workers > 0 ? a.workers : machine());
  options.threads =
      a.threads > 0 ? static_cast<int>(a.threads) : std::max(1, machine() / static_cast<int>(options.workers));
  options.quiet = a.quiet;
  options.interrupted = interrupted;
  heed_interrupts();
  const PoolResult result = run_pool(planned, options);
  say("\n" + gathered_text(planned, gather(planned, options.runs)));
  say(fmt::format("\nrun folders: {}\n", options.runs));
  if (result.interrupted) return kInterrupted;
  return result.done + result.was_done == planned.lines.size() ? 0 : 1;
}

// A text of this form.
CLI::Validator form(const std::string& pattern, const std::string& expected) {
  return CLI::Validator(
      [pattern, expected](std::string& text) {
        return std::regex_match(text, std::regex(pattern)) ? std::string()
                                                           : fmt::format("{} is not {}", text, expected);
      },
      "");
}

int gather_all(SweepArguments& a) {
  check_targets({a.table, a.lines}, {a.plan});
  const Plan planned = read_plan(a.plan);
  const Gathered gathered = gather(planned, a.runs());
  if (!a.table.empty()) write_file_atomically(a.table, gathered_csv(planned, gathered));
  if (!a.lines.empty()) write_file_atomically(a.lines, lines_csv(planned, gathered));
  say(gathered_text(planned, gathered));
  return 0;
}

int slurm(SweepArguments& a) {
  const Plan planned = read_plan(a.plan);
  a.slurm.command = own_command();
  a.slurm.runs = a.runs();
  a.slurm.pack = static_cast<std::uint64_t>(a.pack);
  a.slurm.at_once = static_cast<std::uint64_t>(a.at_once);
  const std::string path =
      a.script.empty() ? std::filesystem::path(a.plan).replace_extension(".sbatch").string() : a.script;
  check_targets({path}, {a.plan});
  const std::string text = slurm_script(planned, a.slurm);
  std::error_code error;
  std::filesystem::create_directories(a.slurm.runs, error);  // where tasks write what they say
  if (error)
    throw Error(
        fmt::format("{}: the folder cannot be made: {}; choose another with --out", a.slurm.runs, error.message()));
  write_file_atomically(path, text);
  say(a.submit ? submit(path) : fmt::format("{}: submit it with: sbatch {}\n", path, path));
  return 0;
}

// --- their options --------------------------------------------------------------------------------------------------

void add_plan_option(CLI::App* verb, SweepArguments& a) {
  verb->add_option("plan", a.plan, "A plan, as `eligo sweep plan` writes it")->required();
  verb->add_option("--out", a.out, "The folder of the run folders (default: beside the plan, plan.runs of plan.jsonl)");
}

void add_threads_option(CLI::App* verb, SweepArguments& a, const std::string& otherwise) {
  verb->add_option("--threads", a.threads, "Threads of a line where the plan does not say (default: " + otherwise + ")")
      ->check(whole(1, 1024));
}

void add_pack_option(CLI::App* verb, SweepArguments& a, const char* help) {
  verb->add_option("--pack", a.pack, help)->check(whole(1, kMany))->capture_default_str();
}

void add_plan(CLI::App* verb, SweepArguments& a) {
  verb->add_option("experiment", a.experiment, "A .toml file with lists, [[compare]] blocks, seeds or a table [sweep]")
      ->required();
  verb->add_option("settings", a.how.overrides, "name=value, see `eligo list settings`; also sweep.samples=8");
  verb->add_option("-o,--plan", a.plan, "The plan to write, such as plan.jsonl")->required();
  verb->add_option("--data", a.data, "File or folder of the task's data");
  verb->add_option("--only", a.how.only, "Only this variant of the comparison (may be repeated)")
      ->allow_extra_args(false);
  verb->add_flag("--quick", a.how.quick, "Of its quick form, by the table [quick] of the experiment");
  verb->add_flag("--quiet", a.quiet, "No progress");
  add_rules_option(verb, a.how.rule_folders);
}

void add_work(CLI::App* verb, SweepArguments& a) {
  add_plan_option(verb, a);
  verb->add_option("--index", a.index, "Which pack of lines, from 0 on")->required()->check(whole(0, INT64_MAX));
  add_pack_option(verb, a, "Lines of a pack: index I is the lines I*PACK to I*PACK + PACK-1");
  add_threads_option(verb, a, "as many as the machine has");
  verb->add_flag("--quiet", a.quiet, "No progress");
}

void add_run(CLI::App* verb, SweepArguments& a) {
  add_plan_option(verb, a);
  verb->add_option("-j,--jobs", a.workers, "Lines at once (default: as many as the machine has processors)")
      ->check(whole(1, 1024));
  add_threads_option(verb, a, "the machine's, divided by -j");
  verb->add_flag("--quiet", a.quiet, "No overview, only the table");
}

void add_gather(CLI::App* verb, SweepArguments& a) {
  add_plan_option(verb, a);
  verb->add_option("--table", a.table, "A .csv file with a row for each variant: means, standard errors, counts");
  verb->add_option("--lines", a.lines, "A .csv file with a row for each line: settings, results, messages");
}

void add_slurm(CLI::App* verb, SweepArguments& a) {
  add_plan_option(verb, a);
  add_pack_option(verb, a, "Lines of a task");
  verb->add_option("--script", a.script, "The script to write (default: beside the plan, plan.sbatch of plan.jsonl)");
  verb->add_flag("--submit", a.submit, "Hand it to sbatch");
  verb->add_option("--at-once", a.at_once, "Tasks that run at once (default: as many as there is room for)")
      ->check(whole(1, kMany));
  verb->add_option("--cpus", a.slurm.cpus, "Processors of a task")->check(whole(1, 1024))->capture_default_str();
  verb->add_option("--time", a.slurm.time, "Time limit of a task, such as 2:00:00")
      ->check(form("([0-9]+-)?[0-9]+(:[0-9]{1,2}){0,2}|UNLIMITED", "a time limit as sbatch takes it: 30, 2:00:00 or 1-12"));
  verb->add_option("--signal-before", a.slurm.signal_before, "Seconds before the limit at which a task saves")
      ->check(whole(1, 65535))
      ->capture_default_str();
  verb->add_option("--memory", a.slurm.memory, "Memory of a task, as sbatch takes it: 4G")
      ->check(form("[0-9]+[KMGT]?", "an amount of memory as sbatch takes it: 4G"));
  verb->add_option("--partition", a.slurm.partition, "The partition");
  verb->add_option("--sbatch", a.slurm.more, "A further option of sbatch: --sbatch=--account=ours (may be repeated)")
      ->allow_extra_args(false);
}

}  // namespace

void add_sweep(CLI::App& app, int& status) {
  auto* sweep =
      app.add_subcommand("sweep", "Many runs: a plan of them, run here, on Slurm or elsewhere, and their table");
  sweep->require_subcommand(1);
  const auto a = std::make_shared<SweepArguments>();
  const auto verb = [&](const char* name, const char* help, int (*does)(SweepArguments&)) {
    auto* added = sweep->add_subcommand(name, help);
    added->callback([a, does, &status] {
      std::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is an error of the write, with a message
      status = does(*a);
    });
    return added;
  };
  add_plan(verb("plan", "Write the plan of an experiment: a line for each run, checked and compiled", plan), *a);
  add_work(verb("work", "Run some lines of a plan in this process, or go on with them", work), *a);
  add_run(verb("run", "Run what is missing of a plan on this machine, several lines at once", run_all), *a);
  add_gather(verb("gather", "One table of all lines: means, standard errors, counts, failures", gather_all), *a);
  add_slurm(verb("slurm", "Write what is missing of a plan as an array job of Slurm", slurm), *a);
}

}  // namespace eligo::cli
