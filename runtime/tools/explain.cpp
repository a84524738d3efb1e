#include "runtime/tools/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "compiler/driver/pipeline.h"
#include "compiler/ir/manifest.h"
#include "compiler/lower/phase_costs.h"
#include "compiler/memory/layout.h"
#include "compiler/memory/shards.h"
#include "compiler/schedule/schedule_choice.h"
#include "dsl/file.h"
#include "dsl/names.h"
#include "dsl/reads.h"
#include "runtime/library/checked_file.h"
#include "runtime/library/compile.h"
#include "runtime/library/default_parts.h"
#include "runtime/library/library.h"
#include "runtime/library/warnings.h"
#include "runtime/tools/explain_formula.h"

namespace eligo {
namespace {

using compiler::PhaseId;
using compiler::PhaseKind;
using compiler::RootKind;
using compiler::TensorKind;
using dsl::StatementKind;
using PlanPtr = std::shared_ptr<compiler::Program>;

// A line of the rule's file that computes something.
struct Line {
  std::string name;  // as statements of the loops are labelled: "e", "learn θ"
  std::string text;  // as it stands in the file
  std::set<std::string> reads;
  bool equation = false;  // has values of its own, that may be shown
  bool assigned = false;  // `:=`, by a phase of its own
};

std::string one_line(const std::string& text) {
  std::string out;
  bool comment = false;
  for (const char c : text) {
    comment = (comment || c == '#') && c != '\n';
    if (comment) continue;
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank) out += c;
    else if (!out.empty() && out.back() != ' ') out += ' ';
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == ';')) out.pop_back();
  return out;
}

class Lines {
 public:
  explicit Lines(const ProgramSpec& spec) {
    const Found found = find_part(spec.rule, "rule", spec.rule_paths);
    file_ = checked_file(found.path);
    if (!file_->well_formed) throw dsl::SourceError(file_->diagnostics);
    for (const dsl::Item& item : file_->parsed.file.items)
      if (dsl::canonical(item.name) == dsl::canonical(found.item)) collect(item.statements, false);
  }

  std::vector<Line> lines;

 private:
  void collect(const std::vector<dsl::Statement>& statements, bool inside) {
    for (const dsl::Statement& s : statements) {
      if (s.kind == StatementKind::at_each) collect(s.body, true);
      if (s.kind == StatementKind::per_neuron)
        for (const dsl::Statement& inner : s.body) add(inner, inner.name, false);
      if (s.kind == StatementKind::equation) add(s, s.name, !inside && s.assign == dsl::AssignKind::define);
      if (s.kind == StatementKind::learn) add(s, "learn " + s.name, false);
    }
  }

  void add(const dsl::Statement& s, const std::string& name, bool equation) {
    if (!s.value) return;
    auto at = std::find_if(lines.begin(), lines.end(), [&](const Line& line) { return line.name == name; });
    const std::string text = one_line(file_->parsed.source->text.substr(s.span.begin, s.span.end - s.span.begin));
    if (at == lines.end()) at = lines.insert(at, {name, text, {}, equation, s.assign == dsl::AssignKind::assign});
    else at->text += "; " + text;
    for (const dsl::Read& read : dsl::reads_of(*s.value)) at->reads.insert(read.root);
  }

  std::shared_ptr<const CheckedFile> file_;
};

// The program with everything stored that the rule's equations define, for looking at; what cannot be is left out.
PlanPtr shown_program(const ProgramSpec& real, const std::vector<Line>& lines,
                      const compiler::CompileOptions& options) {
  ProgramSpec spec = real;
  spec.schedule.clear();
  spec.update = Update::sequence;
  const auto made = [&]() -> PlanPtr {
    try {
      PlanPtr plan = instantiate(spec);
      compiler::run_passes(*plan, options, compiler::PassId::contraction_order);
      return plan;
    } catch (const Error&) {
      return nullptr;
    }
  };
  for (const Line& line : lines)
    if (line.equation) spec.show.push_back(line.name);
  if (PlanPtr all = made()) return all;
  std::vector<std::string> good;
  for (const Line& line : lines) {
    if (!line.equation) continue;
    spec.show = good;
    spec.show.push_back(line.name);
    if (made()) good = spec.show;
  }
  spec.show = good;
  return made();
}

std::string shape_text(const compiler::Tensor& t) {
  std::vector<std::string> axes;
  for (std::size_t i = 0; i < t.dims.size(); ++i)
    axes.push_back(i < t.axes.size() && !t.axes[i].shown.empty() && t.axes[i].shown != std::to_string(t.dims[i])
                       ? fmt::format("{} {}", t.axes[i].shown, t.dims[i])
                       : std::to_string(t.dims[i]));
  return axes.empty() ? "a number" : fmt::format("[{}]", fmt::join(axes, ", "));
}

// "e", or a part of it: "e[h, A]".
bool is_of(const std::string& tensor, const std::string& name) {
  return tensor == name || tensor.starts_with(name + "[");
}

// Sizes of the blocks of an equation that are at least matrices.
std::set<std::int64_t> matrix_sizes(const compiler::Tensor& t) {
  std::set<std::int64_t> sizes = {1};
  int long_axes = 0;
  for (std::size_t i = 0; i < t.dims.size(); ++i) {
    std::set<std::int64_t> members, products;
    if (i < t.axes.size() && t.axes[i].bundle)
      for (const auto& m : t.axes[i].bundle->members) members.insert(m.size);
    else members.insert(t.dims[i]);
    long_axes += t.dims[i] > 1;
    for (const auto size : sizes)
      for (const auto member : members) products.insert(size * member);
    sizes = products;
  }
  if (long_axes < 2) return {};
  std::erase_if(sizes, [&](std::int64_t size) { return size < 4; });
  return sizes;
}

class Explain {
 public:
  explicit Explain(const ExplainOptions& o) : o_(o), lines_(o.spec) {
    options_.batch = o.batch;
    options_.float64 = o.spec.float64;
    plan_ = scheduled(o_.spec, &out_.recurrences);
    compiler::run_passes(*plan_, options_, compiler::PassId::contraction_order);
    for (const compiler::Unreached& one : plan_->unreached) out_.warnings.push_back(compiler::text(one));
    for (const std::string& note : hidden_parts(o_.spec)) out_.warnings.push_back(note);
    shown_ = shown_program(o_.spec, lines_.lines, options_);
    costs_ = compiler::equation_costs(*plan_, o_.batch);
    find_at_once();
  }

  Explanation run() {
    header();
    net_equations();
    for (const Line& line : lines_.lines) out_.equations.push_back(rule_line(line));
    leftovers();
    updates();
    totals();
    fusions();
    return std::move(out_);
  }

 private:
  double element() const { return o_.spec.float64 ? 8 : 4; }

  static bool of_update(const PhaseId& phase) { return row(phase.kind).assigns; }

  void header() {
    out_.rule = o_.spec.rule;
    out_.parts = parts_text(o_.spec) + (plan_->learned.empty() ? "" : ", optimiser " + o_.spec.optimiser);
    std::vector<std::string> sizes;
    for (const auto& [name, value] : o_.spec.sizes) sizes.push_back(fmt::format("{} = {}", name, value));
    out_.sizes = fmt::format("{}", fmt::join(sizes, ", "));
    out_.headline = plan_->online ? "online" : "runs backward over the window";
    if (plan_->ahead > 0) out_.headline += fmt::format(", looks {} ahead", plan_->ahead);
    out_.headline += plan_->window < 0 ? "" : fmt::format(", windows of {} steps", plan_->window);
    out_.batch = o_.batch;
    out_.steps = o_.steps;
    out_.float64 = o_.spec.float64;
    out_.balance = o_.balance;
    if (o_.spec.float64) {
      out_.balance.cache /= 2;
      out_.balance.memory /= 2;
    }
    out_.memory = compiler::plan_layout(compiler::plan_of(*plan_), o_.batch, o_.steps, o_.spec.float64, 0, 1).bytes;
  }

  // Which equations need not be computed step by step, in the program that runs.
  void find_at_once() {
    distributed_ = scheduled(o_.spec);
    compiler::run_passes(*distributed_, options_, compiler::PassId::distribute_steps);
    for (const auto& phase : distributed_->phases) {
      if (!phase.takes_many_steps()) continue;
      const std::string whole = PhaseId{phase.kind, compiler::PhasePart::core, phase.of}.name();
      for (const auto& root : phase.roots) at_once_.insert({whole, root.label});
    }
  }

  // When a phase computes an equation.
  std::string when(const PhaseId& phase, const std::string& label) const {
    return when(phase) + (at_once_.contains({phase.name(), label}) ? ", many steps at once" : "");
  }

  static std::string when(const PhaseId& phase) { return row(phase.kind).words; }

  // Takes the costs of a label over: nothing is counted twice.
  void take_costs(EquationReport& report, const std::string& label) {
    for (auto& cost : costs_) {
      if (cost.label != label || of_update(cost.phase) || !taken_.insert(&cost).second) continue;
      add(report.work, when(cost.phase, cost.label), cost.phase.name(), cost.cost,
          cost.phase.kind == PhaseKind::prepare ? 1 : o_.batch);
    }
  }

  void add(std::vector<Work>& into, const std::string& occasion, const std::string& phase, const compiler::Cost& cost,
           std::int64_t examples) const {
    auto at = std::find_if(into.begin(), into.end(), [&](const Work& w) { return w.when == occasion; });
    if (at == into.end()) at = into.insert(at, {occasion});
    at->operations += cost.operations / static_cast<double>(examples);
    at->bytes += cost.words * element() / static_cast<double>(examples);
    if (std::find(at->phases.begin(), at->phases.end(), phase) == at->phases.end()) at->phases.push_back(phase);
    if (at->bytes <= 0) return;
    at->intensity = at->operations / at->bytes;
    // The batch is cut so that a shard's values stay in the caches, into 64 at most.
    const double touched = at->bytes * std::ceil(static_cast<double>(examples) / 64);
    const bool cached = touched <= static_cast<double>(o_.balance.cache_bytes);
    at->by_memory = at->intensity < (cached ? out_.balance.cache : out_.balance.memory);
  }

  void structure(EquationReport& report, const compiler::Program& plan, compiler::Ref node,
                 const std::vector<compiler::Axis>& axes, const std::string& block) const {
    compiler::Formula formula = compiler::formula_of(plan, node, axes);
    for (auto& part : formula.parts)
      report.structure.emplace_back(part.block.empty() ? block : part.block, std::move(part.text));
    std::set<std::string> shared(report.shared.begin(), report.shared.end());
    shared.merge(formula.shared);
    report.shared.assign(shared.begin(), shared.end());
  }

  // The equation as this program stores it; false if it doesn't.
  bool stored(EquationReport& report, const compiler::Program& plan, const std::string& name) const {
    bool found = false;
    std::int64_t numbers = 0;
    for (const auto& phase : plan.phases) {
      if (phase.kind == PhaseKind::sweep_start) continue;
      for (const auto& root : phase.roots) {
        const compiler::Tensor& t = plan.tensors[static_cast<std::size_t>(root.tensor)];
        if (root.kind != RootKind::store || root.label != name || !is_of(t.name, name)) continue;
        structure(report, plan, root.node, t.axes, t.name == name ? "" : t.name.substr(name.size()));
        report.shape = t.name == name ? shape_text(t) : "";
        report.remark = kept(t.kind);
        numbers += t.size();
        found = true;
      }
    }
    if (found && !report.remark.empty()) report.remark += fmt::format(", {} numbers an example", numbers);
    return found;
  }

  static std::string kept(TensorKind kind) {
    if (kind == TensorKind::forward) return "carried from step to step";
    if (kind == TensorKind::backward) return "carried back from step to step";
    if (kind == TensorKind::record) return "recorded on arrival";
    if (kind == TensorKind::revised) return "kept for each earlier step";
    return "";
  }

  EquationReport rule_line(const Line& line) {
    EquationReport report;
    report.group = "rule";
    report.name = line.name;
    report.text = line.text;
    if (line.name.starts_with("learn ")) gathered(report);
    else if (!stored(report, *plan_, line.name) && !walked_back(report)) from_shown(report);
    take_costs(report, line.name);
    std::vector<std::string> readers;
    for (const Line& other : lines_.lines)
      if (other.reads.contains(line.name) && other.name != line.name) readers.push_back(other.name);
    if (line.assigned) report.remark = "see update " + line.name;
    else if (report.work.empty()) {
      report.readers = readers;
      if (report.remark.empty()) report.remark = never_formed(line.name);
    }
    return report;
  }

  // What a learn line gathers for each parameter.
  void gathered(EquationReport& report) const {
    for (const auto& phase : plan_->phases) {
      if (phase.kind == PhaseKind::sweep_start) continue;
      for (const auto& root : phase.roots) {
        if (root.kind != RootKind::gather || root.label != report.name) continue;
        const std::string& name = plan_->tensors[static_cast<std::size_t>(root.tensor)].name;
        structure(report, *plan_, root.node, {}, "[" + name.substr(name.rfind('.') + 1) + "]");
      }
    }
  }

  // A trace that the program does not carry: as it would be, and what is carried back in its place.
  bool walked_back(EquationReport& report) const {
    std::string how;
    for (const auto& replay : plan_->replays)
      if (replay.name.starts_with(report.name + " ") || replay.name == report.name)
        how = "not carried: walked back for, again from each arrival";
    std::vector<std::pair<std::string, std::string>> back;
    EquationReport walk;
    for (const auto& phase : plan_->phases)
      for (const auto& root : phase.roots) {
        const compiler::Tensor& t = plan_->tensors[static_cast<std::size_t>(root.tensor)];
        const bool own = root.kind == RootKind::store && root.label == report.name && t.name.starts_with("back.");
        if (!own || phase.kind == PhaseKind::sweep_start || phase.kind == PhaseKind::replay_first) continue;
        structure(walk, *plan_, root.node, t.axes, t.name);
      }
    if (walk.structure.empty()) return false;
    from_shown(report);
    report.remark = how.empty() ? "not carried: its sum is taken on the way back over the window" : how;
    report.structure.insert(report.structure.end(), walk.structure.begin(), walk.structure.end());
    return true;
  }

  const compiler::Root* shown_root(const std::string& name) const {
    if (!shown_) return nullptr;
    for (const auto& phase : shown_->phases)
      for (const auto& root : phase.roots)
        if (root.label == "show " + name && phase.kind != PhaseKind::sweep_start) return &root;
    return nullptr;
  }

  // An equation that the program does not store: as its right side is once it is simplified.
  void from_shown(EquationReport& report) const {
    const compiler::Root* root = shown_root(report.name);
    if (!root) return;
    const compiler::Tensor& t = shown_->tensors[static_cast<std::size_t>(root->tensor)];
    const std::string shape = shape_text(t);
    if (!stored(report, *shown_, report.name)) structure(report, *shown_, root->node, t.axes, "");
    report.shape = shape;
    report.remark.clear();
  }

  // Whether no value of the size of any of its blocks is kept for an example anywhere.
  std::string never_formed(const std::string& name) const {
    const compiler::Root* root = shown_root(name);
    if (!root) return "";
    const std::set<std::int64_t> sizes = matrix_sizes(shown_->tensors[static_cast<std::size_t>(root->tensor)]);
    if (sizes.empty()) return "";
    for (const auto& cost : costs_)
      for (const std::int64_t size : cost.kept)
        if (sizes.contains(size)) return "";
    return "never formed, only multiplied through";
  }

  void net_equations() {
    for (const auto& phase : plan_->phases) {
      if (!phase.is(PhaseKind::step)) continue;
      for (const auto& root : phase.roots) {
        EquationReport report;
        report.group = "net";
        report.name = root.label;
        const compiler::Tensor& t = plan_->tensors[static_cast<std::size_t>(root.tensor)];
        report.shape = shape_text(t);
        structure(report, *plan_, root.node, t.axes, "");
        take_costs(report, root.label);
        out_.equations.push_back(std::move(report));
      }
    }
  }

  // Statements of no line: statistics over the batch, copies of parameters.
  void leftovers() {
    std::map<std::string, std::vector<std::string>> labels;
    for (const auto& cost : costs_) {
      if (taken_.contains(&cost) || of_update(cost.phase)) continue;
      const bool statistic = cost.label.starts_with("statistic");
      auto& own = labels[cost.phase.kind == PhaseKind::prepare ? "copies of parameters"
                         : statistic                           ? "statistics"
                                                               : cost.label];
      if (std::find(own.begin(), own.end(), cost.label) == own.end()) own.push_back(cost.label);
    }
    for (const auto& [name, own] : labels) {
      EquationReport report;
      report.group = name == "copies of parameters" ? "update" : "rule";
      report.name = name;
      for (const auto& label : own) take_costs(report, label);
      out_.equations.push_back(std::move(report));
    }
  }

  void updates() {
    const auto report_of = [&](const std::string& name) -> EquationReport& {
      for (auto& one : out_.equations)
        if (one.name == name) return one;
      out_.equations.emplace_back();
      out_.equations.back().group = "update";
      out_.equations.back().name = name;
      return out_.equations.back();
    };
    for (const auto& l : plan_->learned) {
      const PhaseId& phase = plan_->phases[static_cast<std::size_t>(l.update_phase)];
      const char* occasion = l.every == compiler::UpdateEvery::step     ? "each step"
                             : l.every == compiler::UpdateEvery::window ? "each window"
                                                                        : "each sequence";
      for (const auto& cost : costs_)
        if (cost.phase == phase) add(report_of("update " + l.bundle).work, occasion, phase.name(), cost.cost, 1);
    }
    for (const auto& cost : costs_)
      if (row(cost.phase.kind).frequency == compiler::PhaseFrequency::batch)
        add(report_of("update " + cost.label).work, when(cost.phase), cost.phase.name(), cost.cost, 1);
  }

  void totals() {
    for (const auto& one : out_.equations) {
      if (one.group == "update") continue;
      for (const Work& work : one.work) {
        const std::string occasion = work.when.starts_with("each step") ? "each step" : work.when;
        for (const std::string& phase : work.phases) add(out_.totals, occasion, phase, {}, 1);
        auto& total =
            *std::find_if(out_.totals.begin(), out_.totals.end(), [&](const Work& w) { return w.when == occasion; });
        total.operations += work.operations;
        total.bytes += work.bytes;
      }
    }
  }

  // Which statements run together, and which could not.
  void fusions() {
    const std::int64_t rows = compiler::rows_of_a_shard(*distributed_, o_.batch, o_.spec.float64);  // as it is compiled
    compiler::Lowered lowered = compiler::lower(*distributed_, rows);
    std::map<int, std::string> phases = {{lowered.prepare, PhaseId{PhaseKind::prepare}.name()}};
    for (std::size_t i = 0; i < distributed_->phases.size(); ++i)
      phases[lowered.function_of_phase[i]] = distributed_->phases[i].name();
    out_.fused_from = options_.fusion.bytes;
    for (const compiler::FusedLoops& one :
         compiler::fuse_loops(lowered, static_cast<std::int64_t>(element()), rows, options_.fusion))
      out_.loops.push_back({phases[one.function], one.labels, one.statements, one.local, one.extent, one.values,
                            one.examples, one.handed_on});
  }

  ExplainOptions o_;
  Lines lines_;
  compiler::CompileOptions options_;
  PlanPtr plan_, shown_, distributed_;
  std::vector<compiler::EquationCost> costs_;
  std::set<const compiler::EquationCost*> taken_;
  std::set<std::pair<std::string, std::string>> at_once_;  // phase and label
  Explanation out_;
};

}  // namespace

Explanation explain(const ExplainOptions& options) {
  ExplainOptions o = options;
  o.spec = fitting(o.spec, {30, 10, 2, 4});
  o.spec.batch_hint = o.batch;
  o.spec.steps_hint = o.steps;
  o.spec.memory = o.memory;
  return Explain(o).run();
}

}  // namespace eligo
