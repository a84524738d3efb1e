// Trainings that diverge: what is not finite is noticed before it reaches the parameters.
//
// Where parameters change at a sequence's end alone, an update is refused whose loss or gradient is not finite, so the
// parameters are still those of the batch. Where they change within it, they are copied before.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "runtime/engine/gradient_reduction.h"
#include "runtime/engine/watch.h"

namespace eligo {

class Divergence {
 public:
  // `changes_within`: parameters change before a sequence ends.
  Divergence(Memory& memory, const GradientReduction& reduction, bool changes_within);

  // A sequence begins: no update has been refused.
  void begin() { refused_ = false; }
  // From now on no update by what is not finite; `watching`: none at all where parameters can be kept as they are.
  void guard(bool on, bool watching) {
    guarded_ = on;
    watching_ = watching;
  }
  bool refused() const { return refused_; }
  // Whether the optimiser may use what was reduced.
  bool may_update() const { return !refused_ && !(guarded_ && watching_ && !changes_within_); }
  // Refuses the updates of a sequence if its loss or a gradient is not finite, where that is asked for.
  void check(double loss);

  bool changes_within() const { return changes_within_; }
  // Everything that a batch may change: parameters, and what rule and optimiser keep.
  void back_up();
  void put_back();
  bool backed_up() const { return !backup_.empty(); }

  // Whether all that the sequence has gathered is finite.
  bool all_gathered_finite() const;
  // The first parameter, or value that is kept, that is not.
  std::optional<NonFinite> first_parameter() const;

 private:
  template <class Work>
  void each_kept(const Work& work);

  Memory& memory_;
  const compiler::Plan& plan_;
  const GradientReduction& reduction_;
  bool changes_within_;
  bool guarded_ = false, watching_ = false, refused_ = false;
  std::vector<int> kept_;  // tensors
  std::vector<std::byte> backup_;
};

}  // namespace eligo
