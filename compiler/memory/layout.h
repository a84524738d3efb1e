// How many steps of each tensor are kept: the static memory plan of a session.
//
// A timed tensor has a ring of slots for each shard of the batch, one step of the shard's examples each, one behind the
// other: rows of consecutive steps lie together, so a phase that carries nothing from step to step may take them all in
// one call. Capacities follow from the offsets at which the program's phases read and write: an online rule keeps a few
// steps, whatever the length.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/manifest.h"
#include "compiler/memory/segments.h"

namespace eligo::compiler {

struct TensorLayout {
  std::int64_t capacity = 0;    // slots; 0: not timed
  std::int64_t versions = 0;    // of a parameter that changes inside a sequence: snapshots kept, one per step
  std::int64_t copies = 0;      // of a tensor with a value per step: as many; before them lies one that is no step's
  std::int64_t element = 0;     // bytes
  std::int64_t slot_bytes = 0;  // one example at one step (timed), or the whole tensor
  std::int64_t ring_bytes = 0;  // timed: all slots of the largest shard
  std::int64_t rings = 0;       // timed: as many as shards
  bool again = false;           // one of `segments`: its slots are those of a segment, in order
  std::int64_t bytes() const { return capacity > 0 ? ring_bytes * rings : slot_bytes * (copies > 0 ? copies + 1 : 1); }
};

struct Layout {
  std::vector<TensorLayout> tensors;
  int lowest = 0;           // smallest offset from `t` of any phase, <= 0
  int highest = 0;          // largest
  double bytes = 0;         // of all
  std::int64_t run = 1;     // steps that phases which take many at once are given
  Segments segments;        // where not all steps of a window are kept
  bool any_length = false;  // no capacity depends on the sequence's length, but that of values to show
};

// `steps`: the longest sequence. Throws eligo::Error naming the largest tensor and the bytes if all would take more
// than `limit` bytes (0: no limit), even where the steps of windows are recomputed on the way back. `most_at_once`: steps
// that are taken together; 0: what suits the caches. `beside`: bytes that the session takes beside the tensors.
Layout plan_layout(const Plan& plan, std::int64_t examples, std::int64_t steps, bool float64,
                   std::uint64_t limit, int shards, std::int64_t most_at_once = 0, std::int64_t beside = 0);

}  // namespace eligo::compiler
