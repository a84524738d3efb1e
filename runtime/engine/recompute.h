// A shard's way through windows of which only a segment is kept: see compiler/memory/segments.h.
//
//   forward   1 .. 5 | 6 .. 10 | 11 .. 13          checkpoints behind steps 0, 5 and 10 are saved
//   back      13 .. 11, then from checkpoint 5 again 6 .. 10, then 10 .. 6, ...
//
// A run of steps that a phase of the way back takes at once is never cut, so sums over it are made in the same order.
// It may reach over a checkpoint; then a few steps are computed a third time.
//
// It moves values and says which steps are to be computed again; who computes them is the caller's affair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/engine/memory.h"
#include "runtime/engine/windows.h"

namespace eligo {

class Recomputation {
 public:
  // `window_ahead`: steps beyond a window that are known when it is swept. `gathered`: what steps gather, which must
  // not count twice. Memory for all that is saved is allocated here, as much as the longest sequence needs.
  Recomputation(Memory& memory, int shard, std::int64_t window_ahead, const std::vector<int>& gathered);

  // Whether anything is computed again at all. If not, all of a window's steps are kept, and nothing else is called.
  bool any() const { return segments_.any(); }

  // Before steps from..to of `steps` are taken: a new segment begins where they would not fit. `returns`: there will be
  // a way back.
  void hold(std::int64_t from, std::int64_t to, std::int64_t steps, bool returns);
  // The way back through a window begins, and ends: what is known of the next one is there again.
  void leave_end(const Window& window, std::int64_t steps);
  void return_to_end(const Window& window, std::int64_t steps);
  // On the way back before steps from..to: if they are not held, again(a, b) is to compute steps a..b, to which they
  // belong, from what is known of the steps before. Returns whether it was called.
  template <class Again>
  bool reach(std::int64_t from, std::int64_t to, const Again& again) {
    if (from - 1 >= memory_.origin(shard_)) return false;
    const std::int64_t first = open(from, to);
    again(first, to);
    shut(to);
    return true;
  }
  // Whether a step's values of a tensor are at hand.
  bool holds(int tensor, std::int64_t t) const;

 private:
  struct Checkpoint {  // the values of a step and those before it that later ones read
    std::int64_t step = 0;
    std::vector<std::byte> values;
  };
  std::int64_t open(std::int64_t from, std::int64_t to);
  void shut(std::int64_t to);
  void keep(std::int64_t step);
  void go_to(const Checkpoint& checkpoint);
  // All that is computed again, of steps from..to.
  void save(std::vector<std::byte>& into, std::int64_t from, std::int64_t to) const;
  void load(const std::vector<std::byte>& from_bytes, std::int64_t from, std::int64_t to) const;
  template <class Work>
  void each_tensor(std::int64_t from, std::int64_t to, const Work& work) const;
  template <class Work>
  void each_gathered(const Work& work);

  Memory& memory_;
  int shard_;
  std::int64_t window_ahead_;
  const std::vector<int>& gathered_tensors_;
  const compiler::Segments& segments_;
  std::vector<Checkpoint> checkpoints_;
  std::size_t used_ = 0;
  std::vector<std::byte> next_;                // a window's end, while the way back goes through it
  std::vector<std::byte> overlap_, gathered_;  // saved while a segment is computed again
  std::int64_t held_to_ = 0;
};

}  // namespace eligo
