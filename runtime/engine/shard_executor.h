// One shard of a batch: works through a timetable's instructions for shards. Shards share parameters, which nobody
// changes meanwhile, and what the caller gave; all that is written is the shard's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/engine/feed.h"
#include "runtime/engine/phase_calls.h"
#include "runtime/engine/recompute.h"
#include "runtime/engine/tape.h"
#include "runtime/engine/timetable_loops.h"
#include "runtime/engine/watch.h"

namespace eligo {

// What the parts of a session have in common.
struct EngineParts {
  const compiler::Plan& plan;
  const compiler::Timetable& timetable;
  const compiler::PhaseRunner& runner;
  Memory& memory;
  const Feed& feed;
  const Course& course;
  const TimetableLoops& loops;
  // States before the first step, by tensor, [B][...].
  const std::vector<std::vector<double>>& start;
};

class ShardExecutor {
 public:
  // `rows`: examples of the largest shard.
  ShardExecutor(const EngineParts& parts, int shard, std::int64_t rows);

  // Before the first run, and whenever the batch is cut otherwise. `prepared`: values of parameters alone.
  void bind(void* prepared);
  // A sequence begins. `clear`: what the shard gathers may not be zero.
  void reset(bool clear);

  void run(const std::vector<compiler::Instruction>& list, const Cursor& at);

  // Writes what `run` would do as the tape's next segment; and does it, `later` steps behind those it was written for.
  void record(const std::vector<compiler::Instruction>& list, const Cursor& at, Tape& tape);
  void play(const Tape& tape, std::uint32_t segment, std::int64_t later);
  // The same of `call_once`: the call's number.
  std::uint32_t record_once(int phase, const Moment& moment, bool optimising, Tape& tape);
  void play_once(const Tape& tape, std::uint32_t call) const { calls_.play(tape.calls[call], tape.patches.data()); }

  // A phase that is about no example, for the whole batch: an optimiser's, a block's. `optimising`: it reads what all
  // shards have gathered, and parameters as they are now.
  void call_once(int phase, const Moment& moment, bool optimising);

  double loss = 0;  // of all its examples; and of how many steps of them
  std::int64_t loss_steps = 0;
  double left_out = 0;  // see RunResult
  PhaseCalls& calls() { return calls_; }
  Watch& watch() { return watch_; }
  const Watch& watch() const { return watch_; }
  void set_watching(bool watching) { watching_ = watching; }
  // Whether a step of a learned parameter has gathered anything; forgets it.
  bool take_mark(int learned, std::int64_t step);

  // Some examples of the batch begin again behind step t, the others go on.
  void restart(const std::vector<std::int64_t>& examples, std::int64_t t);

 private:
  using Instruction = compiler::Instruction;
  using List = std::vector<Instruction>;

  std::int64_t count() const { return memory_.count(number_); }
  std::int64_t first() const { return memory_.first(number_); }

  void one(const Instruction& instruction, const Cursor& at);
  void work(const Instruction& instruction, const Cursor& at);
  void begin();
  // Rows of the timed tensors that a list stores at step t, and all flags: taken aside, and put back but for some.
  struct Rows {
    int tensor;
    std::int64_t t;
    std::vector<std::byte> values;
  };
  std::vector<Rows> rows_of(const List& list, std::int64_t t) const;
  void load_states();
  bool keeps_flags() const;
  void call(int phase, std::int64_t t, std::int64_t start, bool current);
  void call_run(const Instruction& call, const Cursor& at, std::int64_t to);
  void add_losses(std::int64_t from, std::int64_t to);
  std::int64_t counted(std::int64_t t) const;
  void mark(const Instruction& mark, const Cursor& at);
  void measure(const compiler::Replay& walk, const Cursor& at);
  void reach(const Cursor& at);
  void repeat_last(const Instruction& read, const Cursor& at);
  void collect(const Instruction& read, const Cursor& at);
  void set_active(int flag, std::int64_t start);
  void block_flags(const compiler::Block& block, const Cursor& at);
  void clear_around(const compiler::Block& block, int tensor, const Cursor& at);

  const EngineParts parts_;
  Memory& memory_;
  const Course& course_;
  int number_;
  std::int64_t rows_;
  ShardResolver resolver_;
  PhaseCalls calls_;
  Recomputation recomputation_;
  Watch watch_;
  struct {
    int within = -1, now = -1, begins = -1;
  } flags_;  // of blocks
  bool watching_ = false;
  bool clear_gathered_ = true;
  std::uint64_t form_ = 0;     // Course::form of the flags that are there
  std::int64_t flags_to_ = 0;  // up to which arrival they are
  bool flags_known_ = false;   // they are those of the sequence that runs
  std::unique_ptr<std::byte[]> scratch_storage_;
  void* scratch_ = nullptr;
  std::vector<std::vector<char>> marks_;  // by learned, of a parameter with a value per step: steps that gathered
};

// Memory on a line of its own.
void* aligned(std::unique_ptr<std::byte[]>& storage, std::int64_t bytes);

}  // namespace eligo
