// The steps of `instantiate`. Each is a function: what an earlier step decided is its argument, what it decides is its
// result, and beyond that it appends to the program. Their order follows from their arguments.
//
//   bind_roles        the cell, the readouts, the synthesisers: their tensors and equations
//   read_window       how many steps a window has
//   declare_gradients a gradient for each parameter that a line learns
//   declare_revisions running copies of the parameters that `at each` blocks revise
//   gather_lines      what each learn line adds, and records
//   build_blocks      the passes of the blocks, once everything that reads their names is known
//   change_keeps      `:=` of keep values, with the statistics that they are made of
//   carry_forward, sweep_back, show_values   recurrences, by who reads them; values kept for the user
//   finish            how far beyond the last step must still run
//   build_updates     the optimiser, a phase for each parameter
#pragma once

#include "compiler/frontend/elaborator.h"
#include "compiler/frontend/instantiate.h"

namespace eligo::compiler {

// What all steps share.
struct Elaboration {
  const Instance& instance;
  Program& program;
  Parts& parts;
  Elaborator& elaborator;

  const dsl::TypedItem& rule() const { return *instance.rule; }
  Values& values() const { return elaborator.values(); }
  // A phase of the program, made where there is none yet.
  Phase& phase(PhaseKind kind, const std::string& of = "") const;
  // A mask that leaves out steps which do not count, where batches say so.
  Value counted(const Value& mask, TimeRef now) const;
  // The value as one node, in the order of the tensor's axes.
  Ref stored(int tensor, const Value& value) const;
  [[noreturn]] void fail(dsl::Code code, dsl::Span span, const std::string& message,
                         const std::string& help = "") const;
};

// bind_roles.cpp
Part& bind_roles(const Elaboration& e);  // the cell

struct Window {
  std::int64_t steps = -1;  // -1 is all
};
Window read_window(const Elaboration& e);

// learn_lines.cpp
struct Gradients {
  std::map<int, int> of;  // parameter -> gradient
};
Gradients declare_gradients(const Elaboration& e, const Window& window);
// Where a line runs, about which step, behind which mask: one site, or two where the way back ends at the start.
struct LineSite {
  PhaseKind phase;
  Environment at;
  Value mask;
};
std::vector<LineSite> sites_of(const Elaboration& e, const dsl::TypedLearn& learn);
// The parameters that a line or a revision changes.
std::vector<int> targets_of(const Elaboration& e, const dsl::TypedExpr& target);
// What a line teaches, parameter by parameter, before its sign; `value` is all of it.
std::vector<std::pair<int, Ref>> learned_from(const Elaboration& e, const Gradients& gradients,
                                              const dsl::TypedLearn& learn, const Environment& at, Value& value);
void gather_lines(const Elaboration& e, const Gradients& gradients);

// block_passes.cpp
struct Revisions {
  std::set<int> assigned;  // parameters that blocks assign
};
Revisions declare_revisions(const Elaboration& e);
// Where parameters change inside a sequence, a step's equations hold the values that they had when it was taken.
void version_parameters(const Elaboration& e, const Revisions& revisions);
void build_blocks(const Elaboration& e, const Revisions& revisions);
// What blocks read of an arrival comes before them, in the phase `record`.
void record_first(const Elaboration& e);

// keep_values.cpp, neuron_statistics.cpp, synth_statistics.cpp
struct KeepPhases {
  Phase once{{PhaseKind::keep}, {}}, each_step{{PhaseKind::keep_steps}, {}};
};
void change_keeps(const Elaboration& e);
// `holds`: where the value is taken at all. `part` is the rule or a synthesiser.
void assign_keep(const Elaboration& e, KeepPhases& phases, const Part& part, const dsl::TypedLine& line,
                 const Value& value, const std::optional<Value>& holds, TimeRef now);
void neuron_statistics(const Elaboration& e, KeepPhases& phases, const dsl::TypedStatistics& block);
void synth_statistics(const Elaboration& e, KeepPhases& phases);

// recurrences.cpp
struct Lags {
  std::map<int, int> of;  // forward recurrence -> arrivals after its index at which it is fixed
};
// A forward recurrence is fixed at its first reading: as many arrivals after its index as its earliest reader waits.
Lags carry_forward(const Elaboration& e, Lags known = {});
struct Swept {
  std::set<int> tensors;  // backward recurrences that the sweep computes
};
Swept sweep_back(const Elaboration& e, Swept known = {});
// Recurrences that were found since are carried too.
Lags carry_found(const Elaboration& e, Lags known);

// shown_values.cpp
Lags show_values(const Elaboration& e, const Gradients& gradients, Lags lags, Swept swept);

// updates.cpp
void build_updates(const Elaboration& e);

}  // namespace eligo::compiler
