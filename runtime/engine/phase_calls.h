// One shard's calls of compiled phases: where each address comes from is worked out once for a batch, so that a call
// moves only those that follow the time.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/phase_runner.h"
#include "runtime/engine/memory.h"

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
  // The threads that may share what is long for a single example; null: none.
  void share(tbb::detail::d1::task_arena* threads) { threads_ = threads; }

 private:
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
  // Whether the phases are compiled; otherwise the runner is asked to run each.
  bool direct() const { return runner_.places() > 0; }
  void bind(int phase, ShardResolver& resolver, std::int64_t rows);
  void bind_asked(int phase, std::int64_t rows);
  Moving moving(int place, int tensor, compiler::TimeRef time) const;
  // The table of a phase that is about to be called.
  Table& ready_table(int phase) {
    Table& table = this->table(phase);
    if (!table.ready) {
      runner_.wait_for(phase);
      table.ready = true;
    }
    return table;
  }
  void run(const Table& table, std::int64_t examples) const;
  Table& table(int phase) { return tables_[static_cast<std::size_t>(phase + 1)]; }

  const compiler::PhaseRunner& runner_;
  Memory& memory_;
  int shard_;
  void* scratch_ = nullptr;
  void* prepared_ = nullptr;
  tbb::detail::d1::task_arena* threads_ = nullptr;
  std::vector<void*> addresses_[2];  // of the sequence's phases, of the optimiser's: they mean other gradients
  std::vector<Table> tables_;        // that of `prepare` first
};

}  // namespace eligo
