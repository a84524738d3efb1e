#include <fmt/core.h>
#include <filesystem>

#include "dsl/report.h"
#include "runtime/cli/verbs.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/trainer.h"
#include "runtime/experiment/training.h"
#include "runtime/library/checked_file.h"
#include "runtime/library/compile.h"
#include "runtime/library/default_parts.h"
#include "runtime/library/library.h"
#include "runtime/library/program_spec.h"
#include "runtime/library/warnings.h"
#include "runtime/sweep/plan.h"
#include "support/error.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

// A path as it is; else the file of an item of that name.
std::string file_of(const std::string& name, const std::vector<std::string>& folders) {
  std::error_code error;
  if (std::filesystem::exists(name, error) || name.find('/') != std::string::npos || name.ends_with(".eli"))
    return name;
  for (const auto& item : list_items(folders)) {
    if (item.name == name) return item.path;
  }
  throw Error(fmt::format("{}: there is neither a file nor an item of this name; `eligo list` shows the items", name));
}

// What each variant's rule leaves out of its net; a rule that does not fit its net is an error here, too.
void check_experiment(const std::string& path, const std::vector<std::string>& folders) {
  const SettingsFile file = read_settings(path);
  if (!file.sweep.empty()) {
    Progress progress(stdout, true);
    const Plan plan = make_plan(path, {{}, folders, {}}, progress);
    if (!file.quick.empty()) make_plan(path, {{}, folders, {}, true}, progress);
    say(fmt::format("{}: a sweep of {} lines, all settings are good\n", path, plan.lines.size()));
    return;
  }
  const Experiment experiment = load_experiment(path, {{}, folders, {}});
  if (!file.quick.empty()) load_experiment(path, {{}, folders, {}, true});
  for (const auto& variant : experiment.variants)
    for (const auto& warning : warnings_of(variant.program))
      complain(fmt::format("warning: {}: {}: {}\n", path, variant.name, warning));
  for (const auto& variant : experiment.variants) {
    if (!variant.policy || !variant.policy->by_step) continue;
    const auto source = make_source(variant.task, variant.policy, variant.curriculum);
    check_by_step(variant, Session(compile(program_for(experiment, variant, *source)),
                                   {.batch = variant.train.batch, .steps = source->shape().max_steps}));
  }
  const std::size_t variants = experiment.variants.size(), seeds = experiment.seeds.size();
  say(fmt::format("{}: {} variant{}, {} seed{}, all settings are good\n", path, variants,
                  variants == 1 ? "" : "s", seeds, seeds == 1 ? "" : "s"));
}

// What a rule leaves out of a cell, with other parts that fit; nothing where the two do not go together.
std::vector<std::string> left_out(const std::string& rule, const std::string& cell,
                                  const std::vector<std::string>& folders) {
  try {
    ProgramSpec spec;
    spec.rule = rule;
    spec.cell = cell;
    spec.rule_paths = folders;
    return warnings_of(fitting(spec, {}));
  } catch (const std::exception&) {
    return {};
  }
}

// A cell of the library whose output has parameters of its own, by which a rule without a cell is tried.
constexpr const char* kProjected = "rnn_projected";

// Each rule of a file with the cells of the same file; a rule without one with a cell that asks for the most.
std::string warnings_of_file(const std::string& path, const std::vector<std::string>& folders) {
  std::vector<std::string> rules, cells;
  for (const Item& item : items_of_file(path)) {
    if (item.kind == "rule") rules.push_back(item.name);
    if (item.kind == "cell") cells.push_back(item.name);
  }
  std::string out;
  for (const auto& rule : rules) {
    for (const auto& cell : cells)
      for (const auto& warning : left_out(path + ":" + rule, path + ":" + cell, folders))
        out += fmt::format("warning: rule {} with cell {}: {}\n", rule, cell, warning);
    const auto notes = cells.empty() ? left_out(path + ":" + rule, kProjected, folders) : std::vector<std::string>{};
    if (!notes.empty())
      out += fmt::format("note: rule {} with a cell whose output has parameters, such as {}: {}\n", rule, kProjected,
                         notes.front());
  }
  return out;
}

}  // namespace

int check(const std::vector<std::string>& files, bool json, const std::vector<std::string>& rule_folders) {
  dsl::Diagnostics all;
  std::string reports, warnings;
  for (const auto& name : files) {
    if (name.ends_with(".toml")) {
      check_experiment(name, rule_folders);
      continue;
    }
    const std::shared_ptr<const CheckedFile> file = checked_file(file_of(name, rule_folders));
    if (file->diagnostics.empty()) {
      reports += dsl::report(file->items);
      warnings += warnings_of_file(file->parsed.source->path, rule_folders);
    }
    for (const auto& diagnostic : file->diagnostics.list()) {
      const dsl::Label* first = diagnostic.labels.empty() ? nullptr : &diagnostic.labels.front();
      auto& copy =
          all.error(diagnostic.code, diagnostic.message, first != nullptr ? first->source : file->parsed.source,
                    first != nullptr ? first->span : dsl::Span{}, first != nullptr ? first->text : "");
      copy = diagnostic;
    }
  }
  if (json) {
    fmt::print("{}\n", dsl::render_json(all));
    return all.empty() ? 0 : 1;
  }
  say(reports);
  flush_output();
  complain(warnings);
  if (all.empty()) return 0;
  flush_output();
  complain(dsl::render(all, coloured(stderr), columns(stderr)));
  return 1;
}

}  // namespace eligo::cli
