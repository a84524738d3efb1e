#include "runtime/sweep/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "runtime/experiment/alignment.h"
#include "runtime/experiment/trainer.h"
#include "runtime/sweep/samples.h"
#include "support/error.h"
#include "support/text_file.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostLines = 1000000;

// Of the files that RunFolder::set_up copies.
std::string rules_digest(const Variant& variant) {
  std::string all;
  const auto add = [&](const std::string& role, const std::string& path) {
    all += fmt::format("{} {}\n", role, digest(read_file(path)));
  };
  for (const Part& part : variant.parts)
    add(fmt::format("{} {} {}", part.setting, part.role, part.found.item), part.found.path);
  if (variant.train.measure > 0) {  // what the cosine is taken with
    if (const auto reference = reference_rule(variant.program.rule_paths)) add("reference", *reference);
    try {
      add("its optimiser", find_part("sgd", "optimiser", variant.program.rule_paths).path);
    } catch (const Error&) {  // no library: it is not measured
    }
  }
  return digest(all);
}

// What finds a part from any folder: its name in the library, else its file.
std::string name_anywhere(const Part& part) {
  const auto of_library = find_in_library(part.found.item, part.kind);
  std::error_code error;
  const fs::path path = fs::weakly_canonical(part.found.path, error);
  if (of_library && fs::weakly_canonical(of_library->path, error) == path) return part.found.item;
  return path.string() + ":" + part.found.item;
}

// --- making one -----------------------------------------------------------------------------------------------------

// Settings of the command line that are of the table [sweep], or that take the place of one of its ranges.
std::vector<std::string> apply_to_sweep(SettingsFile& file, const std::vector<std::string>& overrides) {
  constexpr std::string_view table = "sweep.";
  std::vector<std::string> others;
  bool replaced = false;
  for (const auto& text : overrides) {
    auto [path, value] = parse_override(text);
    if (path.starts_with(table)) {
      file.sweep[path.substr(table.size())] = std::move(value);
      continue;
    }
    const auto of_range = [&](const auto& entry) {
      return entry.first.starts_with(path + ".") && entry.first.find('.', path.size() + 1) == std::string::npos;
    };
    replaced = std::erase_if(file.sweep, of_range) > 0 || replaced;
    others.push_back(text);
  }
  const auto is_range = [](const auto& entry) { return entry.first.find('.') != std::string::npos; };
  if (replaced && std::none_of(file.sweep.begin(), file.sweep.end(), is_range)) file.sweep.clear();
  return others;
}

class Planner {
 public:
  Planner(const std::string& path, const ExperimentOptions& options, Progress& progress)
      : file_(read_settings(path)), path_(path), options_(options), progress_(progress) {
    options_.overrides = apply_to_sweep(file_, options.overrides);
    sampling_ = read_sampling(file_.sweep, path);
    for (const Range& range : sampling_.ranges) check_given_once(range);
  }

  Plan make() {
    const std::uint64_t samples = std::max<std::uint64_t>(1, sampling_.samples);
    for (std::uint64_t sample = 0; sample < samples; ++sample) {
      SettingsFile file = file_;
      const std::vector<Setting> values = sampling_.values(sample);
      for (std::size_t i = 0; i < values.size(); ++i) file.base[sampling_.ranges[i].path] = list_of(values[i]);
      add(load_experiment(std::move(file), path_, options_));
    }
    keep_what_differs();
    return std::move(plan_);
  }

 private:
  void check_given_once(const Range& range) const {
    const auto fail = [&](const Setting& other) {
      throw Error(fmt::format("{}: sweep.{} is a range of a setting that is given at {} too; leave one of them out",
                              range.place, range.path, other.place));
    };
    if (const auto given = file_.base.find(range.path); given != file_.base.end()) fail(given->second);
    for (const Settings& variant : file_.compare)
      if (const auto given = variant.find(range.path); given != variant.end()) fail(given->second);
  }

  // A list of one value: it becomes a part of the variant's name, and reaches only variants that have the setting.
  static Setting list_of(const Setting& value) {
    if (const auto* whole = std::get_if<std::int64_t>(&value.data))
      return {std::vector<std::int64_t>{*whole}, value.place};
    return {std::vector<double>{std::get<double>(value.data)}, value.place};
  }

  void add(const Experiment& experiment) {
    plan_.name = experiment.name;
    plan_.notes = experiment.notes;
    for (const Variant& variant : experiment.variants) {
      for (const std::uint64_t seed : experiment.seeds) {
        Experiment one = experiment;
        one.variants = {variant};
        one.seeds = {seed};
        add(one, seed == experiment.seeds.front());
        if (plan_.lines.size() > kMostLines)
          throw Error(fmt::format("{}: is more than {} lines; shorten its lists", path_, kMostLines));
      }
    }
  }

  void add(const Experiment& one, bool check) {
    PlanLine line;
    line.number = plan_.lines.size();
    line.variant = one.variants[0].name;
    line.seed = one.seeds[0];
    line.experiment = one.resolved(name_anywhere);
    if (!known_.insert(line.experiment).second) {
      ++plan_.repeated;
      return;
    }
    line.rules = rules_digest(one.variants[0]);
    line.digest = digest_of(line);
    plan_.path = path_;
    const Experiment read_back = experiment_of(plan_, line);
    check_rules(line, read_back);
    progress_.update(fmt::format("line {}  {}", line.number, line.variant));
    if (check) {  // seeds make no difference
      const Trainer compiled(read_back, {false, true});
    }
    line.settings = one.variants[0].settings;
    plan_.lines.push_back(std::move(line));
  }

  // Of the settings of each line those in which another line differs.
  void keep_what_differs() {
    const Settings first = plan_.lines.front().settings;
    std::set<std::string> differing;
    for (const PlanLine& line : plan_.lines) {
      for (const auto& [path, value] : line.settings)
        if (const auto other = first.find(path); other == first.end() || !(other->second == value))
          differing.insert(path);
      for (const auto& [path, value] : first)
        if (!line.settings.contains(path)) differing.insert(path);
    }
    for (PlanLine& line : plan_.lines)
      std::erase_if(line.settings, [&](const auto& entry) { return !differing.contains(entry.first); });
  }

  SettingsFile file_;
  std::string path_;
  ExperimentOptions options_;
  Progress& progress_;
  Sampling sampling_;
  Plan plan_;
  std::set<std::string> known_;  // experiments
};

}  // namespace

Plan make_plan(const std::string& path, const ExperimentOptions& options, Progress& progress) {
  return Planner(path, options, progress).make();
}

// --- its lines ------------------------------------------------------------------------------------------------------

Experiment experiment_of(const Plan& plan, const PlanLine& line) {
  const std::string place = fmt::format("{}, line {}", plan.path, line.number);
  if (digest_of(line) != line.digest)
    throw Error(fmt::format("{}: its experiment has been changed since the plan was made; plan again", place));
  Experiment experiment = load_experiment(parse_settings(line.experiment, place), place, {});
  if (experiment.variants.size() != 1 || experiment.seeds.size() != 1)
    throw Error(fmt::format("{}: is not one variant and seed; plan again with `eligo sweep plan`", place));
  return experiment;
}

void check_rules(const PlanLine& line, const Experiment& experiment) {
  if (rules_digest(experiment.variants[0]) == line.rules) return;
  std::string files;
  for (const Part& part : experiment.variants[0].parts) files += (files.empty() ? "" : ", ") + part.found.path;
  throw Error(fmt::format("{}: a rule file is not what it was when the plan was made ({}); put it back, or plan again",
                          experiment.path, files));
}

}  // namespace eligo
