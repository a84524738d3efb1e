#include "runtime/experiment/alignment.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "runtime/library/checked_file.h"
#include "runtime/library/compile.h"
#include "runtime/library/item_interface.h"
#include "runtime/library/library.h"

namespace eligo {
namespace {

// "cell.W" of a rule that calls its cell so is "net.W" of bptt.
class Renaming {
 public:
  void add(const std::string& from, const std::string& to) {
    if (!from.empty()) prefixes_.emplace_back(from + ".", to + ".");
  }
  std::optional<std::string> operator()(const std::string& name) const {
    for (const auto& [from, to] : prefixes_) {
      if (name.starts_with(from)) return to + name.substr(from.size());
    }
    return std::nullopt;
  }

 private:
  std::vector<std::pair<std::string, std::string>> prefixes_;
};

ProgramSpec silent(ProgramSpec spec) {
  spec.optimiser = "sgd";
  spec.schedule.clear();
  spec.show.clear();
  return spec;
}

// The same cell and readout under bptt. Sizes of the synthesiser stay behind.
ProgramSpec bptt_spec(const Variant& variant, const std::string& reference, const Renaming& rename) {
  ProgramSpec spec = silent(variant.program);
  std::set<std::string> known;
  const auto take = [&](const std::string& part, const char* kind) {
    if (part.empty()) return;
    const Outline facts = outline(part, kind, spec.rule_paths);
    known.insert(facts.sizes.begin(), facts.sizes.end());
    known.insert(facts.integers.begin(), facts.integers.end());
  };
  take(spec.cell, "cell");
  take(spec.readout, "readout");
  spec.rule = reference;
  spec.synth.clear();
  spec.header.clear();
  spec.update = Update::sequence;
  spec.sizes.clear();
  for (const auto& [name, size] : variant.program.sizes) {
    if (const auto renamed = rename(name)) spec.sizes[*renamed] = size;
    else if (known.contains(name)) spec.sizes[name] = size;
  }
  return spec;
}

// Values of `from` into the tensors of `to` that go by the renamed name; all others stay as they are. Draws are a
// function of the number of the sequence, so that is set too.
void copy_tensors(const Session& from, Session& to, const Renaming& rename, std::uint64_t batch_number) {
  std::set<std::string> known;
  for (const auto& info : to.tensors()) known.insert(info.name);
  for (const auto& info : from.tensors()) {
    const std::string name = rename(info.name).value_or(info.name);
    if (!known.contains(name)) continue;
    if (info.name.ends_with("[start]")) to.set(name, from.get(info.name));
    else to.copy(name, from, info.name);
  }
  to.set_sequence(from.sequence() + batch_number);
}

void set_hypers(const Variant& variant, Session& session, const Renaming* rename) {
  for (const auto& [name, value] : variant.hypers) {
    if (name.starts_with("optimiser.")) continue;
    const auto target = rename == nullptr ? std::optional(name) : (*rename)(name);
    if (target) session.set_hyper(*target, value);
  }
}

// A rate of 0 for what has learn lines; a rule without any has no optimiser to set.
void set_rate(Session& session) {
  const auto& infos = session.tensors();
  if (std::any_of(infos.begin(), infos.end(), [](const TensorInfo& info) { return !info.bundle.empty(); }))
    session.set_hyper("optimiser.alpha", 0);
}

bool moves(const Session& session, const std::string& role) {
  return std::any_of(session.tensors().begin(), session.tensors().end(), [&](const TensorInfo& info) {
    return info.name.starts_with(role + ".") && (!info.bundle.empty() || info.assigned);
  });
}

// The learn lines of a rule for the parameters of a role, as ProgramSpec::show names them.
std::vector<std::string> lines_for(const Found& rule, const std::string& role) {
  std::vector<std::string> lines;
  for (const auto& item : checked_file(rule.path)->items) {
    if (item->name() != rule.item) continue;
    std::map<std::string, int> count;
    for (const dsl::TypedLearn& learn : item->learns) {
      const std::string& name = learn.line.name();
      const int number = ++count[name];
      if (learn.target->role != role) continue;
      lines.push_back(number == 1 ? "learn " + name : fmt::format("learn {} {}", name, number));
    }
  }
  return lines;
}

// What lines add to each parameter of a role at each step: [steps][values], summed over the examples.
using StepSums = std::map<std::string, std::vector<std::vector<double>>>;

StepSums sums_of(const Session& session, const std::vector<std::string>& lines, const Batch& batch) {
  StepSums sums;
  const auto examples = static_cast<std::size_t>(batch.examples), steps = static_cast<std::size_t>(batch.steps);
  for (const std::string& line : lines)
    for (const auto& [parameter, shown] : session.shown_line(line)) {
      const std::size_t row = shown.values.size() / static_cast<std::size_t>(shown.rows), size = row / examples;
      const std::size_t skipped = static_cast<std::size_t>(shown.rows) - steps;  // the row at start comes first
      auto& into = sums[parameter];
      into.resize(steps, std::vector<double>(size));
      for (std::size_t t = 0; t < steps; ++t)
        for (std::size_t i = 0; i < row; ++i) into[t][i % size] += shown.values[(t + skipped) * row + i];
    }
  return sums;
}

}  // namespace

std::optional<std::string> reference_rule(const std::vector<std::string>& folders) {
  std::vector<std::string> places;
  for (const std::string& folder : folders) places.push_back(folder + "/" + kReference);
  for (const std::string& folder : library_folders()) places.push_back(folder + "/bptt.eli");
  for (const std::string& path : places)
    if (!items_of_file(path).empty()) return path;
  return std::nullopt;
}

struct AlignmentProbe::Sides {
  Renaming rename;  // of the rule's roles to bptt's
  std::string net;  // the cell's role in the rule
  std::vector<std::string> rule_lines, bptt_lines;  // with `by_step`
  std::optional<Session> rule, bptt;
};

AlignmentProbe::AlignmentProbe(const Variant& variant, const SessionOptions& options, bool by_step) {
  const auto path = reference_rule(variant.program.rule_paths);
  if (!path || variant.net_role.empty() || variant.readout_role.empty()) return;
  const Outline reference = outline(*path, "rule", {});
  const Role* net = reference.role("cell");
  const Role* readout = reference.role("readout");
  if (net == nullptr || readout == nullptr) return;
  auto sides = std::make_unique<Sides>();
  sides->net = variant.net_role;
  sides->rename.add(variant.net_role, net->name);
  sides->rename.add(variant.readout_role, readout->name);
  ProgramSpec rule = silent(variant.program), bptt = bptt_spec(variant, *path, sides->rename);
  rule.outputs = variant.policy.has_value();
  rule.online = false;
  if (by_step) {
    rule.show = sides->rule_lines =
        lines_for(outline(variant.program.rule, "rule", variant.program.rule_paths).found, variant.net_role);
    bptt.show = sides->bptt_lines = lines_for(reference.found, net->name);
  }
  sides->rule.emplace(compile(rule), options);
  if (!moves(*sides->rule, sides->net)) return;
  sides->bptt.emplace(compile(bptt), options);
  set_hypers(variant, *sides->rule, nullptr);
  set_hypers(variant, *sides->bptt, &sides->rename);
  set_rate(*sides->rule);
  set_rate(*sides->bptt);
  sides_ = std::move(sides);
}

AlignmentProbe::~AlignmentProbe() = default;

void AlignmentProbe::take_over(const Session& trained, std::uint64_t batch_number) {
  copy_tensors(trained, *sides_->rule, {}, batch_number);
  copy_tensors(trained, *sides_->bptt, sides_->rename, batch_number);
}

std::optional<double> AlignmentProbe::measure(const Session& trained, const Batch& batch, std::uint64_t batch_number) {
  if (!sides_) return std::nullopt;
  take_over(trained, batch_number);
  const Additions added(*sides_->rule), wanted(*sides_->bptt);
  sides_->rule->run(batch);
  sides_->bptt->run(batch);
  Directions all;
  for (const auto& info : sides_->rule->tensors()) {
    if (!info.parameter || !info.name.starts_with(sides_->net + ".")) continue;
    const auto down = wanted.of(*sides_->bptt, *sides_->rename(info.name));
    if (!down) continue;
    all.add(added.of(*sides_->rule, info.name).value_or(std::vector<double>(down->size(), 0)), *down);
  }
  const double cosine = all.cosine();
  return std::isfinite(cosine) ? std::optional(cosine) : std::nullopt;
}

void AlignmentProbe::measure_steps(const Session& trained, const Batch& batch, std::uint64_t batch_number,
                                   std::vector<Directions>& steps) {
  if (!sides_ || sides_->rule_lines.empty()) return;
  take_over(trained, batch_number);
  sides_->rule->run(batch);
  sides_->bptt->run(batch);
  const StepSums added = sums_of(*sides_->rule, sides_->rule_lines, batch);
  const StepSums wanted = sums_of(*sides_->bptt, sides_->bptt_lines, batch);
  steps.resize(std::max(steps.size(), static_cast<std::size_t>(batch.steps)));
  for (const auto& info : sides_->rule->tensors()) {
    if (!info.parameter || !info.name.starts_with(sides_->net + ".")) continue;
    const auto down = wanted.find(*sides_->rename(info.name)), own = added.find(info.name);
    if (down == wanted.end()) continue;
    for (std::size_t t = 0; t < down->second.size(); ++t)
      steps[t].add(own == added.end() ? std::vector<double>(down->second[t].size()) : own->second[t], down->second[t]);
  }
}

Score AlignmentProbe::measure(const Session& trained, BatchSource& source, std::uint64_t epoch,
                              std::uint64_t batches) {
  Score total;
  if (!sides_) return total;
  for (std::uint64_t i = 0; i < std::min(batches, source.shape().train_batches); ++i) {
    copy_tensors(trained, *sides_->rule, {}, i);  // which acts, where batches are made so
    const auto cosine = measure(trained, source.batch(Split::train, epoch, i, *sides_->rule), i);
    if (!cosine) continue;
    total.sum += *cosine;
    ++total.count;
  }
  return total;
}

}  // namespace eligo
