// `eligo kernels RULE`: the kernels that a rule is compiled to, measured on this machine: each phase and each of its
// statements against the bound that the machine sets it (roofline), beside what its machine code says.
//
// A phase is called as a session calls it, with the rows of one shard, on memory of its own; its statements are then
// timed one by one in the same order, so that each finds its data where the ones before it left them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/codegen.h"
#include "runtime/library/program_spec.h"
#include "runtime/machine/machine.h"

namespace eligo::compiler {
struct Facts;
struct PhaseId;
}  // namespace eligo::compiler

namespace eligo {

struct KernelOptions {
  ProgramSpec spec;                      // parts and sizes that are not given are chosen
  std::int64_t batch = 32, steps = 100;  // examples of a call, those of a shard; steps of a sequence
  std::string phase;                     // only it and its parts ("sweep": also sweep.before, sweep.after); empty: all
  bool count_blocks = false;             // also how often each basic block runs
  double seconds = 0.05;                 // to spend on a phase, about
};

// The least time in which the machine could do it. Of a statement the larger of two: its operations at the peak, and
// its bytes at the bandwidth of the nearest level that holds all that it touches. Of a phase the sum of those of its
// statements.
struct Bound {
  double seconds = 0;
  std::string by;  // "arithmetic", or the level of the memory: "L2"
};

// Work that was timed. An operation is an addition or a product, functions count as several; a byte counts whenever a
// statement touches it (compiler/lower/phase_costs.h).
struct Timed {
  std::string name;
  double operations = 0, bytes = 0;  // of a call
  double seconds = 0;                // the least of many calls
  Bound bound;

  double of_bound() const { return seconds > 0 ? bound.seconds / seconds : 0; }  // a share
  double rate() const { return seconds > 0 ? operations / seconds : 0; }         // operations a second
};

struct StatementKernel : Timed {      // named by its equation; the second one of an equation is "e #2"
  std::string label;                  // of the equation: "e"
  std::string loops;                  // the loop form
  std::size_t code = 0;               // in KernelReport::codes
  std::vector<std::uint64_t> counts;  // of a call, by basic block; empty if they were not counted
};

struct PhaseKernel : Timed {
  std::string when;            // "each step"
  std::int64_t examples = 0;   // of a call: rows of its batch loops
  double calls = 0;            // in a sequence
  double data = 0;             // bytes of memory that a call touches
  std::size_t code_bytes = 0;  // of all statements' code
  std::vector<StatementKernel> statements;

  double in_sequence() const { return calls * seconds; }
};

struct KernelReport {
  std::string rule, parts, sizes, schedules;  // for people
  std::string cpu, processor;                 // as it was asked for, and its name
  std::int64_t batch = 0, steps = 0;
  bool float64 = false;
  Machine machine;
  std::vector<PhaseKernel> phases;
  std::vector<compiler::StatementCode> codes;
  std::vector<std::string> notes;  // parts of the same name that others hide

  double sequence_seconds() const;  // of all phases' calls in a sequence
  const PhaseKernel* phase(const std::string& name) const;
};

// A rule's kernels, compiled and ready to be measured.
class KernelProgram {
 public:
  // Throws eligo::Error or dsl::SourceError: as `compile` does, for a phase that the rule does not have, for a word
  // that names no processor.
  explicit KernelProgram(const KernelOptions& options);
  ~KernelProgram();
  KernelProgram(KernelProgram&&) noexcept;

  // Throws eligo::Error where this machine cannot run the processor's code, or has not the memory for it.
  void check_here() const;
  // The same, and what was measured.
  KernelReport measure(const Machine& machine) const;
  // The code alone, without times: for any processor.
  KernelReport inspect() const;

 private:
  KernelReport described() const;

  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// How often a session calls a phase in a sequence of so many steps.
double calls_in_sequence(const compiler::PhaseId& phase, const compiler::Facts& facts, std::int64_t steps);

}  // namespace eligo
