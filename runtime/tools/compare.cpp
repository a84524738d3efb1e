#include "runtime/tools/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "compiler/memory/layout.h"
#include "runtime/engine/program.h"
#include "runtime/experiment/batch_source.h"
#include "runtime/experiment/experiment_variant.h"
#include "runtime/gradients/additions.h"
#include "runtime/library/compile.h"
#include "runtime/library/default_parts.h"
#include "runtime/library/item_interface.h"
#include "runtime/library/synth_roles.h"

namespace eligo {
namespace {

using Names = std::vector<std::string>;

std::string text_of(const Settings& settings, const std::string& path, const std::string& otherwise = "") {
  const auto found = settings.find(path);
  if (found == settings.end()) return otherwise;
  const auto* text = std::get_if<std::string>(&found->second.data);
  if (text == nullptr) throw Error(fmt::format("{} is {}, expected a text", path, found->second.described()));
  return *text;
}

void set_default(Settings& settings, const std::string& path, Setting value) { settings.emplace(path, std::move(value)); }

// One side's settings: its own, those of both, and defaults for what an experiment must give.
Settings side_settings(const CompareOptions& o, const std::string& rule, const Settings& own) {
  Settings settings = own;
  settings.insert(o.shared.begin(), o.shared.end());
  settings["rule.name"] = {rule, kCommandLine};
  set_default(settings, "task.name", {std::string("delayed_target"), "default"});
  set_default(settings, "optimiser.name", {std::string("adam"), "default"});
  return settings;
}

ProgramSpec parts_spec(const Settings& settings, const Names& folders) {
  ProgramSpec spec;
  spec.rule = text_of(settings, "rule.name");
  spec.cell = text_of(settings, "model.cell");
  spec.readout = text_of(settings, "model.readout");
  spec.synth = text_of(settings, "model.synth");
  spec.rule_paths = folders;
  for (const auto& [path, value] : settings) {
    const auto* size = std::get_if<std::int64_t>(&value.data);
    if (path.starts_with("model.") && size != nullptr) spec.sizes[path.substr(6)] = *size;
  }
  return spec;
}

// Parts and sizes that were not given, by what fits the rule; the cell and readout of the other side come first.
void add_parts(Settings& settings, const Names& folders, const ProgramSpec* other) {
  ProgramSpec spec = parts_spec(settings, folders);
  if (other != nullptr) {
    if (spec.cell.empty()) spec.cell = other->cell;
    if (spec.readout.empty()) spec.readout = other->readout;
  }
  const std::map<std::string, std::int64_t> given = spec.sizes;
  spec = fitting(std::move(spec), {30, 10, 2, 4});
  const auto name = [&](const char* path, const std::string& part) {
    if (!part.empty()) set_default(settings, path, {part, "default"});
  };
  name("model.cell", spec.cell);
  name("model.readout", spec.readout);
  name("model.synth", spec.synth);
  for (const auto& [size, value] : spec.sizes)
    if (!given.contains(size) && size != "m" && size != "k") set_default(settings, "model." + size, {value, "default"});
}

Variant variant_of(const Settings& settings, const CompareOptions& o, const Settings& own,
                   std::map<std::string, std::string>& unused) {
  const VariantResult result = build_variant(settings, "eligo compare", o.rule_folders);
  Names problems = result.problems;
  for (const auto& [path, message] : result.unfitting) {
    if (own.contains(path)) problems.push_back(message);
    else if (o.shared.contains(path)) unused[path] = message;
  }
  if (!problems.empty()) throw Error(fmt::format("{}", fmt::join(problems, "\nerror: ")));
  return result.variant;
}

// What tensors of one rule are called under another: roles of one kind answer each other, by name or else by order.
class Match {
 public:
  Match(const Outline& from, const Outline& to) {
    for (const char* kind : {"cell", "readout", "synth"}) {
      Names free;
      for (const Role& role : to.roles)
        if (role.kind == kind) free.push_back(role.name);
      const auto take = [&](const Role& role, const std::string& name) {
        roles_[role.name] = name;
        std::erase(free, name);
      };
      for (const Role& role : from.roles)
        if (role.kind == kind && std::find(free.begin(), free.end(), role.name) != free.end()) take(role, role.name);
      for (const Role& role : from.roles)
        if (role.kind == kind && !roles_.contains(role.name) && !free.empty()) take(role, free.front());
    }
  }

  std::string operator()(const std::string& name) const {
    const std::size_t dot = name.find('.');
    const auto role = dot == std::string::npos ? roles_.end() : roles_.find(name.substr(0, dot));
    return role == roles_.end() ? name : role->second + name.substr(dot);
  }

 private:
  std::map<std::string, std::string> roles_;
};

// A parameter that both sides have in one shape.
struct Pair {
  std::string a, b;
  int bundle = -1;        // in Comparison::bundles; -1: learned by none
  bool moved = false;     // by both rules; else only the values can be compared
};

// As the runs will need it.
ProgramSpec sized(ProgramSpec spec, const SessionOptions& options) {
  spec.batch_hint = options.batch;
  spec.steps_hint = options.steps;
  spec.online = false;
  return spec;
}

// The first side acts, where the task is an environment.
ProgramSpec acting(ProgramSpec spec, const Variant& variant) {
  spec.outputs = variant.policy.has_value();
  return spec;
}

struct Side {
  std::shared_ptr<const Program> program;
  std::optional<Session> session;
  std::optional<ScheduledRates> rates;
  std::optional<Additions> added;  // of the last update
  std::vector<double> milliseconds;

  // A schedule runs as in a training of the variant on a task of this shape.
  Side(const Variant& variant, const SessionOptions& options, const TaskShape& shape)
      : program(compile(acting(sized(variant.program, options), variant))) {
    session.emplace(program, options);
    for (const auto& [name, value] : variant.hypers) session->set_hyper(name, value);
    for (const auto& [bundle, length] : variant.clips) session->set_clip(length, bundle);
    rates.emplace(*session, variant.rates, static_cast<std::uint64_t>(variant.train.epochs) * shape.train_batches);
  }

  double update(const Batch& batch) {
    rates->set(*session, milliseconds.size());
    added.emplace(*session);
    const auto before = std::chrono::steady_clock::now();
    const double loss = session->run(batch).loss;
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - before;
    milliseconds.push_back(time.count());
    return loss;
  }
};

bool is_moved(const TensorInfo& info) { return !info.bundle.empty() || info.assigned; }

// What both call the parameters that one of them moves: as a learn line names them, else by their role.
std::string label_of(const TensorInfo& a, const TensorInfo& b) {
  if (a.bundle.empty() && b.bundle.empty()) return a.name.substr(0, a.name.find('.'));
  if (a.bundle.empty() || b.bundle.empty() || a.bundle == b.bundle) return a.bundle.empty() ? b.bundle : a.bundle;
  return a.bundle + "/" + b.bundle;
}

std::vector<Pair> pairs_of(const Session& a, const Session& b, const Match& match, Comparison& out) {
  std::map<std::string, TensorInfo> others;
  for (const TensorInfo& info : b.tensors()) others[info.name] = info;
  std::vector<Pair> pairs;
  for (const TensorInfo& info : a.tensors()) {
    const auto found = others.find(match(info.name));
    const bool both = found != others.end() && found->second.shape == info.shape;
    if (!both || !info.parameter) {
      if (both) pairs.push_back({info.name, found->first, -1});
      if (is_moved(info)) out.only_a.push_back(info.name);
      if (both) others.erase(found);
      continue;
    }
    const TensorInfo other = found->second;
    others.erase(found);
    Pair pair{info.name, other.name, -1};
    pair.moved = is_moved(info) && is_moved(other);
    if (is_moved(info) || is_moved(other)) {
      const std::string label = label_of(info, other);
      const auto at = std::find(out.bundles.begin(), out.bundles.end(), label);
      pair.bundle = static_cast<int>(at - out.bundles.begin());
      if (at == out.bundles.end()) out.bundles.push_back(label);
    }
    if (!pair.moved && is_moved(info)) out.only_a.push_back(info.name);
    if (!pair.moved && is_moved(other)) out.only_b.push_back(other.name);
    pairs.push_back(pair);
  }
  for (const auto& [name, info] : others)
    if (is_moved(info)) out.only_b.push_back(name);
  return pairs;
}

std::vector<BundleDifference> differences(const Side& a, const Side& b, const std::vector<Pair>& pairs,
                                          std::size_t count) {
  std::vector<Directions> added(count), values(count);
  std::vector<bool> incomplete(count, false);
  for (const Pair& pair : pairs) {
    if (pair.bundle < 0) continue;
    const auto k = static_cast<std::size_t>(pair.bundle);
    const auto from_a = a.added->of(*a.session, pair.a), from_b = b.added->of(*b.session, pair.b);
    if (from_a && from_b) added[k].add(*from_a, *from_b);
    else incomplete[k] = true;
    values[k].add(a.session->get(pair.a), b.session->get(pair.b));
  }
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  std::vector<BundleDifference> out;
  for (std::size_t k = 0; k < count; ++k)
    out.push_back({incomplete[k] ? none : added[k].relative(), incomplete[k] ? none : added[k].cosine(),
                   values[k].relative()});
  return out;
}

void copy_start(const Session& from, Session& to, const std::vector<Pair>& pairs, bool parameters_only) {
  for (const Pair& pair : pairs)
    if (!parameters_only || pair.bundle >= 0) to.set(pair.b, from.get(pair.a));
}

SideCost cost_of(const Side& side, const Variant& variant, const SessionOptions& options) {
  SideCost out;
  std::vector<double> times = side.milliseconds;
  std::sort(times.begin(), times.end());
  out.milliseconds = times.empty() ? 0 : times[times.size() / 2];
  const Program& program = *side.program;
  const compiler::Layout layout = compiler::plan_layout(*program.plan, options.batch, options.steps, program.float64, 0, 1);
  for (const auto& tensor : layout.tensors) out.bytes += static_cast<double>(tensor.bytes());
  out.bytes += static_cast<double>(program.runner->scratch_bytes(options.batch) + program.runner->prepared_bytes());
  out.cost = rule_cost(sized(variant.program, options));
  return out;
}

std::string side_text(const ProgramSpec& spec) {
  return parts_text(spec) + (spec.float64 ? ", f64" : ", f32") + (spec.interpreter ? ", interpreter" : "");
}

std::pair<Variant, Variant> variants_of(const CompareOptions& o) {
  Settings a = side_settings(o, o.rule_a, o.a), b = side_settings(o, o.rule_b, o.b);
  if (text_of(a, "task.name") == "seq_mnist")
    for (Settings* side : {&a, &b}) set_default(*side, "model.readout", {std::string("linear_softmax"), "default"});
  add_parts(a, o.rule_folders, nullptr);
  const ProgramSpec first = parts_spec(a, o.rule_folders);
  add_parts(b, o.rule_folders, &first);
  std::map<std::string, std::string> unused_a, unused_b;
  std::pair<Variant, Variant> sides{variant_of(a, o, o.a, unused_a), variant_of(b, o, o.b, unused_b)};
  for (const auto& [path, message] : unused_a) {
    const auto other = unused_b.find(path);
    if (other == unused_b.end()) continue;
    const bool knows_mend = other->second.find("did you mean") != std::string::npos;
    throw Error(fmt::format("neither side has a setting {}: {}", path, knows_mend ? other->second : message));
  }
  return sides;
}

}  // namespace

Comparison compare(const CompareOptions& o) {
  const auto [variant_a, variant_b] = variants_of(o);
  if (variant_a.train.batch != variant_b.train.batch || variant_a.task.name != variant_b.task.name ||
      variant_a.task.numbers != variant_b.task.numbers)
    throw Error("the two sides must have one task and one batch: give task and train settings for both");
  if (variant_a.policy != variant_b.policy)
    throw Error("the two sides must learn from the same episodes: give policy settings for both");
  if (variant_a.policy && variant_a.policy->by_step)
    throw Error("compare learns from whole episodes; leave policy.learn out");
  TaskSpec task_spec = variant_a.task;
  task_spec.seed = o.seed;
  const std::unique_ptr<BatchSource> task = make_source(task_spec, variant_a.policy);
  const TaskShape shape = task->shape();
  const SessionOptions options{.batch = variant_a.train.batch, .steps = shape.max_steps, .seed = o.seed};
  Side a(variant_a, options, shape), b(variant_b, options, shape);

  Comparison out;
  out.task = task_spec.name;
  out.batch = options.batch;
  out.steps = options.steps;
  out.parts_a = side_text(variant_a.program);
  out.parts_b = side_text(variant_b.program);
  const Match match(outline(variant_a.program.rule, "rule", o.rule_folders),
                    outline(variant_b.program.rule, "rule", o.rule_folders));
  const std::vector<Pair> pairs = pairs_of(*a.session, *b.session, match, out);
  copy_start(*a.session, *b.session, pairs, false);
  for (std::int64_t u = 0; u < o.updates && !o.interrupted(); ++u) {
    const auto n = static_cast<std::uint64_t>(u);
    const Batch batch = task->batch(Split::train, n / shape.train_batches, n % shape.train_batches, *a.session);
    if (o.lockstep) copy_start(*a.session, *b.session, pairs, true);
    UpdateComparison one;
    one.loss_a = a.update(batch);
    one.loss_b = b.update(batch);
    one.bundles = differences(a, b, pairs, out.bundles.size());
    out.updates.push_back(std::move(one));
  }
  out.a = cost_of(a, variant_a, options);
  out.b = cost_of(b, variant_b, options);
  return out;
}

}  // namespace eligo
