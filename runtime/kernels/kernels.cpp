#include "runtime/kernels/kernels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "compiler/driver/pipeline.h"
#include "compiler/loops/build.h"
#include "compiler/loops/print.h"
#include "compiler/lower/phase_costs.h"
#include "runtime/kernels/kernel_memory.h"
#include "runtime/kernels/kernel_timing.h"
#include "runtime/library/warnings.h"
#include "runtime/library/compile.h"
#include "runtime/library/default_parts.h"
#include "support/denormals.h"

namespace eligo {
namespace {

using compiler::loops::Function;
using compiler::loops::Module;
using compiler::loops::Statement;

ProgramSpec complete(const KernelOptions& o) {
  ProgramSpec spec = fitting(o.spec, {30, 10, 2, 4});
  spec.batch_hint = o.batch;
  spec.steps_hint = o.steps;
  return spec;
}

// Why this machine cannot run the processor's code; empty where it can.
std::string why_not_here(const std::string& cpu) {
  try {
    return compiler::llvm_backend().why_not_here(cpu);
  } catch (const std::runtime_error& e) {  // no processor
    throw Error(fmt::format("--cpu {}: {}", cpu, e.what()));
  }
}

// The same statement over so many rows of the batch.
Statement with_rows(Statement s, std::int64_t rows) {
  for (auto& loop : s.loops)
    if (loop.batch) loop.extent = rows;
  return s;
}

// Where a phase's function is, and what a call of it is for.
struct PhaseFunction {
  compiler::PhaseId phase;
  int function = -1;
  std::int64_t rows = 0;
};

// The name of a function that holds one statement alone.
std::string alone(const Function& f, std::size_t statement) { return fmt::format("{}_statement{}", f.name, statement); }

}  // namespace

struct KernelProgram::Parts {
  KernelOptions options;
  ProgramSpec spec;
  std::shared_ptr<compiler::Program> program;
  compiler::Lowered lowered;
  std::vector<PhaseFunction> phases;  // those to be measured
  Module module;                      // the phases' functions, then one for each of their statements

  explicit Parts(const KernelOptions& o) : options(o), spec(complete(o)) {
    why_not_here(spec.cpu);
    program = scheduled(spec);
    compiler::CompileOptions how;
    how.float64 = spec.float64;
    how.batch = how.rows = o.batch;
    compiler::Compilation compilation{*program, how, {}};
    // What comes after it splits long loops for threads; a kernel is measured on one.
    compiler::run_passes(compilation, compiler::PassId::reuse_scratch);
    lowered = std::move(compilation.lowered);
    find_phases();
    module = {lowered.module.name, lowered.module.buffers, {}};
    for (const PhaseFunction& p : phases) module.functions.push_back(of(p));
    for (const PhaseFunction& p : phases)
      for (std::size_t i = 0; i < of(p).statements.size(); ++i)
        module.functions.push_back(compiler::loops::alone(of(p), i, alone(of(p), i)));
  }

  const Function& of(const PhaseFunction& p) const {
    return lowered.module.functions[static_cast<std::size_t>(p.function)];
  }
  compiler::CodegenOptions codegen() const {
    return {spec.float64 ? compiler::loops::DType::f64 : compiler::loops::DType::f32, spec.cpu};
  }

  // Rows of the largest call.
  std::int64_t most_rows() const {
    std::int64_t most = options.batch;
    for (const PhaseFunction& p : phases) most = std::max(most, p.rows);
    return most;
  }

  void find_phases() {
    std::vector<std::string> names;
    const auto add = [&](const compiler::PhaseId& phase, int function) {
      if (function < 0 || lowered.module.functions[static_cast<std::size_t>(function)].statements.empty()) return;
      const std::string name = phase.name();
      names.push_back(name);
      if (!options.phase.empty() && name != options.phase && !name.starts_with(options.phase + ".")) return;
      const bool many = lowered.at_once[static_cast<std::size_t>(function)];
      const std::int64_t steps = many ? std::min(options.steps, compiler::cost_model::steps_in_a_call) : 1;
      phases.push_back({phase, function, options.batch * steps});
    };
    for (std::size_t i = 0; i < program->phases.size(); ++i) add(program->phases[i], lowered.function_of_phase[i]);
    add({compiler::PhaseKind::prepare}, lowered.prepare);
    if (phases.empty())
      throw Error(options.phase.empty() ? fmt::format("{} computes nothing", spec.rule)
                                        : fmt::format("{} has no phase {}; it has: {}", spec.rule, options.phase,
                                                      fmt::join(names, ", ")));
  }
};

namespace {

class Measurement {
 public:
  Measurement(const KernelOptions& options, const ProgramSpec& spec, const Module& module, const Machine& machine,
              const compiler::CodegenOptions& codegen)
      : options_(options), spec_(spec), module_(module), machine_(machine), codegen_(codegen) {}

  void inspect(const std::vector<PhaseFunction>& phases, const compiler::Program& program, KernelReport& report) const {
    compiler::ModuleCode code = compiler::llvm_backend().inspect(module_, codegen_);
    report.codes = std::move(code.codes);
    for (std::size_t i = 0; i < phases.size(); ++i) {
      report.phases.push_back(described(phases[i], module_.functions[i], program));
      count_statements(report.phases[i], module_.functions[i], code.of_statement[i], report.codes);
    }
  }

  void run(KernelReport& report, std::int64_t most_rows) const {
    const KernelMemory memory(module_, most_rows, spec_.float64);
    const auto kernels = compiler::llvm_backend().functions(module_, codegen_);
    const auto counted = options_.count_blocks ? compiler::llvm_backend().counted(module_, codegen_) : nullptr;
    for (std::size_t i = 0; i < report.phases.size(); ++i) {
      time(report.phases[i], module_.functions[i], *kernels, memory);
      if (counted) count(report.phases[i], module_.functions[i], *counted, report.codes, memory);
    }
  }

 private:
  double element() const { return spec_.float64 ? 8 : 4; }

  PhaseKernel described(const PhaseFunction& p, const Function& f, const compiler::Program& program) const {
    PhaseKernel phase;
    phase.name = p.phase.name();
    phase.when = compiler::row(p.phase.kind).words;
    if (p.phase.takes_many_steps()) phase.when += ", many steps at once";
    phase.examples = p.rows;
    phase.calls = calls_in_sequence(p.phase, program, options_.steps);
    phase.data = touched_bytes(module_, f, p.rows, spec_.float64);
    return phase;
  }

  // The machine's limit for work on so many bytes of memory, in the nearest level that holds them.
  Bound bound(const Timed& work, double data) const {
    const double peak = machine_.peak(spec_.float64), rate = machine_.bandwidth(data);
    const double arithmetic = peak > 0 ? work.operations / peak : 0, moving = rate > 0 ? work.bytes / rate : 0;
    return moving > arithmetic ? Bound{moving, machine_.level(data)} : Bound{arithmetic, "arithmetic"};
  }

  // Of statements one after the other; what bounds most of it gives its name.
  static Bound sum_of_bounds(const std::vector<StatementKernel>& statements) {
    std::map<std::string, double> by;
    Bound sum;
    for (const StatementKernel& s : statements) by[s.bound.by] += s.bound.seconds, sum.seconds += s.bound.seconds;
    double most = -1;
    for (const auto& [name, seconds] : by)
      if (seconds > most) most = seconds, sum.by = name;
    return sum;
  }

  void count_statements(PhaseKernel& phase, const Function& f, const std::vector<std::size_t>& codes,
                        const std::vector<compiler::StatementCode>& all) const {
    std::map<std::string, int> seen;
    std::set<std::size_t> own;
    for (std::size_t i = 0; i < f.statements.size(); ++i) {
      const Statement s = with_rows(f.statements[i], phase.examples);
      Function one = compiler::loops::alone(f, i, "");
      one.statements[0] = s;
      const compiler::Cost cost = compiler::cost_of_function(one);
      StatementKernel kernel;
      // What no equation is named for goes by what it writes.
      kernel.label = s.label.empty() ? module_.buffers[static_cast<std::size_t>(s.out.buffer)].name : s.label;
      const int number = ++seen[kernel.label];
      kernel.name = number == 1 ? kernel.label : fmt::format("{} #{}", kernel.label, number);
      kernel.loops = compiler::loops::text(module_, s);
      kernel.operations = cost.operations;
      kernel.bytes = cost.words * element();
      kernel.bound = bound(kernel, touched_bytes(module_, {"", {f.statements[i]}, {}}, phase.examples, spec_.float64));
      kernel.code = codes[i];
      if (own.insert(codes[i]).second) phase.code_bytes += all[codes[i]].bytes;
      phase.operations += kernel.operations;
      phase.bytes += kernel.bytes;
      phase.statements.push_back(std::move(kernel));
    }
    phase.bound = sum_of_bounds(phase.statements);
  }

  void time(PhaseKernel& phase, const Function& f, const compiler::Kernels& kernels, const KernelMemory& memory) const {
    const FlushDenormals flush;
    const auto call_of = [&](const std::string& name) {
      const auto kernel = kernels.find(name);
      return [kernel, &memory, rows = phase.examples] { kernel(memory.pointers(), rows); };
    };
    phase.seconds = least_seconds(call_of(f.name), options_.seconds / 2);
    std::vector<std::function<void()>> statements;
    for (std::size_t i = 0; i < f.statements.size(); ++i) statements.push_back(call_of(alone(f, i)));
    const std::vector<double> seconds = least_seconds_in_turn(statements, options_.seconds / 2);
    for (std::size_t i = 0; i < seconds.size(); ++i) phase.statements[i].seconds = seconds[i];
  }

  static void count(PhaseKernel& phase, const Function& f, compiler::CountedKernels& counted,
                    const std::vector<compiler::StatementCode>& codes, const KernelMemory& memory) {
    const FlushDenormals flush;
    for (std::size_t i = 0; i < f.statements.size(); ++i) {
      counted.clear();
      counted.find(alone(f, i))(memory.pointers(), phase.examples);
      phase.statements[i].counts = counted.counts(codes[phase.statements[i].code].symbol);
    }
  }

  const KernelOptions& options_;
  const ProgramSpec& spec_;
  const Module& module_;
  const Machine& machine_;
  const compiler::CodegenOptions codegen_;
};

}  // namespace

KernelProgram::KernelProgram(const KernelOptions& options) : parts_(std::make_unique<Parts>(options)) {}
KernelProgram::~KernelProgram() = default;
KernelProgram::KernelProgram(KernelProgram&&) noexcept = default;

void KernelProgram::check_here() const {
  if (const std::string reason = why_not_here(parts_->spec.cpu); !reason.empty())
    throw Error(fmt::format("--cpu {} cannot be run here: {}", parts_->spec.cpu, reason));
  KernelMemory::check(parts_->module, parts_->most_rows(), parts_->spec.float64);
}

KernelReport KernelProgram::inspect() const {
  KernelReport report = described();
  const Parts& p = *parts_;
  Measurement(p.options, p.spec, p.module, report.machine, p.codegen()).inspect(p.phases, *p.program, report);
  return report;
}

KernelReport KernelProgram::measure(const Machine& machine) const {
  check_here();
  KernelReport report = described();
  report.machine = machine;
  const Parts& p = *parts_;
  const Measurement measurement(p.options, p.spec, p.module, machine, p.codegen());
  measurement.inspect(p.phases, *p.program, report);
  measurement.run(report, p.most_rows());
  return report;
}

// What it is about.
KernelReport KernelProgram::described() const {
  const Parts& p = *parts_;
  KernelReport report;
  report.rule = p.spec.rule;
  report.parts = parts_text(p.spec) + (p.program->learned.empty() ? "" : ", optimiser " + p.spec.optimiser);
  std::vector<std::string> sizes, schedules;
  for (const auto& [name, value] : p.spec.sizes) sizes.push_back(fmt::format("{} = {}", name, value));
  for (const auto& [name, word] : p.spec.schedule) schedules.push_back(name.empty() ? word : name + "=" + word);
  report.sizes = fmt::format("{}", fmt::join(sizes, ", "));
  report.schedules = fmt::format("{}", fmt::join(schedules, ", "));
  report.cpu = p.spec.cpu;
  report.processor = compiler::llvm_backend().processor(p.spec.cpu);
  report.batch = p.options.batch;
  report.steps = p.options.steps;
  report.float64 = p.spec.float64;
  report.notes = hidden_parts(p.spec);
  return report;
}

double KernelReport::sequence_seconds() const {
  double seconds = 0;
  for (const PhaseKernel& p : phases) seconds += p.in_sequence();
  return seconds;
}

const PhaseKernel* KernelReport::phase(const std::string& name) const {
  for (const PhaseKernel& p : phases)
    if (p.name == name) return &p;
  return nullptr;
}

}  // namespace eligo
