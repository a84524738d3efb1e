// What the shards have gathered, added in the order of their numbers, so that the sum does not depend on the threads.
//
// The sum is made where the first shard gathers, so that of one shard nothing is moved. It stays there until `clear`,
// for the optimiser and whoever asks; nobody gathers in between. The other shards start at zero again at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/engine/memory.h"

namespace eligo {

class GradientReduction {
 public:
  // `shards` as the memory has them. `learned`: what is asked for by the number of a parameter that is learned.
  GradientReduction(Memory& memory, int shards, const std::vector<compiler::Learned>& learned);

  // A sequence begins: nothing has been reduced, and all shards are at zero.
  void begin();
  // Adds what the shards gathered for learned parameters into their gradients, where the optimiser finds them.
  void take(std::span<const int> learned);
  void take(int learned) { take(std::span(&learned, 1)); }
  // The same of a tensor that is no parameter's: a statistic.
  void take_tensor(int gradient) {
    if (shards_ > 1) reduce({memory_.shard_gradient(gradient, 0), memory_.gradient_bytes(gradient)});
  }
  // Before more is gathered: what has been taken has been used. It counts in `gathered` if `keep` says so.
  void clear(bool keep);
  bool is_used() const { return !used_.empty(); }  // something was taken, and not cleared since
  // A stream goes on behind an update of these, or of none.
  void resume(bool used);
  // The sum in float64, of all steps where there is one for each, without a change to the whole tensor; valid until the
  // next call. The shards start at zero again.
  std::span<const double> add_up(int gradient);

  // What was gathered for a learned parameter since the sequence began.
  std::vector<double> gathered(int learned) const;
  // Of all calls of `take` but the last: the sum, empty for what is updated once a sequence.
  std::span<const double> earlier(int learned) const { return totals_[static_cast<std::size_t>(learned)]; }
  bool taken(int learned) const { return taken_[static_cast<std::size_t>(learned)] != 0; }
  int shards() const { return shards_; }

 private:
  struct Bytes {  // of the first shard's gradients
    std::byte* at;
    std::int64_t count;
  };
  void reduce(const Bytes& bytes) const;

  Memory& memory_;
  int shards_;
  const std::vector<compiler::Learned>& learned_;
  std::vector<Bytes> bytes_;                 // by learned
  std::vector<std::vector<double>> totals_;  // by learned: gathered since the sequence began, up to the last update's
  std::vector<char> taken_;                  // by learned: whether there was an update since then
  std::vector<int> used_;                    // learned, whose sums have not been cleared
  std::vector<double> sum_;
};

}  // namespace eligo
