#include "runtime/experiment/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "runtime/experiment/experiment_fields.h"
#include "runtime/experiment/experiment_variant.h"
#include "runtime/library/library.h"
#include "runtime/library/synth_roles.h"
#include "runtime/library/warnings.h"
#include "support/bytes.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

[[noreturn]] void fail(const Names& problems) {
  std::string text;
  std::set<std::string> seen;
  constexpr std::size_t most = 50;
  for (const auto& problem : problems) {
    if (seen.size() == most) {
      text += fmt::format("\nerror: and more, {} in all", problems.size());
      break;
    }
    if (seen.insert(problem).second) text += (text.empty() ? "" : "\nerror: ") + problem;
  }
  throw Error(text);
}

// Settings of the command line replace those of the file and of every variant.
void apply_overrides(SettingsFile& file, const Names& overrides, Names& notes) {
  for (const auto& text : overrides) {
    const auto [path, value] = parse_override(text);
    if (path == "rule.name" && !file.compare.empty()) {
      notes.push_back("the rule is given on the command line: the file's comparison is left out");
      file.compare.clear();
    }
    file.base[path] = value;
    for (auto& variant : file.compare) variant.erase(path);
  }
}

// The quick form: its settings replace the file's, of every variant too. What is left of `quick.only` is returned.
Names apply_quick(SettingsFile& file, const std::string& path) {
  if (file.quick.empty())
    throw Error(fmt::format("{}: has no quick form; leave out --quick, or add a table [quick] with settings such as "
                            "train.epochs = 2",
                            path));
  Names only;
  for (const auto& [setting, value] : file.quick) {
    if (setting == "only") {
      const auto* names = std::get_if<Names>(&value.data);
      if (names == nullptr || names->empty())
        throw Error(fmt::format("{}: quick.only is {}, expected a list of variants' names", value.place,
                                value.described()));
      only = *names;
      continue;
    }
    file.base[setting] = value;
    if (setting == "name") continue;  // the experiment's, not the variants'
    for (auto& variant : file.compare) variant.erase(setting);
  }
  return only;
}

// The settings that are the same for all variants; they may not be given for one.
void read_common(FieldReader& reader, const Names& rule_folders, Experiment& experiment, Names& folders) {
  experiment.name = reader.text("name");
  if (experiment.name.empty()) experiment.name = fs::path(experiment.path).stem().string();
  experiment.description = reader.text("description");
  experiment.paper = reader.text("paper");
  for (const auto seed : reader.wholes("seeds")) experiment.seeds.push_back(static_cast<std::uint64_t>(seed));
  experiment.threads = static_cast<int>(reader.whole("threads"));
  if (const std::string memory = reader.text("memory"); !memory.empty()) {
    const auto bytes = read_bytes(memory);
    if (!bytes)
      reader.problem(reader.find("memory"),
                     fmt::format("memory: \"{}\" is no amount of memory such as \"2GiB\"", memory));
    else experiment.memory = *bytes;
  }
  experiment.records = reader.texts("records");
  folders = rule_folders;
  for (const auto& folder : reader.texts("rules")) {
    folders.push_back(resolve_path(folder, experiment.path, *reader.find("rules")));
    std::error_code error;
    if (fs::is_directory(folders.back(), error)) continue;
    reader.problem(reader.find("rules"), fmt::format("rules: there is no folder {}", folder));
  }
}

// A variant on its way: `settings` holds what is given for all and for it, `own` names the latter.
struct Draft {
  std::string name;  // empty: the rule's
  Settings settings;
  std::set<std::string> own;
};

// How a value of a list is told from the others in a variant's name: "λ = 0.5".
std::string sweep_label(const std::string& path, const Setting& value) {
  const std::string name = path.starts_with("rule.") && path != "rule.name" ? path.substr(5) : path;
  const auto* text = std::get_if<std::string>(&value.data);
  return fmt::format("{} = {}", name, text != nullptr ? *text : value.text());
}

class Loader {
 public:
  // `quick`: the names of variants to keep are those of the quick form.
  Loader(SettingsFile file, Experiment& experiment, Names folders, bool quick)
      : file_(std::move(file)), experiment_(experiment), folders_(std::move(folders)), quick_(quick) {}

  void load_variants(const Names& only) {
    if (file_.compare.empty()) load_sweep(draft({}));
    for (const auto& own : file_.compare) load_sweep(draft(own));
    check_base();
    check_names(only);
    if (!problems_.empty()) fail(problems_);
    std::erase_if(experiment_.variants, [&](const Variant& v) {
      return !only.empty() && std::find(only.begin(), only.end(), v.name) == only.end();
    });
  }

 private:
  Draft draft(const Settings& own) {
    Draft d;
    for (const auto& [path, value] : file_.base) {
      const Field* field = find_field(path);
      if (field == nullptr || !field->common) d.settings[path] = value;
    }
    for (const auto& [path, value] : own) {
      const Field* field = find_field(path);
      if (path == "name") {
        const auto* text = std::get_if<std::string>(&value.data);
        if (text != nullptr && !text->empty()) d.name = *text;
        else
          problems_.push_back(
              fmt::format("{}: the name of a variant is {}, expected a text", value.place, value.described()));
      } else if (field != nullptr && field->common) {
        problems_.push_back(
            fmt::format("{}: {} is the same for all variants; give it at the top of the file", value.place, path));
      } else {
        d.settings[path] = value;
        d.own.insert(path);
      }
    }
    return d;
  }

  // A list where one value belongs is a comparison: one variant for each of its values.
  void load_sweep(const Draft& all) {
    const auto list = std::find_if(all.settings.begin(), all.settings.end(),
                                   [](const auto& s) { return s.second.entries().has_value(); });
    if (list == all.settings.end()) return load_variant(all);
    const std::string path = list->first;
    const auto values = *list->second.entries();
    if (values.empty()) problems_.push_back(fmt::format("{}: {} is an empty list", list->second.place, path));
    for (const auto& value : values) {
      Draft one = all;
      one.settings[path] = value;
      const bool used = has_use(one, path);
      if (used) one.name = (one.name.empty() ? rule_of(one) : one.name) + ", " + sweep_label(path, value);
      load_sweep(one);
      if (!used) return;  // nothing to compare for a variant that has no such setting
    }
  }

  // Whether a variant has the setting at all, as far as can be told before the other lists are taken apart.
  bool has_use(Draft d, const std::string& path) const {
    for (auto& [name, value] : d.settings) {
      if (const auto entries = value.entries(); entries && !entries->empty()) value = entries->front();
    }
    return d.own.contains(path) || !build_variant(d.settings, experiment_.path, folders_).unfitting.contains(path);
  }

  static std::string rule_of(const Draft& d) {
    const auto rule = d.settings.find("rule.name");
    const auto* text = rule == d.settings.end() ? nullptr : std::get_if<std::string>(&rule->second.data);
    return text == nullptr ? "" : *text;
  }

  void load_variant(const Draft& d) {
    VariantResult result = build_variant(d.settings, experiment_.path, folders_);
    problems_.insert(problems_.end(), result.problems.begin(), result.problems.end());
    for (const auto& [path, message] : result.unfitting) {
      if (d.own.contains(path)) problems_.push_back(message);
      else note_unfitting(path, message);
    }
    for (const auto& [path, value] : d.settings) {
      if (!result.unfitting.contains(path)) used_.insert(path);
    }
    // "mine.eli:rule" of a rule by its path, wherever that lies.
    result.variant.name = d.name.empty() ? fs::path(result.variant.program.rule).filename().string() : d.name;
    experiment_.variants.push_back(std::move(result.variant));
  }

  // Of several variants' messages the one that suggests a fix is the best.
  void note_unfitting(const std::string& path, const std::string& message) {
    std::string& kept = unfitting_[path];
    if (kept.empty() || message.find("did you mean") != std::string::npos) kept = message;
  }

  // What holds for all must be of use to one of them; unless the command line chose another rule, part or schedule than
  // the file was written for.
  void check_base() {
    const bool other_parts = std::any_of(file_.base.begin(), file_.base.end(), [](const auto& setting) {
      const auto& [path, value] = setting;
      const bool names_part = path.ends_with(".name") || path.starts_with("model.") || path == "optimiser.schedule";
      return names_part && value.place == kCommandLine && std::holds_alternative<std::string>(value.data);
    });
    for (const auto& [path, message] : unfitting_) {
      if (used_.contains(path)) continue;
      if (other_parts && file_.base.at(path).place != kCommandLine) {
        experiment_.notes.push_back(message + "; left out");
      } else {
        problems_.push_back(message);
      }
    }
  }

  // Where the names of variants to keep were given: in the quick form, or on the command line.
  std::string only_place() const {
    const auto quick = file_.quick.find("only");
    return quick_ && quick != file_.quick.end() ? quick->second.place + ": quick.only" : experiment_.path;
  }

  void check_names(const Names& only) {
    Names names;
    for (const auto& variant : experiment_.variants) {
      if (std::find(names.begin(), names.end(), variant.name) != names.end()) {
        problems_.push_back(
            fmt::format("{}: two variants are called {}; give each a name of its own", experiment_.path, variant.name));
      }
      names.push_back(variant.name);
    }
    for (const auto& name : only) {
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        problems_.push_back(
            fmt::format("{}: there is no variant {}{}", only_place(), name, suggestion(name, names)));
      }
    }
  }

  SettingsFile file_;
  Experiment& experiment_;
  Names folders_, problems_;
  bool quick_ = false;
  std::map<std::string, std::string> unfitting_;
  std::set<std::string> used_;
};

Setting text_value(const std::string& text) { return {text, ""}; }

}  // namespace

Experiment load_experiment(const std::string& path, const ExperimentOptions& options) {
  SettingsFile file = read_settings(path);
  if (!file.sweep.empty())
    throw Error(fmt::format("{}: has a table [sweep], so it is many runs: `eligo sweep plan {}` lists them; leave the "
                            "table out to run one",
                            file.sweep.begin()->second.place, path));
  return load_experiment(std::move(file), path, options);
}

Experiment load_experiment(SettingsFile file, const std::string& path, const ExperimentOptions& options) {
  Experiment experiment;
  experiment.path = path;
  Names only = options.only;
  if (options.quick) {
    Names of_quick = apply_quick(file, path);
    if (only.empty()) only = std::move(of_quick);
    experiment.notes.push_back("the quick form, which shows whether it works, not the paper's numbers");
  }
  const bool whole_comparison = !file.compare.empty();
  apply_overrides(file, options.overrides, experiment.notes);
  FieldReader reader(file.base, path);
  Names folders;
  read_common(reader, options.rule_folders, experiment, folders);
  if (!reader.problems.empty()) fail(reader.problems);
  if (options.only.empty() && whole_comparison && file.compare.empty()) only.clear();  // the rule of the command line
  Loader(std::move(file), experiment, folders, options.quick && options.only.empty()).load_variants(only);
  for (const Variant& variant : experiment.variants)
    for (std::string& note : hidden_parts(variant.program))
      if (std::find(experiment.notes.begin(), experiment.notes.end(), note) == experiment.notes.end())
        experiment.notes.push_back(std::move(note));
  return experiment;
}

namespace {

// A variant's settings with other names for its parts.
Settings renamed(const Variant& variant, const std::function<std::string(const Part&)>& name_of) {
  Settings settings = variant.settings;
  SynthRoles synths;
  for (const Part& part : variant.parts) {
    if (part.kind == "synth") synths.named.emplace_back(part.role, name_of(part));
    else settings[part.setting] = text_value(name_of(part));
  }
  if (synths.named.empty()) return settings;
  const std::string first = synths.named.front().second;
  if (std::all_of(synths.named.begin(), synths.named.end(), [&](const auto& one) { return one.second == first; }))
    synths = {first, {}};
  settings["model.synth"] = text_value(synths.text());
  return settings;
}

}  // namespace

std::string Experiment::resolved(const std::function<std::string(const Part&)>& name_of,
                                 const std::optional<Names>& other_folders) const {
  SettingsFile file;
  std::vector<Settings> all;
  for (const auto& variant : variants) all.push_back(name_of ? renamed(variant, name_of) : variant.settings);
  const auto shared = [&](const std::string& key) {
    return std::all_of(all.begin(), all.end(), [&](const Settings& settings) {
      const auto found = settings.find(key);
      return found != settings.end() && found->second == all.front().at(key);
    });
  };
  for (const auto& [key, value] : all.front()) {
    if (shared(key)) file.base[key] = value;
  }
  file.base["name"] = text_value(name);
  if (!description.empty()) file.base["description"] = text_value(description);
  if (!paper.empty()) file.base["paper"] = text_value(paper);
  std::vector<std::int64_t> seed_list(seeds.begin(), seeds.end());
  file.base["seeds"] = Setting{seed_list, ""};
  file.base["threads"] = Setting{static_cast<std::int64_t>(threads), ""};
  if (memory != 0) file.base["memory"] = text_value(fmt::format("{}", memory));
  if (!records.empty()) file.base["records"] = Setting{records, ""};
  std::vector<std::string> folders;
  for (const auto& folder : variants.front().program.rule_paths) {
    std::error_code error;
    folders.push_back(fs::weakly_canonical(folder, error).string());
  }
  if (other_folders) folders = *other_folders;
  if (!folders.empty()) file.base["rules"] = Setting{folders, ""};
  for (std::size_t i = 0; i < variants.size(); ++i) {
    if (variants.size() == 1 && all[i].at("rule.name") == text_value(variants[i].name)) break;
    Settings& own = file.compare.emplace_back();
    own["name"] = text_value(variants[i].name);
    for (const auto& [key, value] : all[i]) {
      if (!file.base.contains(key)) own[key] = value;
    }
  }
  return print_settings(file);
}

std::string describe_settings() {
  std::string out;
  for (const auto& field : experiment_fields()) {
    std::string otherwise = field.value ? field.value->described() : "must be given";
    for (const char* kind : {"the text ", "the whole number ", "the number ", "the list "}) {
      if (otherwise.starts_with(kind)) otherwise = otherwise.substr(std::string(kind).size());
    }
    out += fmt::format("  {:<25} {:<16} {}{}\n", field.path, otherwise, field.help,
                       field.choices.empty() ? "" : fmt::format(" ({})", fmt::join(field.choices, ", ")));
  }
  const auto options_of = [&](const auto& kinds) {
    for (const auto& kind : kinds)
      for (const auto& option : kind.options)
        out += fmt::format("  {:<25} {:<16} {} (task {})\n", "task." + option.name,
                           option.text ? "\"" + option.text_value + "\"" : fmt::format("{}", option.value), option.help,
                           kind.name);
  };
  options_of(task_kinds());
  options_of(environment_kinds());
  out +=
      "  model.<size>              must be given    a size of the cell, or of another part: model.n, model.g.hidden\n"
      "  rule.<name>               the rule's       a hyper or integer of the rule, or a hyper of a part: "
      "rule.g.scale\n"
      "  optimiser.<name>          the optimiser's  a hyper of the optimiser, for all: optimiser.alpha\n"
      "  optimiser.<bundle>.<name>                  the same for what the rule learns as that: optimiser.theta.alpha\n"
      "  optimiser.<bundle>.clip   0                a bound on the norm of what is gathered for that alone\n"
      "  schedule.<recurrence>     auto             how a recurrence is computed: schedule.e = \"dense\"\n";
  return out;
}

}  // namespace eligo
