// A timetable's instructions as they are carried out for sequences of one form: loops unrolled and guards decided, each
// phase's addresses known. Recorded once, by those who carry out the instructions one by one; played from then on.
//
// What depends on more than the form, such as flags and the caller's values, stays an instruction with its times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "compiler/ir/phase_runner.h"
#include "compiler/timetable/timetable.h"
#include "runtime/engine/timetable_loops.h"

namespace eligo {

// An address that a call needs: the first one, and how it moves from turn to turn of a repetition, in a ring.
struct Patch {
  int place = 0;
  std::byte* at = nullptr;
  std::ptrdiff_t stride = 0;
  std::byte *ring = nullptr, *ring_end = nullptr;
};

struct PhaseCall {
  const compiler::Kernel* kernel = nullptr;
  void** addresses = nullptr;
  std::int64_t examples = 0;
  std::uint32_t first = 0, last = 0;  // of the tape's patches
};

// One shard's.
struct Tape {
  struct Work {
    const compiler::Instruction* instruction = nullptr;
    Cursor at;
  };
  struct Op {
    std::uint32_t first = 0, last = 0;  // calls, one after another, so many times; with `times` 0 one of the works
    std::int64_t times = 0;
  };
  std::vector<Patch> patches;
  std::vector<PhaseCall> calls;
  std::vector<Work> works;
  std::vector<Op> ops;
  std::vector<std::uint32_t> segments;  // where each `each shard` ends in ops

  // Ops and patches. A tape of more than `most`, of all shards together, is not worth the memory.
  std::size_t entries() const { return ops.size() + patches.size(); }
  static constexpr std::size_t most = std::size_t{1} << 17;
  bool is_long() const { return entries() > most; }
};

}  // namespace eligo
