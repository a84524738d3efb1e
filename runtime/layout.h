// How many steps of each tensor are kept: the static memory plan of a session.
//
// A timed tensor has a ring of slots, one step of the whole batch each; slot = step mod capacity. Capacities follow
// from the offsets at which the program's phases read and write: an online rule keeps a few steps, whatever the length.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/plan.h"

namespace eligo {

struct TensorLayout {
  std::int64_t capacity = 0;    // slots; 0: not timed
  std::int64_t versions = 0;    // of a parameter that changes inside a sequence: snapshots kept, one per step
  std::int64_t copies = 0;      // of a tensor with a value per step: as many; before them lies one that is no step's
  std::int64_t element = 0;     // bytes
  std::int64_t slot_bytes = 0;  // one slot of the whole batch (timed), or the whole tensor
  std::int64_t bytes() const { return slot_bytes * (capacity > 0 ? capacity : copies > 0 ? copies + 1 : 1); }
};

struct Layout {
  std::vector<TensorLayout> tensors;
  int lowest = 0;           // smallest offset from `t` of any phase, <= 0
  int highest = 0;          // largest
  double bytes = 0;         // of all
  bool any_length = false;  // capacities do not depend on the sequence's length
};

// Bytes of memory that this machine has.
std::uint64_t machine_memory();

// `steps`: the longest sequence. Throws eligo::Error naming the largest tensor and the bytes if all would take more
// than `limit` bytes (0: no limit); `extra` are bytes that something else needs.
Layout plan_layout(const compiler::Plan& plan, std::int64_t examples, std::int64_t steps, bool float64,
                   std::uint64_t limit, int shards);

}  // namespace eligo
