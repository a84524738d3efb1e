// The `eligo` command: reads its arguments and calls a verb. Every error ends on stderr with exit status 1.
#include "runtime/cli/command.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <functional>
#include <new>
#include <sstream>
#include <system_error>

#include "dsl/diagnostic.h"
#include "runtime/cli/bench.h"
#include "runtime/cli/compare.h"
#include "runtime/cli/dump.h"
#include "runtime/cli/eval.h"
#include "runtime/cli/explain.h"
#include "runtime/cli/gradcheck.h"
#include "runtime/cli/kernels.h"
#include "runtime/cli/model_options.h"
#include "runtime/cli/report.h"
#include "runtime/cli/sweep.h"
#include "runtime/cli/verbs.h"
#include "runtime/library/program_spec.h"
#include "support/error.h"
#include "support/terminal.h"

namespace {

using eligo::cli::add_compile_options;
using eligo::cli::add_rule_options;
using eligo::cli::add_rules_option;
using eligo::cli::add_schedule_option;
using eligo::cli::DumpOptions;
using eligo::cli::FormatOptions;
using eligo::cli::ListOptions;
using eligo::cli::ModelOptions;
using eligo::cli::memory_option;
using eligo::cli::read_hypers;
using eligo::cli::read_schedule;
using eligo::cli::RunOptions;
using eligo::cli::whole;
using eligo::cli::window_steps;

// All that the verbs may be given; one verb runs per call.
struct Arguments {
  RunOptions run;
  eligo::PredictOptions predict;
  eligo::cli::ReportArguments report;
  DumpOptions dump;
  FormatOptions format;
  ListOptions list;
  ModelOptions model;  // of dump, explain, kernels, gradcheck
  eligo::cli::ExplainArguments explain;
  eligo::cli::KernelsArguments kernels;
  eligo::cli::CompareArguments compare;
  eligo::cli::BenchArguments bench;
  eligo::GradcheckOptions gradcheck;
  std::vector<std::string> hypers;
  std::int64_t window = 0;
  std::string memory;
  eligo::cli::EvalOptions eval;
  std::vector<std::string> files, folders, sizes, schedules;
  bool json = false, clear = false;
  int status = 0;
};

void add_predict(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand("predict", "What a trained net puts out: for new data, or the run's own test");
  verb->add_option("run", a.predict.run, "A run folder")->required();
  verb->add_option("--data", a.predict.data, "A file of sequences, with or without targets (default: the run's own)");
  verb->add_option("--out", a.predict.out, "The .npz file to write: outputs, inputs, targets, lengths")->required();
  verb->add_option("--show", a.predict.show, "Equations beside the output: net.h, e (may be repeated)")->delimiter(',');
  verb->add_option("--sequences", a.predict.sequences, "How many sequences, the first ones (default: all)")
      ->check(eligo::cli::whole(1, INT64_MAX));
  verb->add_option("--variant", a.predict.variant, "Of a comparison, the variant");
  verb->add_option("--seed", a.predict.seed, "Of several seeds, the one");
  verb->add_option("--checkpoint", a.predict.checkpoint, "best (by validation) or last")->capture_default_str();
  verb->add_option_function<std::string>(
      "--split", [&a](const std::string& name) { a.predict.split = eligo::read_split(name); },
      "Of the run's own data: train, validation or test (default)");
  verb->callback([&a] { a.status = eligo::cli::predict(a.predict); });
}

void add_run(CLI::App& app, Arguments& a) {
  auto* verb =
      app.add_subcommand("run", "Train: an experiment file or its name, with settings such as rule.lambda=0.5");
  verb->add_option("experiment", a.run.experiment, "A .toml file, or a name of `eligo list experiments`");
  verb->add_option("settings", a.run.overrides, "name=value, see `eligo list settings`");
  verb->add_option("--data", a.run.data, "File or folder of the task's data");
  verb->add_option("--out", a.run.out, "The run folder to make (default: a new one in runs/)");
  verb->add_option_function<std::string>(
      "--memory", [&a](const std::string& bytes) { a.run.overrides.push_back("memory=\"" + bytes + "\""); },
      "Most that the run may take, such as 2GiB");
  verb->add_option("--resume", a.run.resume, "Go on with the run of this folder");
  verb->add_option("--only", a.run.only, "Only this variant of the comparison (may be repeated)")
      ->allow_extra_args(false);
  verb->add_flag("--quick", a.run.quick, "Its quick form, by the table [quick] of the experiment");
  verb->add_flag("--quiet", a.run.quiet, "No progress, only the table");
  add_schedule_option(verb, a.schedules);
  add_rules_option(verb, a.folders);
  verb->callback([&a] {
    a.run.rule_folders = a.folders;
    // With --resume there is no experiment: what stands in its place is a setting.
    if (!a.run.resume.empty() && a.run.experiment.find('=') != std::string::npos) {
      a.run.overrides.insert(a.run.overrides.begin(), a.run.experiment);
      a.run.experiment.clear();
    }
    for (const auto& text : a.schedules) {
      const auto [name, word] = read_schedule(text);
      if (name.empty()) throw eligo::Error(fmt::format("--schedule {}: name the recurrence, such as e={}", text, text));
      a.run.overrides.push_back(fmt::format("schedule.{}={}", name, word));
    }
    a.status = eligo::cli::run(a.run);
  });
}

void add_report(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand(
      "report", "Run folders as one page: tables with standard errors over seeds, curves, costs, equations, machines");
  verb->add_option("folders", a.report.folders, "Run folders; also of runs that are interrupted, or being written")
      ->required();
  verb->add_option("-o,--out", a.report.out, "The page to write, HTML that needs nothing else");
  verb->add_option("--markdown", a.report.markdown, "A file for the tables, as Markdown; - is the standard output");
  verb->add_option("--csv", a.report.csv, "A file for the table of results, to all digits; - is the standard output");
  verb->add_option("--over", a.report.over, "Draw the results over this setting, such as task.T or rule.lambda, too");
  verb->add_option("--pictures", a.report.pictures, "A folder for the charts, each as SVG and PNG");
  verb->add_flag("--credit", a.report.credit,
                 "Also run the nets of the checkpoints, to see how their rules credit each step of a sequence");
  verb->callback([&a] { a.status = eligo::cli::report(a.report); });
}

void add_eval(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand("eval", "Run one batch of a rule on the numbers of a JSON file");
  auto& o = a.eval;
  verb->add_option("case", o.case_path, "The case, JSON");
  verb->add_option("--out", o.out, "Where the results go, JSON; with --task the case")->required();
  verb->add_option("--rule", o.rule, "A rule in place of the case's");
  verb->add_option("--cell", o.cell, "A cell in place of the case's");
  verb->add_option("--readout", o.readout, "A readout in place of the case's");
  verb->add_option("--synth", o.synth, "A synthesiser in place of the case's; for several roles g=linear,fb=feedback");
  verb->add_option("--size", o.sizes, "A size: n=30 (may be repeated)")->allow_extra_args(false);
  verb->add_option("--hyper", o.hypers, "A hyper or number of the rule: lambda=0.5 (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--window", o.window, "The rule's n; -1 is all")->check(window_steps());
  verb->add_option("--show", o.show, "A further equation or line to write out (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--task", o.task, "Write a batch of this task as a case, instead of running one");
  verb->add_option("--set", o.task_settings, "An option of the task: T=5 (may be repeated)")->allow_extra_args(false);
  verb->add_option("--data", o.data, "File or folder of the task's data");
  verb->add_option("--batch", o.batch, "Examples of the task's batch")
      ->check(whole(1, 1000000))
      ->capture_default_str();
  verb->add_option("--seed", o.seed, "The task's seed")->check(whole(0, INT64_MAX))->capture_default_str();
  verb->add_option("--split", o.split, "train, validation or test")->capture_default_str();
  verb->add_option("--epoch", o.epoch, "The batch's epoch, from 1 on")
      ->check(whole(1, INT32_MAX))
      ->capture_default_str();
  verb->add_option("--number", o.number, "The batch's number in its epoch, from 1 on")
      ->check(whole(1, INT32_MAX))
      ->capture_default_str();
  add_rules_option(verb, o.rule_folders);
  verb->callback([&a] { a.status = eligo::cli::eval(a.eval); });
}

void add_check(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand("check", "Check rule files and say what they need: time, locality, shapes");
  verb->add_option("files", a.files, "Rule files (.eli), experiments (.toml) or names of the library")->required();
  verb->add_flag("--json", a.json, "The errors as JSON, for editors");
  add_rules_option(verb, a.folders);
  verb->callback([&a] { a.status = eligo::cli::check(a.files, a.json, a.folders); });
}

void add_format(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand("fmt", "Print rule files in their canonical form");
  verb->add_option("files", a.format.files, "Rule files; - is the standard input")->required();
  verb->add_flag("-i,--in-place", a.format.in_place, "Rewrite the files");
  verb->add_flag("--check", a.format.check, "Only fail if a file is not in that form");
  verb->callback([&a] { a.status = eligo::cli::format(a.format); });
}

void add_dump(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand("dump", "Show a rule after a stage of the compiler");
  add_rule_options(verb, a.model);
  add_compile_options(verb, a.model);
  auto* stage = verb->add_option("--stage", a.dump.stage,
                                 "parse, check, graph, derivatives, simplified, schedule, distributed, timetable, loops, llvm, asm, or "
                                 "the name of a pass, as --time-passes lists them");
  auto* times = verb->add_flag("--time-passes", a.dump.time_passes, "What each pass takes and leaves, instead of a text");
  stage->excludes(times);
  verb->add_option("--out", a.dump.out, "A file instead of the standard output");
  verb->callback([&a] {
    a.dump.spec = a.model.spec();
    a.status = eligo::cli::dump(a.dump);
  });
}

void add_explain(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand(
      "explain", "What the compiler makes of a rule: structure, schedules, costs; or the long help of an error code");
  add_rule_options(verb, a.model);
  verb->get_option("rule")->description("A rule's name, or file.eli:name; or a code such as E0304");
  add_compile_options(verb, a.model);
  verb->add_option("--batch", a.explain.options.batch, "Examples of a batch")
      ->check(whole(1, std::int64_t{1} << 30))
      ->capture_default_str();
  verb->add_option("--T", a.explain.options.steps, "Steps of a sequence")
      ->check(whole(1, std::int64_t{1} << 40))
      ->capture_default_str();
  verb->add_option("--memory", a.memory, "What a session may take, such as 2GiB (default: what the machine has)");
  verb->add_flag("--json", a.explain.json, "All of it as JSON");
  verb->callback([&a] {
    a.explain.options.spec = a.model.spec();
    if (!a.memory.empty()) a.explain.options.memory = memory_option(a.memory);
    a.status = eligo::cli::explain(a.explain);
  });
}

void add_kernels(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand(
      "kernels", "A rule's kernels, measured against the machine's bounds, with their code, alone or side by side");
  auto& o = a.kernels;
  add_rule_options(verb, a.model);
  add_compile_options(verb, a.model);
  verb->get_option("--cpu")
      ->description("native, avx512, avx2, baseline or a name that LLVM knows; several: native,avx2");
  verb->add_flag_callback("--float64", [&a] { a.model.dtype = "f64"; }, "Double precision, as --dtype f64");
  verb->add_option("--batch", o.batch, "Examples of a call, those of a shard")
      ->check(whole(1, std::int64_t{1} << 30))
      ->capture_default_str();
  verb->add_option("--T", o.steps, "Steps of a sequence")
      ->check(whole(1, std::int64_t{1} << 40))
      ->capture_default_str();
  verb->add_option("--phase", o.phase, "Only this phase, with its parts: step, sweep, update.net.W");
  verb->add_option("--vs", o.beside,
                   "Beside: another rule, or a setting for the same one: schedule=P=dense, cell=gru (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--top", o.top, "In the tables, so many statements that take longest")
      ->check(whole(1, std::int64_t{1} << 30));
  auto* statement =
      verb->add_option("--statement", o.statement, "Print the code of this statement instead, such as net.h");
  verb->add_option("--stage", o.stage, "Of that code: loops, llvm or asm")->needs(statement)->capture_default_str();
  verb->add_option("--picture", o.picture, "A file for the roofline, .png or .svg")->excludes(statement);
  verb->add_option("--html", o.html, "A file for a page with tables, roofline and code")->excludes(statement);
  verb->add_option("--json", o.json, "A file for all numbers; - is the standard output")->excludes(statement);
  verb->callback([&a] {
    a.kernels.model = a.model;
    a.status = eligo::cli::kernels(a.kernels);
  });
}

void add_gradcheck(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand("gradcheck", "Check a rule's derivatives against finite differences");
  add_rule_options(verb, a.model);
  verb->add_option("--hyper", a.hypers, "A hyper: lambda=0.5 (may be repeated)")->allow_extra_args(false);
  verb->add_option("--batch", a.gradcheck.batch, "Examples")->check(whole(1, 1000))->capture_default_str();
  verb->add_option("--T", a.gradcheck.steps, "Steps")->check(whole(1, 1000))->capture_default_str();
  verb->add_option("--seed", a.gradcheck.seed, "Of parameters, states and data")
      ->check(whole(0, INT64_MAX))
      ->capture_default_str();
  verb->add_option("--tolerance", a.gradcheck.tolerance, "The largest deviation, of the largest entry")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb->callback([&a] {
    if (std::isnan(a.gradcheck.tolerance)) throw eligo::Error("--tolerance is no number");
    a.gradcheck.hypers = read_hypers(a.hypers);
    a.status = eligo::cli::gradcheck(a.model.spec(), a.gradcheck);
  });
}

// An option that is another spelling of settings.
void add_setting(CLI::App* verb, const std::string& option, const std::string& path, std::vector<std::string>& into,
                 const std::string& help) {
  verb->add_option_function<std::string>(
      option, [path, &into](const std::string& value) { into.push_back(path + "=" + value); }, help);
}

void add_compare(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand("compare", "Run two rules on the same data from the same start, update by update");
  verb->add_option("a", a.compare.options.rule_a, "A rule")->required();
  verb->add_option("b", a.compare.options.rule_b, "Another, or the same with settings of its own")->required();
  verb->add_option("settings", a.compare.settings, "name=value for both, as for `eligo run`");
  verb->add_option("--a", a.compare.a, "name=value for the first alone (may be repeated)")->allow_extra_args(false);
  verb->add_option("--b", a.compare.b, "name=value for the second alone")->allow_extra_args(false);
  add_setting(verb, "--cell", "model.cell", a.compare.settings, "The cell of both; parts not given are chosen");
  add_setting(verb, "--readout", "model.readout", a.compare.settings, "The readout of both");
  add_setting(verb, "--synth", "model.synth", a.compare.settings, "The synthesiser of both");
  add_setting(verb, "--task", "task.name", a.compare.settings, "The task (delayed_target)");
  add_setting(verb, "--T", "task.T", a.compare.settings, "The task's steps");
  add_setting(verb, "--batch", "train.batch", a.compare.settings, "Examples of a batch (10)");
  add_setting(verb, "--dtype-a", "dtype", a.compare.a, "f32 or f64");
  add_setting(verb, "--dtype-b", "dtype", a.compare.b, "f32 or f64");
  add_setting(verb, "--backend-a", "backend", a.compare.a, "jit or interpreter");
  add_setting(verb, "--backend-b", "backend", a.compare.b, "jit or interpreter");
  verb->add_option("--updates", a.compare.options.updates, "Batches to learn from")
      ->check(whole(1, 1000000))
      ->capture_default_str();
  verb->add_option("--seed", a.compare.options.seed, "Of data and parameters")
      ->check(whole(0, INT64_MAX))
      ->capture_default_str();
  verb->add_flag("--lockstep", a.compare.options.lockstep, "b starts every update from a's parameters");
  verb->add_option("--data", a.compare.data, "File or folder of the task's data");
  verb->add_option("--json", a.compare.json, "A file for all numbers");
  add_rules_option(verb, a.folders);
  verb->callback([&a] {
    a.compare.options.rule_folders = a.folders;
    a.status = eligo::cli::compare(a.compare);
  });
}

// What --rules of `bench` is run on.
void add_bench_shape(CLI::App* verb, Arguments& a) {
  auto& o = a.bench.options;
  verb->add_option("--cell", o.program.cell, "Their cell; parts that are not given are chosen");
  verb->add_option("--readout", o.program.readout, "Their readout");
  verb->add_option("--synth", o.program.synth, "Their synthesiser; for several roles g=linear,fb=feedback");
  verb->add_option("--optimiser", o.program.optimiser, "Their optimiser")->default_val("adam");
  verb->add_option("--units", o.units, "Units, one row for each: 30,100")->delimiter(',')->check(whole(1, INT32_MAX));
  verb->add_option("--inputs", o.inputs, "Inputs of a step")->check(whole(1, INT32_MAX))->capture_default_str();
  verb->add_option("--targets", o.targets, "Targets of a step")->check(whole(1, INT32_MAX))->capture_default_str();
  verb->add_option("--batch", o.batch, "Examples")->check(whole(1, 1000000))->capture_default_str();
  verb->add_option("--T", o.steps, "Steps")->check(whole(1, 1000000))->capture_default_str();
  verb->add_option("--threads", o.threads, "Threads")->check(whole(1, 1024))->capture_default_str();
  verb->add_option("--size", a.sizes, "A size: q=6 (may be repeated)")->allow_extra_args(false);
  verb->add_option("--hyper", a.hypers, "A hyper: lambda=0.5 (may be repeated)")->allow_extra_args(false);
  verb->add_option("--window", a.window, "The rule's n; -1 is all")->check(window_steps());
  verb->add_option("--schedule", a.schedules, "How a recurrence is computed: e=dense (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--update", a.bench.update, "step, window or sequence")
      ->check(CLI::IsMember({"step", "window", "sequence"}))
      ->capture_default_str();
  verb->add_flag("--float64", o.program.float64, "Double precision");
  verb->add_option("--folder", a.folders, "A folder of rule files, searched before the library")
      ->allow_extra_args(false);
}

void add_bench(CLI::App& app, Arguments& a) {
  auto* verb = app.add_subcommand("bench", "Measure rules beside other implementations and the machine's limits");
  auto& o = a.bench.options;
  verb->add_option("--rules", o.rules, "Rules: bptt,mine.eli:rule; without it the suite of docs/performance.md")
      ->delimiter(',');
  verb->add_option("--only", o.only, "Of the suite: rows whose names contain this (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--vs", o.peers, "Beside: eigen,torch,numpy,numpy32,jax; for the suite all that are here")
      ->delimiter(',');
  verb->add_flag("--alone", o.no_peers, "Beside nothing");
  verb->add_flag("--quick", o.quick, "Few repeats, short sequences");
  add_bench_shape(verb, a);
  verb->add_option("--json", o.json, "A file for all numbers");
  verb->add_option("--markdown", o.markdown, "A file for the tables, as Markdown");
  verb->add_option("--picture", o.picture, "A file for the picture, .png or .svg");
  verb->add_option("--compile-once", a.bench.compile_once, "")->group("");
  verb->callback([&a] {
    auto& options = a.bench.options;
    options.program.rule_paths = a.folders;
    options.program.update = a.bench.update == "step"     ? eligo::Update::step
                             : a.bench.update == "window" ? eligo::Update::window
                                                          : eligo::Update::sequence;
    for (const auto& text : a.sizes) options.program.sizes.insert(eligo::cli::read_size(text));
    for (const auto& text : a.schedules) options.program.schedule.insert(read_schedule(text));
    for (const auto& [name, value] : read_hypers(a.hypers)) options.hypers[name] = value;
    if (a.window != 0) options.program.header["n"] = a.window;
    a.status = eligo::cli::bench(a.bench);
  });
}

void add_small_verbs(CLI::App& app, Arguments& a) {
  auto* list = app.add_subcommand(
      "list", "What there is: rules, cells, synths, readouts, optimisers, tasks, environments, experiments, settings");
  list->add_option("what", a.list.what, "One of these");
  list->add_flag("--paths", a.list.paths, "Where each lies");
  list->add_flag("--json", a.list.json, "As JSON");
  list->add_flag("--markdown", a.list.markdown, "The page of the rules: equations, costs, identities and tests");
  add_rules_option(list, a.folders);
  list->callback([&a] {
    a.list.rule_folders = a.folders;
    a.status = eligo::cli::list(a.list);
  });
  auto* cache = app.add_subcommand("cache", "Where compiled programs are kept, and how many");
  cache->add_flag("--clear", a.clear, "Remove them");
  cache->callback([&a] { a.status = eligo::cli::cache(a.clear); });
  auto* version = app.add_subcommand("version", "The version");
  version->callback([] { eligo::say("eligo " ELIGO_VERSION "\n"); });
}

// A reader that wants no more, as `head` does, is no fault: the status is that of a process that SIGPIPE ends.
int output_lost(int reason) {
  constexpr int broken_pipe = 141;
  if (reason == EPIPE) return broken_pipe;
  eligo::complain(fmt::format("error: the standard output cannot be written to: {}\n",
                                   reason == 0 ? "write error" : std::strerror(reason)));
  return 1;
}

// Runs and turns every exception into a message and an exit status.
int guarded(const std::function<int()>& work) {
  using eligo::complain;
  try {
    return work();
  } catch (const eligo::OutputLost& lost) {
    return output_lost(lost.reason);
  } catch (const std::system_error& error) {
    if (std::ferror(stdout) != 0) return output_lost(error.code().value());
    complain(fmt::format("error: {}\n", error.what()));
  } catch (const eligo::dsl::SourceError& error) {
    complain(eligo::dsl::render(error.diagnostics(), eligo::coloured(stderr), eligo::columns(stderr)));
  } catch (const eligo::Error& error) {
    complain(eligo::wrapped(fmt::format("error: {}\n", error.what()), eligo::columns(stderr)));
  } catch (const std::length_error&) {  // of a list that no memory holds
    complain("error: not enough memory; use smaller sizes or a smaller batch\n");
  } catch (const std::bad_alloc&) {
    complain("error: not enough memory; use smaller sizes or a smaller batch\n");
  } catch (const std::exception& error) {
    complain(fmt::format("error: internal: {}; please report it with the command line\n", error.what()));
  }
  return 1;
}

}  // namespace

int eligo::cli::command(int argc, char** argv) {
  CLI::App app("eligo: a compiler for learning rules", "eligo");
  app.require_subcommand(1);
  app.set_version_flag("--version", "eligo " ELIGO_VERSION);
  Arguments arguments;
  add_run(app, arguments);
  eligo::cli::add_sweep(app, arguments.status);
  add_predict(app, arguments);
  add_report(app, arguments);
  add_eval(app, arguments);
  add_check(app, arguments);
  add_format(app, arguments);
  add_dump(app, arguments);
  add_explain(app, arguments);
  add_kernels(app, arguments);
  add_gradcheck(app, arguments);
  add_compare(app, arguments);
  add_bench(app, arguments);
  add_small_verbs(app, arguments);
  return guarded([&] {
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      std::ostringstream out, problem;
      const int status = app.exit(error, out, problem);
      eligo::say(out.str());
      eligo::flush_output();
      eligo::complain(eligo::wrapped(problem.str(), eligo::columns(stderr)));
      return status == 0 ? 0 : 2;
    }
    eligo::flush_output();
    return arguments.status;
  });
}
