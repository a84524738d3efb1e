// Learn lines with a bound: what they have added over the whole batch since the last time joins what is learned, at
// most as long as the bound.
#pragma once

#include <span>
#include <vector>
#include <vector>

#include "runtime/engine/gradient_reduction.h"

namespace eligo {

// What brings a vector's length down to a bound, without overflow on the way; 1 if it is not longer. A number that is
// not finite leaves none that could be trusted: 0 for those beside an infinite one, NaN for all where one is NaN.
template <class Real>
double bounding(std::span<const Real> v, double bound);
inline double bounding(const std::vector<double>& v, double bound) { return bounding(std::span(v), bound); }

class Clipping {
 public:
  Clipping(Memory& memory, GradientReduction& reduction, const std::vector<compiler::Clip>& clips)
      : memory_(memory), reduction_(reduction), clips_(clips) {}

  // Throws eligo::Error: a bound is not above 0.
  void check_bounds() const;
  // Through the first shard. A parameter with a value per step is bounded step by step.
  void apply(int clip);

 private:
  double bound_of(const compiler::Clip& clip) const;
  // Values step by step, bounded, onto those at `into`.
  template <class From, class Real>
  static void add_bounded(std::span<const From> values, std::size_t size, double bound, Real* into);
  template <class Real>
  void join(const compiler::Clip& clip);

  Memory& memory_;
  GradientReduction& reduction_;
  const std::vector<compiler::Clip>& clips_;
};

}  // namespace eligo
