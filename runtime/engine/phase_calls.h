// One shard's calls of compiled phases: where each address comes from is worked out once for a batch, so that a call
// moves only those that follow the time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "compiler/ir/phase_runner.h"
#include "runtime/engine/memory.h"
#include "runtime/engine/tape.h"

namespace tbb::detail::d1 {
class task_arena;
}

namespace eligo {

class PhaseCalls {
 public:
  PhaseCalls(const compiler::PhaseRunner& runner, Memory& memory, int shard)
      : runner_(runner), memory_(memory), shard_(shard) {}

  // Before the first call, and whenever the batch is sharded again. `step_rows` and `run_rows`: the most examples that a
  // call of a phase, and of one that takes many steps at once, can have.
  void bind(ShardResolver& resolver, std::int64_t step_rows, std::int64_t run_rows, void* scratch, void* prepared);
  // One step of a phase, or `prepare`.
  void call(int phase, ShardResolver& resolver, std::int64_t examples);
  // A phase at steps from..to, in as few calls as its tensors' rings and the most rows allow.
  void call_run(int phase, ShardResolver& resolver, std::int64_t from, std::int64_t to);
  // Plays a tape's calls first..last, so many times.
  void play(const Tape& tape, std::uint32_t first, std::uint32_t last, std::int64_t times);
  void play(const PhaseCall& call, const Patch* patches) const;
  // The threads that may share what is long for a single example; null: none.
  void share(tbb::detail::d1::task_arena* threads) { threads_ = threads; }

  // Whether the phases are compiled; otherwise the runner is asked to run each.
  bool direct() const { return runner_.places() > 0; }
  // Of a phase at the resolver's moment: every address that follows from it.
  std::vector<Patch> patches(int phase, ShardResolver& resolver) const;
  // Calls piece(steps) for each call that a run of steps from..to is made of, with the resolver at its first step.
  template <class Piece>
  void each_piece(int phase, ShardResolver& resolver, std::int64_t from, std::int64_t to, const Piece& piece) const;

  // A timed tensor's address: base + slot * stride, where slot is (time + offset) mod capacity, or of one that is kept for
  // a segment alone, time + offset - origin.
  struct Moving {
    int place;
    bool from_start;  // time is that of the window's start
    bool again;
    std::int64_t offset, capacity, stride;
    std::byte* base;
  };
  struct Table {
    const compiler::Kernel* kernel = nullptr;
    void** addresses = nullptr;
    std::vector<Moving> moving;
    std::vector<compiler::Kernel::Read> asked;  // the resolver's: what follows more than the time
    std::int64_t most = 0;                      // rows of a call
    bool ready = false;                         // the phase is compiled
  };
  // The table of a phase that is about to be called: waits until the phase is compiled.
  const Table& ready_table(int phase) {
    Table& table = this->table(phase);
    if (!table.ready) {
      runner_.wait_for(phase);
      table.ready = true;
    }
    return table;
  }
  Table& table(int phase) { return tables_[static_cast<std::size_t>(phase + 1)]; }
  const Table& table(int phase) const { return tables_[static_cast<std::size_t>(phase + 1)]; }

 private:
  std::byte* address(const Moving& moving, const Moment& moment) const;
  void bind(int phase, ShardResolver& resolver, std::int64_t rows);
  void bind_asked(int phase, std::int64_t rows);
  Moving moving(int place, int tensor, compiler::TimeRef time) const;
  void run(const compiler::Kernel& kernel, void** addresses, std::int64_t examples) const;
  void run_stages(const compiler::Kernel& kernel, void** addresses, std::int64_t examples) const;

  const compiler::PhaseRunner& runner_;
  Memory& memory_;
  int shard_;
  void* scratch_ = nullptr;
  void* prepared_ = nullptr;
  tbb::detail::d1::task_arena* threads_ = nullptr;
  std::vector<void*> addresses_[2];  // of the sequence's phases, of the optimiser's: they mean other gradients
  std::vector<Table> tables_;        // that of `prepare` first
  std::vector<std::byte*> at_;       // of the tape that is played: addresses that go on
};

template <class Piece>
void PhaseCalls::each_piece(int phase, ShardResolver& resolver, std::int64_t from, std::int64_t to,
                            const Piece& piece) const {
  const Table& table = this->table(phase);
  const std::int64_t most = std::max<std::int64_t>(table.most / memory_.count(shard_), 1);
  const Moment before = resolver.moment;
  for (std::int64_t t = from; t <= to;) {
    std::int64_t steps = std::min(to - t + 1, most);
    for (const Moving& m : table.moving) steps = std::min(steps, m.capacity - (t + m.offset) % m.capacity);
    resolver.moment.t = t;  // up to where a ring wraps
    piece(steps);
    t += steps;
  }
  resolver.moment = before;
}

}  // namespace eligo
