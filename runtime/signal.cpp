#include "runtime/signal.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "runtime/outline.h"

namespace eligo {
namespace {

constexpr const char* kSignal = "signal";

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

struct Probe {
  std::shared_ptr<const Program> program;
  bool has_signal = false;
};

ProgramSpec probe_spec(const ProgramSpec& spec) {
  ProgramSpec probe = spec;
  probe.optimiser = "sgd";
  probe.schedule.clear();
  probe.show = {kSignal};
  return probe;
}

// Compiled to show its signal, or without where the rule has none to show; a rule that is wrong fails both times.
Probe make_probe(ProgramSpec spec) {
  try {
    return {compile(spec), true};
  } catch (const std::runtime_error&) {
    spec.show.clear();
    return {compile(spec), false};
  }
}

// The same cell and readout under bptt. Sizes of the synthesiser stay behind.
ProgramSpec bptt_spec(const Variant& variant, const Renaming& rename) {
  ProgramSpec spec = probe_spec(variant.program);
  std::set<std::string> known;
  const auto take = [&](const std::string& part, const char* kind) {
    if (part.empty()) return;
    const Outline facts = outline(part, kind, spec.rule_paths);
    known.insert(facts.sizes.begin(), facts.sizes.end());
    known.insert(facts.integers.begin(), facts.integers.end());
  };
  take(spec.cell, "cell");
  take(spec.readout, "readout");
  spec.rule = "bptt";
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

// Values of `from` into the tensors of `to` that go by the renamed name; all others stay as they are.
void copy_tensors(const Session& from, Session& to, const Renaming& rename) {
  std::set<std::string> targets;
  for (const auto& info : to.tensors()) targets.insert(info.name);
  for (const auto& info : from.tensors()) {
    const std::string name = rename(info.name).value_or(info.name);
    if (!targets.contains(name)) continue;
    const auto values = from.get(info.name);
    to.set(name, values);
  }
}

void set_hypers(const Variant& variant, Session& session, const Renaming* rename) {
  for (const auto& [name, value] : variant.hypers) {
    if (name.starts_with("optimiser.")) continue;
    const auto target = rename == nullptr ? std::optional(name) : (*rename)(name);
    if (target) session.set_hyper(*target, value);
  }
  session.set_hyper("optimiser.alpha", 0);
}

double dot(const double* a, const double* b, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

void add_cosine(const double* rule, const double* bptt, std::size_t count, Score& score) {
  const double bptt2 = dot(bptt, bptt, count), rule2 = dot(rule, rule, count);
  if (!(bptt2 > 0)) return;
  ++score.count;
  if (rule2 > 0) score.sum += dot(rule, bptt, count) / std::sqrt(rule2 * bptt2);
}

// What was gathered for all parameters of a role, one behind the other.
std::vector<double> gathered_of(const Session& session, const std::string& role) {
  std::vector<double> all;
  for (const auto& info : session.tensors()) {
    if (!info.parameter || !info.name.starts_with(role + ".")) continue;
    const auto values = session.gathered(info.name);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace

std::vector<Score> cosine_by_step(const Batch& batch, const Session::Shown& rule, const Session::Shown& bptt) {
  std::size_t width = 1;
  for (const auto size : bptt.shape) width *= static_cast<std::size_t>(size);
  const auto examples = static_cast<std::size_t>(batch.examples), steps = static_cast<std::size_t>(batch.steps);
  const auto rows_before = [&](const Session::Shown& shown) { return static_cast<std::size_t>(shown.rows) - steps; };
  std::vector<Score> scores(steps);
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t b = 0; b < examples; ++b) {
      if (!batch.lengths.empty() && static_cast<std::int64_t>(t) >= batch.lengths[b]) continue;
      add_cosine(rule.values.data() + ((t + rows_before(rule)) * examples + b) * width,
                 bptt.values.data() + ((t + rows_before(bptt)) * examples + b) * width, width, scores[t]);
    }
  }
  return scores;
}

Score cosine_over_steps(const Batch& batch, const Session::Shown& rule, const Session::Shown& bptt) {
  Score total;
  for (const Score& score : cosine_by_step(batch, rule, bptt)) {
    total.sum += score.sum;
    total.count += score.count;
  }
  return total;
}

struct SignalProbe::Sides {
  Renaming rename;            // of the rule's roles to bptt's
  std::string net, bptt_net;  // the cell's role on both sides
  bool has_signal = false;
  std::optional<Session> rule, bptt;
};

SignalProbe::SignalProbe(const Variant& variant, const SessionOptions& options) {
  Outline reference;
  try {
    reference = outline("bptt", "rule", variant.program.rule_paths);
  } catch (const Error&) {
    return;
  }
  const Role* net = reference.role("cell");
  const Role* readout = reference.role("readout");
  if (net == nullptr || readout == nullptr || variant.readout_role.empty()) return;
  sides_ = std::make_unique<Sides>();
  sides_->net = variant.net_role;
  sides_->bptt_net = net->name;
  sides_->rename.add(variant.net_role, net->name);
  sides_->rename.add(variant.readout_role, readout->name);
  const Probe rule = make_probe(probe_spec(variant.program)), bptt = make_probe(bptt_spec(variant, sides_->rename));
  sides_->has_signal = rule.has_signal && bptt.has_signal;
  sides_->rule.emplace(rule.program, options);
  sides_->bptt.emplace(bptt.program, options);
  set_hypers(variant, *sides_->rule, nullptr);
  set_hypers(variant, *sides_->bptt, &sides_->rename);
}

SignalProbe::~SignalProbe() = default;

bool SignalProbe::has_signal() const { return sides_ && sides_->has_signal; }

std::vector<Score> SignalProbe::measure_steps(const Session& trained, const Batch& batch) {
  if (!sides_) return {};
  copy_tensors(trained, *sides_->rule, {});
  copy_tensors(trained, *sides_->bptt, sides_->rename);
  sides_->rule->run(batch);
  sides_->bptt->run(batch);
  if (sides_->has_signal) return cosine_by_step(batch, sides_->rule->shown(kSignal), sides_->bptt->shown(kSignal));
  Score score;
  const auto a = gathered_of(*sides_->rule, sides_->net), b = gathered_of(*sides_->bptt, sides_->bptt_net);
  if (a.size() == b.size()) add_cosine(a.data(), b.data(), a.size(), score);
  return {score};
}

Score SignalProbe::measure(const Session& trained, const Task& task, std::uint64_t epoch, std::uint64_t batches) {
  Score total;
  if (!sides_) return total;
  const std::uint64_t in_epoch = task.shape().train_batches;
  for (std::uint64_t i = 0; i < std::min(batches, in_epoch); ++i) {
    // The draws follow from epoch and batch, whenever the probe was made: a resumed run measures what an uninterrupted
    // one would have measured.
    for (Session* side : {&*sides_->rule, &*sides_->bptt}) side->set_sequence(epoch * in_epoch + i);
    for (const Score& score : measure_steps(trained, task.batch(Split::train, epoch, i))) {
      total.sum += score.sum;
      total.count += score.count;
    }
  }
  return total;
}

}  // namespace eligo
