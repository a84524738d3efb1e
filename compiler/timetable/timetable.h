// The timetable of a program: what a session does to run a sequence, as a small structured program that the runtime
// interprets. All that follows from the rule's shape is decided here: which phases there are, where the shards of a
// batch meet, what is swept at a window's end, what is recomputed on the way back, when parameters are updated. It
// refers to a Plan's tables by number and needs nothing else of it.
//
// Control is by loops with bodies and by guards, calls take their times from the loops around them, and the one place
// where shards run side by side is a node of its own. So each node becomes a few lines of a driver function, and the
// body of `each shard` one function of its own.
//
//   arrivals, all in one span
//     each shard
//       if at the start
//         begin
//       each run
//         flags
//         load
//         each step
//           call step
//         loss
//         if learning
//           each arrival
//             call arrive
//   end
//     if learning
//       reduce net.W
//       check
//       if updating
//         update net.W
//         prepare
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/manifest.h"

namespace eligo::compiler {

// Loops and guards: their bodies run with the times that they set. A span is what arrives between two changes of
// parameters; a run is a part of it that no window's end divides.
enum class Control {
  only_if,         // its guard holds
  each_shard,      // for all shards, side by side; what follows waits for all of them
  at_zero,         // as if step 0 arrived
  each_run,        // the span's arrivals, from the first to the last, at most `limit` at once (0: what the layout says)
  each_step,       // those of the run at which the sequence takes a step
  each_arrival,    // those of the run
  each_window,     // whose last needed arrival is the run's last; `t` is the boundary before it
  each_run_back,   // the window's steps in runs, from the last to the first
  each_step_back,  // the run's steps, likewise
  each_place,      // k of an `at each` block (`number`), from start + first to t + top
  each_place_back,
  walk_back,     // from an arrival: at the first step of a walk (`number`)
  each_earlier,  // of a walk: at each step before that
};

// The work of one shard.
enum class ShardWork {
  begin,          // what lies before the first step, and what the shards gather: zeros, given values, flags
  hold,           // of a recomputed window: a segment that has room for the run
  flags,          // of the run's arrivals
  load,           // inputs, targets and draws of the run's steps
  load_targets,   // targets and loss mask alone, of steps that were taken before these were known
  call,           // a phase at t
  call_run,       // a phase at all of the run, as so many examples
  call_steps,     // the same at the run's steps alone
  loss,           // of the run's steps
  clear_beyond,   // values of arrivals behind the last step
  mark,           // step `time` of a parameter with a value per step (`number` of Plan::learned) has gathered
  measure_walk,   // how much of its signal a walk that ended early has left out
  leave_end,      // of a recomputed window: saves what is known of the next one
  return_to_end,  // and restores it
  reach,          // of a recomputed window: computes the run's steps again if they are not held
  clear_after,    // a tensor behind the window's end, as far as it is read there
  repeat_last,    // a tensor that is read behind the last step: as it was there
  collect,        // a tensor as it was at `time`, which differs between examples
  clear_flag,     // at the window's boundary
  set_active,     // the flag of examples that take a step of the window
  restore_flags,  // of the boundary
  block_flags,    // where k of a block stands
  clear_around,   // a tensor beyond both ends of a block's k
};

// The work of the whole batch.
enum class BatchWork {
  snapshot,          // parameters, as they are at the span's arrivals
  clear_sums,        // what updates before the span have used of what was gathered
  add_up,            // what a pass has gathered moves a running copy (`number` of Block::revisions, of block `block`)
  clip,              // a bounded line's addition (`number` of Plan::clips)
  assign,            // a phase that sets a block's running copies
  adopt,             // one that sets parameters to them
  // What was gathered is reduced and used.
  reduce,            // what all shards gathered for a parameter (`number` of Plan::learned), added in their order
  reduce_statistic,  // the same of a tensor that keep values read
  check,             // whether the loss and what was reduced are finite, where it matters
  bound,             // the length of all that the updates behind it take together (`number`: an UpdateEvery)
  update,            // a parameter, by its optimiser (`number`)
  keep,              // the rule's keep values
  keep_steps,        // those with a value per step
  prepare,           // what is computed from parameters alone, if they have changed
  settle,            // all that was gathered has been used
};
constexpr bool uses_gradients(BatchWork work) { return work >= BatchWork::reduce; }

// What an instruction does. Who carries out one kind has to know no other.
struct Action {
  enum class Of { control, shard, batch };

  constexpr Action(Control control) : of(Of::control), number(static_cast<std::uint8_t>(control)) {}
  constexpr Action(ShardWork work) : of(Of::shard), number(static_cast<std::uint8_t>(work)) {}
  constexpr Action(BatchWork work) : of(Of::batch), number(static_cast<std::uint8_t>(work)) {}
  constexpr bool operator==(const Action&) const = default;

  // Where it is of that kind.
  constexpr Control control() const { return static_cast<Control>(number); }
  constexpr ShardWork shard() const { return static_cast<ShardWork>(number); }
  constexpr BatchWork batch() const { return static_cast<BatchWork>(number); }

  const char* name() const;

  Of of;
  std::uint8_t number;  // of the kind's
};

enum class Guard {
  at_start,      // the span begins with the first arrival
  learning,      // learn lines run
  step_exists,   // the arrival is that of a step
  recomputing,   // the session keeps segments of windows only
  window_ready,  // while learning, a window that is not the last has just been completed
  updating,      // the optimiser may use what was reduced
  accepted,      // learning, and no update was refused
};
const char* words(Guard guard);

struct Instruction {
  Action action = ShardWork::call;
  Guard guard = Guard::learning;
  int phase = -1;
  int tensor = -1;
  int number = -1;  // in the table of the plan that the operation names
  int block = -1;
  int limit = 0;
  TimeRef time;
  bool as_taken = false;  // call: with the parameters with which its step was taken, not those of now
  std::vector<Instruction> body;
};

// Where the way over a sequence is interrupted while it learns, because parameters may change.
enum class Spans { sequence, window, arrival };

// Windows of a sequence: of `length` steps, the first or the last one shorter, or one of all steps (-1). One is
// complete when `ahead` further steps have arrived. `beyond` arrivals follow the last step.
struct WindowRule {
  std::int64_t length = -1;
  bool short_first = true;
  int ahead = 0, beyond = 0;
  bool swept = false;  // so a run ends where one is complete
};

struct Timetable {
  WindowRule windows;
  Spans spans = Spans::sequence;
  bool always_arrives = false;     // arrivals are worked on without learning too: something shown needs them
  bool shows = false;              // keeps values for the user
  bool changes_within = false;     // parameters change before the sequence ends
  std::vector<Instruction> span;   // arrivals from..to
  std::vector<Instruction> end;    // after the last one
  // An arrival in two halves: the step, before its target is known, and what learns from it. Together they do what
  // `span` does. A rule that keeps whole windows has the first half alone.
  std::vector<Instruction> forward, learn;
  // Of such a rule: what lines that hold at the start do where some examples begin again, in one shard.
  std::vector<Instruction> restart;
  std::vector<Instruction> again;  // a run of steps, and of arrivals if need be, computed again
  std::vector<Instruction> ends;   // what the way back reads at the ends of examples

  // Tensors.
  std::vector<int> flags;           // that follow from lengths, windows and masks alone
  std::vector<int> boundary_flags;  // of these, what is read where a window begins
  std::vector<int> cleared;         // zero before the first step
  std::vector<int> cleared_beyond;  // of these, what is zero behind the last step, too
  std::vector<int> bounded;         // read behind flags only: anything finite before the first step
  std::vector<int> again_gathered;  // what `again` gathers, which must not count twice
};

// The instructions of a program whose phases are as they will run.
Timetable timetable_of(const Plan& plan);
// As above.
std::string text(const Plan& plan, const Timetable& timetable);

}  // namespace eligo::compiler
