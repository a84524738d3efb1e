#include "runtime/experiment/experiment_variant.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "dsl/names.h"
#include "runtime/experiment/experiment_fields.h"
#include "runtime/library/item_interface.h"
#include "runtime/library/synth_roles.h"
#include "support/error.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLargestSize = 2147483647.0;

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void append(Names& to, const Names& from, const std::string& prefix = "") {
  for (const auto& name : from) to.push_back(prefix + name);
}

// A part and what it is called in the rule's header ("g"); `given` is false where the rule has no such role.
struct RolePart {
  std::string role, name;
  Outline facts;
  bool given = false;
};

class Builder {
 public:
  Builder(Settings settings, const std::string& path, const Names& folders)
      : settings_(std::move(settings)), path_(path), folders_(folders), reader_(settings_, path) {}

  VariantResult build() {
    read_fields();
    if (!reader_.problems.empty()) return finish();
    find_parts();
    if (!reader_.problems.empty()) return finish();
    const std::vector<std::string> paths = given_paths();
    for (const auto& path : paths) read_setting(path);
    read_curriculum();
    read_clip();
    read_rate_schedule();
    check_sizes();
    order_hypers();
    return finish();
  }

 private:
  // --- settings that every experiment has ---------------------------------------------------------------------------

  void read_fields() {
    Variant& v = result_.variant;
    v.program.float64 = reader_.text("dtype") == "f64";
    v.program.interpreter = reader_.text("backend") == "interpreter";
    v.program.cpu = reader_.text("cpu");
    v.program.rule_paths = folders_;
    v.task.name = reader_.text("task.name");
    v.program.cell = part_name("model.cell");
    v.program.readout = part_name("model.readout");
    v.program.synth = synth_names();
    v.program.rule = part_name("rule.name");
    v.program.optimiser = part_name("optimiser.name");
    v.train.batch = reader_.whole("train.batch");
    v.train.epochs = reader_.whole("train.epochs");
    v.train.patience = static_cast<std::uint64_t>(reader_.whole("train.patience"));
    v.train.batches_per_epoch = static_cast<std::uint64_t>(reader_.whole("train.batches_per_epoch"));
    v.train.log_every = static_cast<std::uint64_t>(reader_.whole("train.log_every"));
    v.train.measure = static_cast<std::uint64_t>(reader_.whole("train.measure"));
    const std::string update = reader_.text("train.update");
    v.program.update = update == "step" ? Update::step : update == "window" ? Update::window : Update::sequence;
    v.task.batch = static_cast<std::uint64_t>(v.train.batch);
    v.task.batches_per_epoch = v.train.batches_per_epoch;
  }

  // Files are found from wherever the experiment is run.
  std::string found_file(const std::string& path, const std::string& name) {
    const std::size_t end = name.find(".eli");
    if (end == std::string::npos) return name;
    return resolve_path(name.substr(0, end + 4), path_, settings_[path]) + name.substr(end + 4);
  }

  std::string part_name(const std::string& path) {
    const std::string name = reader_.text(path), found = found_file(path, name);
    if (found != name) settings_[path].data = found;
    return found;
  }

  std::string synth_names() {
    const std::string path = "model.synth", text = reader_.text(path);
    try {
      synth_roles_ = read_synth_roles(text);
    } catch (const Error& error) {
      reader_.problem(reader_.find(path), fmt::format("model.{}", error.what()));
      return "";
    }
    synth_roles_.replace([&](const std::string& name) { return found_file(path, name); });
    if (synth_roles_.text() != text) settings_[path].data = synth_roles_.text();
    return synth_roles_.text();
  }

  // --- what the parts have ------------------------------------------------------------------------------------------

  Outline look_up(const std::string& setting, const std::string& name, const char* kind, const std::string& role = "") {
    try {
      Outline facts = outline(name, kind, folders_);
      result_.variant.parts.push_back({setting, role, kind, facts.found});
      return facts;
    } catch (const Error& error) {
      reader_.problem(reader_.find(setting), fmt::format("{}: {}", setting, error.what()));
      return {};
    }
  }

  void find_role(RolePart& part, const std::string& setting, std::string& name, const char* kind) {
    const Role* role = rule_.role(kind);
    if (rule_.known && role == nullptr) {
      if (std::string(kind) == "cell") {
        reader_.problem(reader_.find("rule.name"),
                        fmt::format("rule {} has no cell; it cannot be trained on a task", rule_.found.item));
      }
      name.clear();
      settings_.erase(setting);
      return;
    }
    if (name.empty()) {
      if (rule_.known) {
        reader_.problem(nullptr, fmt::format("{} is missing: rule {} has the role {}: {}", setting, rule_.found.item,
                                             role->name, kind));
      }
      return;
    }
    part = {role != nullptr ? role->name : "", name, look_up(setting, name, kind), true};
  }

  static std::string named_synths(const Names& roles) {
    return roles.size() < 2 ? "" : fmt::format("; give one name for all, or \"{}=...\"", fmt::join(roles, "=..., "));
  }

  // Updates by window are for rules that have one; another variant's may.
  void check_update() {
    const std::string path = "train.update";
    if (result_.variant.program.update != Update::window || !rule_.known || rule_.has_window) return;
    result_.unfitting[path] =
        fmt::format("{}: {} is \"window\", but rule {} has no window; \"step\" and \"sequence\" are for any rule",
                    settings_[path].place, path, rule_.found.item);
    result_.variant.program.update = Update::sequence;
    settings_[path].data = std::string("sequence");
  }

  // One part for each of the rule's roles. A role that this rule does not have may be of another variant's.
  void find_synths() {
    const std::string setting = "model.synth";
    std::string& spec = result_.variant.program.synth;
    Names roles;
    for (const auto& role : rule_.roles)
      if (role.kind == "synth") roles.push_back(role.name);
    if (!rule_.known) {  // its own errors come when it is compiled
      if (!synth_roles_.all.empty()) synths_.push_back({"", spec, look_up(setting, synth_roles_.all, "synth"), true});
      return;
    }
    if (roles.empty()) {
      spec.clear();
      settings_.erase(setting);
      return;
    }
    if (const std::string fault = synth_roles_.fault(rule_.found.item, roles); !fault.empty())
      result_.unfitting[setting] = fmt::format("{}: {}: {}", settings_[setting].place, setting, fault);
    std::erase_if(synth_roles_.named, [&](const auto& entry) { return !contains(roles, entry.first); });
    spec = synth_roles_.text();
    if (!spec.empty()) settings_[setting].data = spec;
    for (const auto& role : roles) {
      const std::string name = synth_roles_.part(role);
      if (name.empty()) {
        reader_.problem(nullptr, fmt::format("{} is missing: rule {} has the role {}: synth{}", setting,
                                             rule_.found.item, role, named_synths(roles)));
        continue;
      }
      synths_.push_back({role, name, look_up(setting, name, "synth", role), true});
    }
  }

  // The parts that the variant has.
  std::vector<const RolePart*> parts() const {
    std::vector<const RolePart*> all;
    for (const RolePart* part : {&cell_, &readout_})
      if (part->given) all.push_back(part);
    for (const RolePart& part : synths_) all.push_back(&part);
    return all;
  }

  void find_task() {
    const std::string& name = result_.variant.task.name;
    Names names;
    for (const EnvironmentKind& kind : environment_kinds()) {
      names.push_back(kind.name);
      if (kind.name == name) options_ = &kind.options, acts_ = true;
    }
    for (const TaskKind& kind : task_kinds()) {
      names.push_back(kind.name);
      if (kind.name == name) options_ = &kind.options;
    }
    if (options_ == nullptr)
      reader_.problem(reader_.find("task.name"), fmt::format("there is no task {}{}", name, suggestion(name, names)));
  }

  // How an environment is learned from. What is given for all variants may be of use to one of them alone.
  void read_policy() {
    const auto refuse = [&](const std::string& path, const std::string& why) {
      if (settings_.contains(path)) unfitting(path, fmt::format("{}: {}", path, why));
    };
    if (!acts_) {
      const std::string why = fmt::format("task {} is no environment to act in; leave this out", result_.variant.task.name);
      for (const Field& field : experiment_fields())
        if (field.path.starts_with("policy.")) refuse(field.path, why);
      return;
    }
    PolicySpec policy;
    policy.by_step = reader_.text("policy.learn") == "steps";
    policy.credit.normalise = reader_.text("policy.normalise") == "batch";
    policy.greedy = reader_.text("policy.evaluate") == "likeliest";
    policy.validation_episodes = static_cast<std::uint64_t>(reader_.whole("policy.validation_episodes"));
    policy.test_episodes = static_cast<std::uint64_t>(reader_.whole("policy.test_episodes"));
    if (policy.by_step) {
      const std::string why = "policy.learn = \"steps\" learns each action from its own reward; leave this out";
      for (const char* path : {"policy.discount", "policy.loss", "policy.steps_per_action"}) refuse(path, why);
    } else {
      policy.credit.discount = reader_.real("policy.discount");
      policy.credit.mean_over_steps = reader_.text("policy.loss") == "mean";
      policy.steps_per_action = reader_.whole("policy.steps_per_action");
    }
    if (policy.by_step && policy.credit.normalise && result_.variant.train.batch == 1)
      reader_.problem(reader_.find("policy.learn"),
                      "policy.learn = \"steps\" with train.batch = 1: a reward normalised over one environment is 0, so nothing "
                      "would be learned; set policy.normalise = \"none\", or take more environments");
    result_.variant.program.online = policy.by_step;
    result_.variant.policy = policy;
  }

  void find_parts() {
    Variant& v = result_.variant;
    find_task();
    rule_ = look_up("rule.name", v.program.rule, "rule");
    optimiser_ = look_up("optimiser.name", v.program.optimiser, "optimiser");
    if (!reader_.problems.empty()) return;
    check_update();
    read_policy();
    find_role(cell_, "model.cell", v.program.cell, "cell");
    find_role(readout_, "model.readout", v.program.readout, "readout");
    find_synths();
    v.net_role = cell_.role;
    v.readout_role = readout_.role;
    if (readout_.given && !readout_.facts.outputs.empty()) v.output = readout_.role + "." + readout_.facts.outputs[0];
  }

  // --- settings that depend on them ---------------------------------------------------------------------------------

  std::vector<std::string> given_paths() const {
    std::vector<std::string> paths;
    for (const auto& [path, value] : settings_) {
      if (find_field(path) == nullptr) paths.push_back(path);
    }
    return paths;
  }

  void read_setting(const std::string& path) {
    const std::size_t dot = path.find('.');
    const std::string section = path.substr(0, dot), name = dot == std::string::npos ? "" : path.substr(dot + 1);
    if (name.empty() || section == "train") return unknown_path(path);
    if (section == "task") return read_task_option(path, name);
    if (section == "model") return read_size(path, name);
    if (section == "rule") return read_rule_setting(path, name);
    if (section == "optimiser") return read_optimiser_setting(path, name);
    if (section == "schedule") return read_schedule(path, name);
    unknown_path(path);
  }

  // Not of this variant; whether that is an error is seen when all variants are known.
  void unfitting(const std::string& path, const std::string& message) {
    result_.unfitting[path] = fmt::format("{}: {}", settings_[path].place, message);
    settings_.erase(path);
  }

  void unknown_path(const std::string& path) {
    const std::string near = near_field(path);
    unfitting(path, fmt::format("there is no setting {}{}", path,
                                near.empty() ? "; `eligo list settings` shows them all" : "; did you mean " + near + "?"));
  }

  // The setting of every experiment whose name is nearest; empty if none is near.
  static std::string near_field(const std::string& path) {
    Names names;
    for (const auto& field : experiment_fields()) names.push_back(field.path);
    return dsl::nearest(path, names);
  }

  void read_task_option(const std::string& path, const std::string& name) {
    Names names;
    for (const auto& option : *options_) {
      names.push_back(option.name);
      if (option.name != name) continue;
      if (!option.text) {
        const auto value = reader_.number(path, path, option.whole, option.low, option.high);
        if (value) result_.variant.task.numbers[name] = *value;
      } else if (auto* text = std::get_if<std::string>(&settings_[path].data)) {
        // Files and folders that exist are found from wherever the run goes on.
        if (option.file && !text->empty()) *text = resolve_path(*text, path_, settings_[path]);
        result_.variant.task.texts[name] = *text;
      } else {
        reader_.problem(&settings_[path], fmt::format("{} is {}, expected a text", path, settings_[path].described()));
      }
      return;
    }
    unfitting(path, fmt::format("task {} has no option {}{}", result_.variant.task.name, name, suggestion(name, names)));
  }

  static Names sizes_of(const RolePart& part) {
    Names names = part.facts.sizes;
    append(names, part.facts.integers);
    return names;
  }

  // A size by its name alone goes to every part that has it, "g.hidden" to one.
  void read_size(const std::string& path, const std::string& name) {
    Names names;
    bool known = true, fits = false;
    for (const RolePart* part : parts()) {
      known = known && part->facts.known;
      append(names, sizes_of(*part));
      append(names, sizes_of(*part), part->role + ".");
    }
    fits = contains(names, name) || !known;
    if (!fits) {
      return unfitting(path, fmt::format("model.{}: neither cell, readout nor synth has a size {}{}", name, name,
                                         suggestion(name, names)));
    }
    const auto value = reader_.number(path, path, true, 1, kLargestSize);
    if (value) result_.variant.program.sizes[name] = static_cast<std::int64_t>(*value);
  }

  void read_rule_setting(const std::string& path, const std::string& name) {
    Names names = rule_.integers;
    append(names, rule_.hypers);
    for (const RolePart* part : parts()) append(names, part->facts.hypers, part->role + ".");
    if (rule_.known && !contains(names, name)) {
      return unfitting(path, fmt::format("rule {} has no {}{}", rule_.found.item, name, suggestion(name, names)));
    }
    if (!contains(rule_.integers, name)) {
      const auto value = reader_.number(path, path, false, -kInfinity, std::numeric_limits<double>::max());
      if (value) result_.variant.hypers.emplace_back(name, *value);
      return;
    }
    const auto* text = std::get_if<std::string>(&settings_[path].data);
    const bool all = text != nullptr && *text == "all";
    if (text != nullptr && !all) {
      return reader_.problem(&settings_[path], fmt::format("{} is {}, expected a whole number or \"all\"", path,
                                                           settings_[path].described()));
    }
    const double least = contains(rule_.choices, name) ? 0 : 1;
    const auto value = all ? -1 : reader_.number(path, path, true, least, kLargestSize);
    if (value) result_.variant.program.header[name] = static_cast<std::int64_t>(*value);
  }

  void read_optimiser_setting(const std::string& path, const std::string& name) {
    const std::size_t dot = name.rfind('.');
    const std::string bundle = dot == std::string::npos ? "" : name.substr(0, dot);
    const std::string hyper = dot == std::string::npos ? name : name.substr(dot + 1);
    if (!bundle.empty() && rule_.known && !contains(rule_.learned, bundle)) {
      return unfitting(
          path, fmt::format("rule {} learns no {}{}", rule_.found.item, bundle, suggestion(bundle, rule_.learned)));
    }
    if (hyper == "clip" && !bundle.empty() && !contains(optimiser_.hypers, hyper)) {
      const auto length = reader_.number(path, path, false, 0, 1e300);
      if (length) result_.variant.clips.emplace_back(bundle, *length);
      return;
    }
    if (optimiser_.known && !contains(optimiser_.hypers, hyper)) {
      const std::string near = suggestion(hyper, optimiser_.hypers), setting = bundle.empty() ? near_field(path) : "";
      const bool is_setting = !setting.empty() && near.find("did you mean") == std::string::npos;
      return unfitting(path, fmt::format("optimiser {} has no {}{}", optimiser_.found.item, hyper,
                                         is_setting ? "; did you mean " + setting + "?" : near));
    }
    const auto value = reader_.number(path, path, false, -kInfinity, std::numeric_limits<double>::max());
    if (value) result_.variant.hypers.emplace_back("optimiser." + name, *value);
  }

  // A field that has no default: given or not.
  std::optional<double> real_if_given(const std::string& path) {
    return settings_.contains(path) ? std::optional(reader_.real(path)) : std::nullopt;
  }

  void read_curriculum() {
    const std::string name = reader_.text("curriculum.option");
    const std::vector<std::string> goals = {"curriculum.loss_below", "curriculum.score_above", "curriculum.score_below"};
    if (name.empty()) {
      for (const Field& field : experiment_fields())
        if (field.path.starts_with("curriculum.") && field.path != "curriculum.option" && settings_.contains(field.path))
          unfitting(field.path, fmt::format("{}: there is no curriculum; name an option of the task with curriculum.option, "
                                            "or leave this out",
                                            field.path));
      return;
    }
    CurriculumSpec c;
    c.option = name;
    c.each_batch = reader_.text("curriculum.when") == "batch";
    c.by = reader_.real("curriculum.by");
    c.to = reader_.real("curriculum.to");
    if (!reader_.problems.empty()) return;
    c.loss_below = real_if_given(goals[0]);
    c.score_above = real_if_given(goals[1]);
    c.score_below = real_if_given(goals[2]);
    if (c.loss_below.has_value() + c.score_above.has_value() + c.score_below.has_value() != 1)
      return reader_.problem(reader_.find("curriculum.option"),
                             fmt::format("curriculum: give one of {}, which must be reached", fmt::join(goals, ", ")));
    const auto option = std::find_if(options_->begin(), options_->end(), [&](const TaskOption& o) { return o.name == name; });
    if (option == options_->end() || option->text) {
      Names numbers;
      for (const TaskOption& o : *options_)
        if (!o.text) numbers.push_back(o.name);
      return reader_.problem(reader_.find("curriculum.option"),
                             fmt::format("curriculum.option: task {} has no number {}{}", result_.variant.task.name, name,
                                         suggestion(name, numbers)));
    }
    for (const auto& [path, value] : {std::pair{"curriculum.by", c.by}, {"curriculum.to", c.to}})
      if (option->whole && value != std::floor(value))
        return reader_.problem(reader_.find(path), fmt::format("{} = {}, but {} is a whole number", path, value, name));
    if (!(c.to >= option->low && c.to <= option->high))
      return reader_.problem(reader_.find("curriculum.to"),
                             fmt::format("curriculum.to = {} is out of the range of {}, {} to {}", c.to, name, option->low,
                                         option->high));
    result_.variant.task.numbers.try_emplace(name, option->value);
    result_.variant.curriculum = c;
  }

  // A bound on all that has no bound of its own (optimiser.theta.clip).
  void read_clip() {
    const std::string path = "optimiser.clip";
    if (contains(optimiser_.hypers, "clip") && settings_.contains(path))
      return reader_.problem(reader_.find(path),
                             fmt::format("{} bounds the gradient's norm, and optimiser {} has a hyper of this name; rename "
                                         "the hyper",
                                         path, optimiser_.found.item));
    if (!contains(optimiser_.hypers, "clip")) result_.variant.clips.emplace_back("", reader_.real(path));
  }

  void read_rate_schedule() {
    using Kind = RateSchedule::Kind;
    RateSchedule& rates = result_.variant.rates;
    const std::string path = "optimiser.schedule", name = reader_.text(path);
    const Names& names = rate_schedule_names();
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) return;
    rates.kind = static_cast<Kind>(at - names.begin());
    const bool changes = rates.kind != Kind::constant;
    if (changes && optimiser_.known && !contains(optimiser_.hypers, kStepSize))
      unfitting(path, fmt::format("optimiser {} has no {} (alpha), which the schedule {} would change; name its step size "
                                  "so, or leave the schedule out",
                                  optimiser_.found.item, kStepSize, name));
    if (schedule_has("warmup", changes, name))
      rates.warmup = static_cast<std::uint64_t>(reader_.whole("optimiser.warmup"));
    if (schedule_has("fall_to", rates.kind == Kind::cosine, name)) rates.fall_to = reader_.real("optimiser.fall_to");
    if (schedule_has("fall_every", rates.kind == Kind::step, name))
      rates.fall_every = static_cast<std::uint64_t>(reader_.whole("optimiser.fall_every"));
    if (schedule_has("fall_from", rates.kind == Kind::step, name))
      rates.fall_from = static_cast<std::uint64_t>(reader_.whole("optimiser.fall_from"));
    if (schedule_has("fall_by", rates.kind == Kind::step, name)) rates.fall_by = reader_.real("optimiser.fall_by");
    if (rates.kind == Kind::linear && rates.warmup == 0)
      reader_.problem(reader_.find(path), "optimiser.warmup is missing: the schedule linear rises over so many batches");
  }

  // What another schedule has may be given for all variants; this one's must be told apart from the optimiser's hypers.
  bool schedule_has(const std::string& name, bool has, const std::string& schedule) {
    const std::string path = "optimiser." + name;
    if (!has && settings_.contains(path))
      unfitting(path, fmt::format("{}: the schedule {} has none; choose another with optimiser.schedule, or leave this out",
                                  path, schedule));
    if (has && contains(optimiser_.hypers, name))
      reader_.problem(reader_.find("optimiser.schedule"),
                      fmt::format("{} is of the schedule {}, and optimiser {} has a hyper of this name; rename the hyper",
                                  path, schedule, optimiser_.found.item));
    return has;
  }

  void read_schedule(const std::string& path, const std::string& name) {
    if (const auto* text = std::get_if<std::string>(&settings_[path].data)) {
      result_.variant.program.schedule[name] = *text;
    } else {
      reader_.problem(&settings_[path],
                      fmt::format("{} is {}, expected a text such as \"dense\"", path, settings_[path].described()));
    }
  }

  // --- the rest -----------------------------------------------------------------------------------------------------

  // The cell's input and the readout's target are the task's; the other sizes of a cell must have been given.
  void check_sizes() {
    if (!reader_.problems.empty()) return;
    Variant& v = result_.variant;
    TaskSpec spec = v.task;
    std::unique_ptr<BatchSource> source;
    try {
      source = make_source(spec, v.policy, v.curriculum);
    } catch (const Error& error) {
      return reader_.problem(reader_.find("task.name"), error.what());
    }
    const TaskShape shape = source->shape();
    const std::uint64_t batches = static_cast<std::uint64_t>(v.train.epochs) * shape.train_batches;
    if (v.rates.warmup > batches)
      reader_.problem(reader_.find("optimiser.warmup"),
                      fmt::format("optimiser.warmup = {}, but a training has {} batches ({} epochs of {}); lower it",
                                  v.rates.warmup, batches, v.train.epochs, shape.train_batches));
    if (v.train.patience > 0 && shape.validation_batches == 0)
      reader_.problem(reader_.find("train.patience"),
                      fmt::format("train.patience = {}, but task {} has no validation set to watch; leave the setting out",
                                  v.train.patience, v.task.name));
    check_curriculum(*source);
    const auto fix = [&](const RolePart& part, const std::string& size, std::int64_t value, const char* what) {
      if (!part.given || size.empty()) return;
      const auto own = v.program.sizes.find(size);
      if (own != v.program.sizes.end() && own->second != value) {
        reader_.problem(reader_.find("model." + size),
                        fmt::format("model.{} = {}, but task {} has {} {}; leave the setting out", size, own->second,
                                    v.task.name, value, what));
      }
      v.program.sizes[part.role + "." + size] = value;
    };
    fix(cell_, cell_.facts.input_size, shape.inputs, "inputs");
    const std::int64_t single = readout_.facts.single_targets;
    if (acts_ && readout_.facts.known && (single != 1 || readout_.facts.target_size.empty()))
      return reader_.problem(reader_.find("model.readout"),
                             fmt::format("model.readout: {} has no targets for an action and its advantage, as environment "
                                         "{} needs them: take policy, or one with `target a[k], A`",
                                         readout_.facts.found.item, v.task.name));
    if (shape.targets <= single && !readout_.facts.target_size.empty())
      return reader_.problem(reader_.find("model.readout"),
                             fmt::format("model.readout: {} has {} targets of one number and others, but task {} has {} in "
                                         "all; take another readout",
                                         readout_.facts.found.item, single, v.task.name, shape.targets));
    fix(readout_, readout_.facts.target_size, shape.targets - single, "targets");
    for (const auto& size : cell_.facts.sizes) {
      if (size == cell_.facts.input_size || v.program.sizes.contains(size) ||
          v.program.sizes.contains(cell_.role + "." + size))
        continue;
      reader_.problem(nullptr, fmt::format("model.{} is missing: cell {} has this size", size, cell_.facts.found.item));
    }
  }

  // Whether it can ever rise.
  void check_curriculum(const BatchSource& source) {
    const Variant& v = result_.variant;
    if (!v.curriculum) return;
    if (!v.curriculum->each_batch && source.shape().validation_batches == 0)
      reader_.problem(reader_.find("curriculum.option"),
                      fmt::format("curriculum: task {} has no validation to judge by; set curriculum.when = \"batch\"",
                                  v.task.name));
    if (!v.curriculum->loss_below && source.score_name().empty())
      reader_.problem(reader_.find("curriculum.option"),
                      fmt::format("curriculum: task {} has no score; give curriculum.loss_below", v.task.name));
  }

  // What holds for all parameters comes before what holds for some.
  void order_hypers() {
    const auto dots = [](const std::string& name) { return std::count(name.begin(), name.end(), '.'); };
    std::stable_sort(result_.variant.hypers.begin(), result_.variant.hypers.end(),
                     [&](const auto& a, const auto& b) { return dots(a.first) < dots(b.first); });
  }

  VariantResult finish() {
    result_.problems = std::move(reader_.problems);
    result_.variant.settings = settings_;
    return std::move(result_);
  }

  Settings settings_;
  std::string path_;
  Names folders_;
  FieldReader reader_;
  VariantResult result_;
  const std::vector<TaskOption>* options_ = nullptr;  // of the task
  bool acts_ = false;                                 // which is an environment
  Outline rule_, optimiser_;
  RolePart cell_, readout_;
  SynthRoles synth_roles_;
  std::vector<RolePart> synths_;  // by the rule's roles
};

}  // namespace

std::string resolve_path(const std::string& named, const std::string& experiment_path, const Setting& setting) {
  const fs::path here = named, beside = fs::path(experiment_path).parent_path() / named;
  const bool here_first = setting.place == kCommandLine;
  std::error_code error;
  for (const auto& path : {here_first ? here : beside, here_first ? beside : here}) {
    if (fs::exists(path, error)) return fs::weakly_canonical(path, error).string();
  }
  return named;
}

VariantResult build_variant(Settings settings, const std::string& path, const std::vector<std::string>& rule_folders) {
  return Builder(std::move(settings), path, rule_folders).build();
}

}  // namespace eligo
