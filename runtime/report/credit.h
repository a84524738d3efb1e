// How a variant credits each step of a sequence: what its rule adds to the cell at a step, beside what full
// backpropagation through time adds at it. Measured with the parameters of a run's checkpoints, on batches of its task.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/plot/canvas.h"

namespace eligo {

// Over the steps, from 1 on; steps at which one of the two is zero are left out.
struct CreditLines {
  std::vector<Point> cosine;  // of the two directions
  std::vector<Point> length;  // of what the rule adds, as a part of the other
};

// Of one training. Nothing where its rule has no learn lines for the cell's parameters. Throws eligo::Error or
// dsl::SourceError: there is no checkpoint, or the experiment can no longer be read or compiled; it takes too much
// memory.
CreditLines measure_credit(const std::string& folder, const std::string& variant, std::uint64_t seed);

}  // namespace eligo
