// The part of a batch that runs a sequence on its own.
#pragma once

#include <cstdint>
#include <memory>

#include <algorithm>

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "runtime/engine/hand_over.h"
#include "runtime/engine/memory.h"
#include "runtime/engine/phase_calls.h"
#include "runtime/engine/sequence.h"
#include "support/denormals.h"

namespace eligo {

struct Sequence::Shard {
  Shard(const compiler::PhaseRunner& runner, Memory& memory, int number_)
      : number(number_), resolver(memory, number_), calls(runner, memory, number_) {}
  int number;
  std::int64_t first = 0, count = 0;
  ShardResolver resolver;
  PhaseCalls calls;
  Moment before;             // while a window is swept: what comes after
  std::int64_t arrival = 0;  // while a block's index runs: the step that has arrived
  std::unique_ptr<std::byte[]> scratch_storage;
  void* scratch = nullptr;
  // Where only segments of a window are kept: recompute.cpp.
  std::vector<Joint> joints;
  std::size_t joints_used = 0;
  std::vector<std::byte> next;               // a window's end, while the way back goes through it
  std::vector<std::byte> overlap, gathered;  // put aside while a segment is computed again
  std::int64_t held_to = 0;
  double loss = 0;
  std::int64_t loss_steps = 0;
  double left_out = 0;  // see RunResult
  std::int64_t calls_watched = 0;
  Sighting sighted, sighted_inner;            // see watch.cpp; the latter of a value that the compiler made
  std::vector<std::vector<char>> taught;  // by learned, of a parameter with a value per step: steps that gathered
};

template <class Work>
void Sequence::for_shards(const Work& work) {
  const auto one = [&](int s) {
    const FlushDenormals flush;
    work(*shards_[static_cast<std::size_t>(s)]);
  };
  if (!arena_) {
    for (int s = 0; s < shard_count_; ++s) one(s);
    return;
  }
  const HandOver shared(one);
  arena_->execute([&] { tbb::parallel_for(0, shard_count_, shared, tbb::simple_partitioner()); });
}

// Windows whose last needed step is t.
template <class Work>
void Sequence::each_ready_window(std::int64_t t, const Work& work) const {
  Window w = window_of(std::clamp<std::int64_t>(t - plan_.window_ahead, 1, steps_));
  while (window_ready(w) < t && w.end < steps_) w = window_of(w.end + 1);
  for (; window_ready(w) == t; w = window_of(w.end + 1)) {
    work(w);
    if (w.end >= steps_) break;
  }
}

}  // namespace eligo
