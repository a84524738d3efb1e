// What the shards have gathered, added in the order of their numbers, so that the sum does not depend on the threads.
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

  // A sequence begins: nothing has been reduced.
  void begin();
  // Adds what the shards gathered for a learned parameter into its gradient, where the optimiser finds it; the shards
  // start at zero again. What an earlier call made counts in `gathered` if `keep` says so.
  void take(int learned, bool keep);
  // The same of a tensor that is no parameter's: a statistic.
  void take_tensor(int gradient) { reduce(gradient, nullptr); }
  // The sum in float64, of all steps where there is one for each, without a change to the whole tensor; valid until the
  // next call. The shards start at zero again.
  std::span<const double> add_up(int gradient);

  // What was gathered for a learned parameter since the sequence began.
  std::vector<double> gathered(int learned) const;
  // Of all calls of `take` but the last: the sum, empty for what is updated once a sequence.
  std::span<const double> earlier(int learned) const { return totals_[static_cast<std::size_t>(learned)]; }
  bool taken(int learned) const { return taken_[static_cast<std::size_t>(learned)] != 0; }

 private:
  void reduce(int gradient, double* total);
  template <class Real>
  void reduce_as(int gradient, double* total);

  Memory& memory_;
  int shards_;
  const std::vector<compiler::Learned>& learned_;
  std::vector<std::vector<double>> totals_;  // by learned: gathered since the sequence began, up to the last update's
  std::vector<char> taken_;                  // by learned: whether there was an update since then
  std::vector<double> sum_;
};

}  // namespace eligo
