// When parts of a program run, and what the runtime says of each step: the vocabulary that the frontend, the passes, the
// memory plan, the costs and the runtime share. One table has what holds of each kind of phase, one what holds of each
// flag; a new kind does not compile until it has its row.
#pragma once

#include <cstddef>
#include <string>

namespace eligo::compiler {

// In the order in which a sequence meets them.
enum class PhaseKind {
  prepare,       // constants hoisted out of all other phases; no phase of a Program has this kind
  step,          // the net and the readout take step t: state, equations, loss
  record,        // of a rule with `at each` blocks: what they read of an arrival
  revise,        // a pass of an `at each` block, see Block
  arrive,        // what can be known when step t has arrived: records, forward recurrences, lines of finite look-ahead
  replay_first,  // a trace's walk back from an arrival, see Replay: where it begins
  replay,        // each step before that
  show,          // values kept for the user
  sweep,         // one step of the way back over a complete window: backward recurrences and the lines that read them
  sweep_start,   // the same at the boundary before the window's first step
  close,         // lines that read no t
  begin,         // the first values of what an `at each` block revises
  adopt,         // a block's `:=`
  update,        // the optimiser, for one learned parameter
  keep,          // the rule's keep values
  keep_steps,    // those with a value per step
};
inline constexpr std::size_t phase_kinds = static_cast<std::size_t>(PhaseKind::keep_steps) + 1;

// A phase `step`, `arrive` or `sweep` may be distributed over three: work that depends on no earlier step and feeds the
// recurrence, the recurrence, and work that follows from it. The first and the last take many steps in one call.
enum class PhasePart { core, before, after };

enum class PhaseDirection { forward, backward, none };

enum class PhaseFrequency {
  parameters,    // when parameters have changed
  step,          // once a step
  earlier_step,  // at each arrival, once for each step before it
  window,
  update,  // as often as its parameter is updated: Learned::every
  batch,
};

struct PhaseRow {
  PhaseKind kind;
  const char* name;  // with {} for what it is of
  PhaseDirection direction;
  PhaseFrequency frequency;
  bool assigns;       // reads what all shards have gathered, and changes parameters or keep values
  const char* words;  // when it runs, for people
};
const PhaseRow& row(PhaseKind kind);

struct PhaseId {
  PhaseKind kind = PhaseKind::step;
  PhasePart part = PhasePart::core;
  std::string of;  // the parameter, recurrence, or block and pass; empty where there is one of the kind

  std::string name() const;  // "update.net.W", "step.before", for dumps and symbols
  // Carries nothing from step to step: its steps may be so many examples of one call.
  bool takes_many_steps() const { return part != PhasePart::core; }
  bool is(PhaseKind other) const { return kind == other && part == PhasePart::core; }
  bool operator==(const PhaseId&) const = default;
};

// What the runtime says of each step and example.
enum class Flag {
  none,        // a tensor that is no flag
  valid,       // the example takes this step
  exists,      // valid, or the example's start
  first,       // the start
  last,        // the example's last step
  end,         // the window's last step, or the example's in that window
  window_end,  // the window's last step, whatever the example
  active,      // the example takes a step of this window
  loss_mask,   // the task's weight of the step's loss
  time,        // t
  steps,       // T, the example's number of steps
  counts,      // the caller counts this step
  within,      // of an `at each` block: k lies in the example's range
  now,         // k is the step that has arrived
  begin,       // k is the block's start
};
inline constexpr std::size_t flag_kinds = static_cast<std::size_t>(Flag::begin) + 1;

struct FlagRow {
  Flag flag;
  const char* name;
  bool is_mask;  // 0 or 1; otherwise a number
};
const FlagRow& row(Flag flag);

}  // namespace eligo::compiler
