// How the optimiser's step size changes over a training: a factor for each batch, with which the α of everything that
// is learned is multiplied.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/engine/session.h"

namespace eligo {

// All lengths are in batches. A factor is a function of the batch's number alone, so a resumed training takes the steps
// that the uninterrupted one would have taken.
struct RateSchedule {
  enum class Kind { constant, linear, cosine, step };
  Kind kind = Kind::constant;
  std::uint64_t warmup = 0;      // the factor rises over so many batches, in equal steps up to 1
  double fall_to = 0;            // of cosine: what the factor falls to, in 0..1
  std::uint64_t fall_every = 0;  // of step, from 1 on: batches between two falls
  std::uint64_t fall_from = 0;   // of step: batches after the warm-up from which those are counted
  double fall_by = 1;            // of step: by what the factor is multiplied then, above 0 and at most 1

  // For the batch of this number, counted from 0, of a training of `batches` in all; above 0 and at most 1.
  double factor(std::uint64_t batch, std::uint64_t batches) const;
};

// The names that a setting may have, in the order of Kind.
const std::vector<std::string>& rate_schedule_names();

// The hyper that a schedule multiplies; an optimiser without it has no step size that a schedule could change.
inline constexpr const char* kStepSize = "α";

// A schedule at work on a session: what was set as step sizes when this is made, bundle by bundle, times the factor.
class ScheduledRates {
 public:
  // Throws eligo::Error: the optimiser has no α, or its range does not hold the smallest of the step sizes.
  ScheduledRates(Session& session, const RateSchedule& schedule, std::uint64_t batches);
  // Before the batch of this number, counted from 0, is trained.
  void set(Session& session, std::uint64_t batch);

 private:
  struct Rate {
    std::string hyper;  // "optimiser.ψ.α"
    double whole = 0;   // as it was given
  };
  RateSchedule schedule_;
  std::uint64_t batches_;
  std::vector<Rate> rates_;  // empty: nothing changes
  double factor_ = 1;        // that the session has now
};

}  // namespace eligo
