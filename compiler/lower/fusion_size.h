// How much of the shared loop of a fusion is taken in a trip, and whether the fusion is worth it.
#pragma once

#include "compiler/ir/cost_model.h"
#include "compiler/lower/fusion_groups.h"

namespace eligo::compiler {

// From where on loops are fused, and how far.
struct FusionLimits {
  double bytes = cost_model::fused_bytes;            // that members hand each other, at least
  double share = cost_model::fused_share;            // of a group's cost that moving them is, at least
  double trip_bytes = cost_model::fused_trip_bytes;  // that a trip touches, about
  double points = cost_model::fused_points;          // of a statement in a trip, at least
  std::int64_t row_bytes = 64;                       // of an example's rows in a trip, at least: a line
  std::int64_t trips = cost_model::fused_trips;      // values of the shared loop, at least
  std::int64_t examples = cost_model::fused_examples;
};

struct FusionSize {
  bool worth = false;
  std::int64_t values = 1;    // of the shared loop, in a trip
  std::int64_t examples = 0;  // at a time; 0: all
  double handed_on = 0;       // bytes that members leave for members, in a call
};

FusionSize fusion_size(const Lowered& lowered, const loops::Function& function, const FusionGroup& group,
                       std::int64_t bytes, std::int64_t examples, const FusionLimits& limits);

}  // namespace eligo::compiler
