#include "runtime/tools/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "compiler/driver/compile.h"
#include "compiler/reference/interpreter.h"
#include "runtime/engine/memory.h"
#include "runtime/engine/program.h"
#include "runtime/gradients/finite_differences.h"
#include "runtime/gradients/random_case.h"
#include "runtime/library/compile.h"
#include "runtime/library/default_parts.h"
#include "runtime/library/warnings.h"
#include "runtime/library/item_interface.h"

namespace eligo {
namespace {

using compiler::NodeKind;
using compiler::Ref;
using compiler::TensorKind;
using compiler::TimeRef;
using compiler::When;

// A lazy derivative of a phase.
struct Asked {
  int phase = -1;
  Ref node = nullptr;
};

bool is_derivative(Ref node) {
  return node->kind == NodeKind::jac || node->kind == NodeKind::vjp || node->kind == NodeKind::jvp;
}

// Those of all phases of a sequence, also inside others, in the order of the graph: the same for equal programs.
std::vector<Asked> derivatives_of(const compiler::Program& plan) {
  std::vector<Asked> asked;
  for (std::size_t i = 0; i < plan.phases.size(); ++i) {
    if (row(plan.phases[i].kind).assigns) continue;
    std::vector<Ref> roots;
    for (const auto& root : plan.phases[i].roots) roots.push_back(root.node);
    for (Ref node : compiler::postorder(roots))
      if (is_derivative(node)) asked.push_back({static_cast<int>(i), node});
  }
  return asked;
}

// What was seen of each derivative, by its runs and then its examples; no entries: not needed at that moment.
using Seen = std::vector<std::vector<std::vector<Differences>>>;

// A runner that does its own work behind each run of a phase.
class Watcher : public compiler::PhaseRunner {
 public:
  Watcher(std::shared_ptr<compiler::PhaseRunner> inner, std::vector<Asked> asked)
      : seen(asked.size()), inner_(std::move(inner)), asked_(std::move(asked)) {}

  void run(int phase, compiler::Resolver& where, std::int64_t examples, void* scratch,
           const void* prepared) const override {
    inner_->run(phase, where, examples, scratch, prepared);
    ran(phase, where);
    for (std::size_t k = 0; k < asked_.size(); ++k) {
      if (asked_[k].phase != phase) continue;
      seen[k].emplace_back();
      look(k, where, examples, seen[k].back());
    }
  }
  std::int64_t scratch_bytes(std::int64_t examples) const override { return inner_->scratch_bytes(examples); }
  std::int64_t prepared_bytes() const override { return inner_->prepared_bytes(); }
  void prepare(compiler::Resolver& where, void* scratch, void* prepared) const override {
    inner_->prepare(where, scratch, prepared);
  }
  bool concurrent() const override { return false; }

  mutable Seen seen;

 protected:
  virtual void ran(int /*phase*/, compiler::Resolver& /*where*/) const {}
  virtual void look(std::size_t k, compiler::Resolver& where, std::int64_t examples,
                    std::vector<Differences>& out) const = 0;
  const Asked& asked(std::size_t k) const { return asked_[k]; }

 private:
  std::shared_ptr<compiler::PhaseRunner> inner_;
  std::vector<Asked> asked_;
};

// Reads what the kernels stored.
class KernelWatcher : public Watcher {
 public:
  KernelWatcher(std::shared_ptr<compiler::PhaseRunner> inner, std::vector<Asked> asked, std::vector<int> tensors)
      : Watcher(std::move(inner), std::move(asked)), tensors_(std::move(tensors)) {}

 protected:
  void look(std::size_t k, compiler::Resolver& where, std::int64_t examples,
            std::vector<Differences>& out) const override {
    const auto* at = static_cast<const double*>(where.resolve(tensors_[k], {When::t, 0}));
    const std::int64_t size = asked(k).node->size();
    for (std::int64_t b = 0; b < examples; ++b)
      out.push_back({{at + b * size, at + (b + 1) * size}, {}, {}});
  }

 private:
  std::vector<int> tensors_;
};

// Takes differences where everything that they need exists.
class DifferenceWatcher : public Watcher {
 public:
  DifferenceWatcher(std::shared_ptr<compiler::Program> plan, const std::vector<Asked>& asked)
      : Watcher(compiler::make_interpreter(plan), asked), plan_(std::move(plan)) {
    for (const Asked& one : asked) numerators_.push_back(compiler::numerator_of(*plan_, one.node));
  }

 protected:
  void ran(int phase, compiler::Resolver& where) const override {
    if (plan_->phases[static_cast<std::size_t>(phase)].is(compiler::PhaseKind::step)) taken_ = moment_of(where).t;
  }

  void look(std::size_t k, compiler::Resolver& where, std::int64_t examples,
            std::vector<Differences>& out) const override {
    if (!exists(numerators_[k], moment_of(where))) return;
    for (std::int64_t b = 0; b < examples; ++b)
      out.push_back(differences_of(*plan_, asked(k).node, numerators_[k], where, b));
  }

 private:
  static const Moment& moment_of(compiler::Resolver& where) { return dynamic_cast<ShardResolver&>(where).moment; }

  bool within(TimeRef time, const Moment& moment, std::int64_t first) const {
    if (time.base == When::always) return true;
    if (time.base == When::end || time.base == When::last) return time.offset <= 0;
    const std::int64_t t = (time.base == When::start ? moment.start : moment.t) + time.offset;
    return t >= first && t <= taken_;
  }

  bool exists(const compiler::Numerator& numerator, const Moment& moment) const {
    const bool steps = std::all_of(numerator.steps.begin(), numerator.steps.end(),
                                   [&](TimeRef time) { return within(time, moment, 1); });
    return steps && std::all_of(numerator.reads.begin(), numerator.reads.end(), [&](Ref leaf) {
             const compiler::Tensor& t = plan_->tensors[static_cast<std::size_t>(leaf->tensor)];
             if (!t.timed() || t.kind == TensorKind::flag) return true;
             return within(leaf->time, moment, t.kind == TensorKind::state || t.at_start ? 0 : 1);
           });
  }

  std::shared_ptr<compiler::Program> plan_;
  std::vector<compiler::Numerator> numerators_;
  mutable std::int64_t taken_ = 0;  // the last step that the net has taken
};

// Stores every derivative beside what its phase stores.
std::vector<int> store_derivatives(compiler::Program& plan, const std::vector<Asked>& asked) {
  std::vector<int> tensors;
  for (const Asked& one : asked) {
    compiler::Tensor t;
    t.name = "derivative." + std::to_string(tensors.size());
    t.kind = TensorKind::shown;
    t.dims = one.node->dims;
    for (std::size_t i = 0; i < t.dims.size(); ++i)
      t.axes.push_back({t.name + "." + std::to_string(i), std::to_string(i), t.dims[i], nullptr});
    t.batched = true;
    tensors.push_back(static_cast<int>(plan.tensors.size()));
    plan.tensors.push_back(t);
    plan.phases[static_cast<std::size_t>(one.phase)].roots.push_back(
        {compiler::RootKind::store, tensors.back(), {When::t, 0}, one.node, "gradcheck"});
  }
  return tensors;
}

// One batch with nothing learned.
Seen watch(const std::shared_ptr<compiler::Program>& plan, const std::shared_ptr<Watcher>& watcher,
           const GradcheckOptions& options, const Batch& batch) {
  auto program = std::make_shared<Program>();
  program->plan = std::make_shared<compiler::Plan>(compiler::plan_of(*plan));
  program->timetable = compiler::timetable_of(*program->plan);
  program->runner = watcher;
  program->float64 = true;
  Session session(program, {.batch = options.batch, .steps = options.steps, .seed = options.seed});
  for (const auto& [name, value] : options.hypers) session.set_hyper(name, value);
  session.set_hyper("optimiser.α", 0);
  draw_values(session, options.seed);
  session.run(batch);
  return std::move(watcher->seen);
}

// The rows of the table: a row is a place of a rule file.
class Rows {
 public:
  explicit Rows(double tolerance) : tolerance_(tolerance) {}

  void add(Ref node, const std::vector<std::vector<Differences>>& wanted,
           const std::vector<std::vector<Differences>>& found) {
    DerivativeCheck& row = row_of(node->origin);
    double largest = 0, most = 0, error = 0;
    for (std::size_t run = 0; run < wanted.size(); ++run)
      for (std::size_t b = 0; b < wanted[run].size(); ++b)
        for (std::size_t i = 0; i < wanted[run][b].values.size(); ++i) {
          if (wanted[run][b].kinked[i]) {
            ++row.kinks;
            continue;
          }
          const double want = wanted[run][b].values[i], got = found.at(run).at(b).values.at(i);
          const double gap = std::abs(want - got);
          ++row.entries;
          largest = std::max({largest, std::abs(want), std::abs(got)});
          most = std::isfinite(gap) ? std::max(most, gap) : std::numeric_limits<double>::infinity();
          error = std::max(error, wanted[run][b].errors[i]);
        }
    if (most <= 10 * error && largest <= 10 * error) return;  // nothing is told from the differences' rounding
    row.largest = std::max(row.largest, largest);
    row.deviation = std::max(row.deviation, most / largest);
    row.excess = std::max(row.excess, (most - 10 * error) / largest);
  }

  std::vector<DerivativeCheck> finish() {
    for (DerivativeCheck& row : rows_) {
      using Verdict = DerivativeCheck::Verdict;
      if (row.entries == 0) row.verdict = row.kinks > 0 ? Verdict::at_kinks : Verdict::not_reached;
      else if (!(row.excess <= tolerance_)) row.verdict = Verdict::differs;
      else row.verdict = row.largest == 0 ? Verdict::zero : Verdict::agrees;
    }
    std::stable_sort(rows_.begin(), rows_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.file, a.line) < std::pair(b.file, b.line);
    });
    return std::move(rows_);
  }

 private:
  DerivativeCheck& row_of(const compiler::Origin& origin) {
    const auto key = std::tuple(origin.source.get(), origin.span.begin, origin.span.end);
    if (const auto found = places_.find(key); found != places_.end()) return rows_[found->second];
    places_[key] = rows_.size();
    DerivativeCheck& row = rows_.emplace_back();
    if (!origin.source) return row;
    row.file = origin.source->path.substr(origin.source->path.rfind('/') + 1);
    row.line = dsl::line_column(*origin.source, origin.span.begin).line;
    bool blank = false;
    for (const char c : origin.source->text.substr(origin.span.begin, origin.span.end - origin.span.begin)) {
      const bool space = c == ' ' || c == '\n' || c == '\t';
      if (!(space && blank)) row.text += space ? ' ' : c;
      blank = space;
    }
    return row;
  }

  double tolerance_;
  std::vector<DerivativeCheck> rows_;
  std::map<std::tuple<const void*, std::uint32_t, std::uint32_t>, std::size_t> places_;
};

std::int64_t width_of(const compiler::Program& plan, const std::vector<int>& tensors) {
  std::int64_t width = 0;
  for (int tensor : tensors) width += plan.tensors[static_cast<std::size_t>(tensor)].size();
  return width;
}

}  // namespace

bool GradcheckReport::good() const {
  return std::none_of(derivatives.begin(), derivatives.end(),
                      [](const DerivativeCheck& d) { return d.verdict == DerivativeCheck::Verdict::differs; });
}

// Each derivative that the rule takes: in the program that runs, against differences of the interpreter's values.
static std::vector<DerivativeCheck> check_derivatives(const ProgramSpec& compiled, const GradcheckOptions& options,
                                                      const Batch& batch,
                                                      const std::shared_ptr<compiler::Program>& plain) {
  const std::vector<Asked> asked = derivatives_of(*plain);
  const Seen wanted = watch(plain, std::make_shared<DifferenceWatcher>(plain, asked), options, batch);
  const std::shared_ptr<compiler::Program> plan = instantiate(compiled);
  const std::vector<Asked> stored = derivatives_of(*plan);
  if (stored.size() != asked.size()) throw Error("the two programs do not take the same derivatives");
  const std::vector<int> tensors = store_derivatives(*plan, stored);
  compiler::CompileOptions how;
  how.float64 = true;
  how.batch = options.batch;
  how.keep_phases = true;  // what a phase stores is looked at behind it
  const auto watcher = std::make_shared<KernelWatcher>(compiler::compile_and_load(*plan, how), stored, tensors);
  const Seen found = watch(plan, watcher, options, batch);
  Rows rows(options.tolerance);
  for (std::size_t k = 0; k < asked.size(); ++k) rows.add(asked[k].node, wanted[k], found[k]);
  return rows.finish();
}

GradcheckReport gradcheck(ProgramSpec spec, const GradcheckOptions& options, const ProgramSpec* compiled) {
  spec = fitting(std::move(spec), {});
  spec.float64 = true;
  spec.optimiser = "sgd";
  GradcheckReport report;
  report.parts = parts_text(spec);
  report.notes = hidden_parts(spec);
  ProgramSpec judged = compiled != nullptr ? *compiled : spec;

  const std::shared_ptr<compiler::Program> plain = instantiate(spec);
  const Batch batch = draw_batch(options.steps, options.batch, width_of(*plain, plain->inputs),
                                 width_of(*plain, plain->targets), options.seed);
  if (options.derivatives) report.derivatives = check_derivatives(judged, options, batch, plain);
  if (!options.totals) return report;

  const TotalOptions totals{.seed = options.seed, .tolerance = options.tolerance, .hypers = options.hypers};
  judged.float64 = true;
  judged.optimiser = "sgd";
  try {
    report.totals = check_totals(judged, totals, batch);
  } catch (const Error& e) {  // a part that nobody meant may be the reason
    std::string text = e.what();
    for (const std::string& note : report.notes) text += "\nnote: " + note;
    throw Error(text);
  }
  return report;
}

}  // namespace eligo
