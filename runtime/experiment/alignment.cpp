#include "runtime/experiment/alignment.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "runtime/gradients/additions.h"
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
  std::optional<Session> rule, bptt;
};

AlignmentProbe::AlignmentProbe(const Variant& variant, const SessionOptions& options) {
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
  ProgramSpec own = silent(variant.program);
  own.outputs = variant.policy.has_value();
  own.online = false;
  sides->rule.emplace(compile(own), options);
  if (!moves(*sides->rule, sides->net)) return;
  sides->bptt.emplace(compile(bptt_spec(variant, *path, sides->rename)), options);
  set_hypers(variant, *sides->rule, nullptr);
  set_hypers(variant, *sides->bptt, &sides->rename);
  set_rate(*sides->rule);
  set_rate(*sides->bptt);
  sides_ = std::move(sides);
}

AlignmentProbe::~AlignmentProbe() = default;

std::optional<double> AlignmentProbe::measure(const Session& trained, const Batch& batch, std::uint64_t batch_number) {
  if (!sides_) return std::nullopt;
  copy_tensors(trained, *sides_->rule, {}, batch_number);
  copy_tensors(trained, *sides_->bptt, sides_->rename, batch_number);
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
