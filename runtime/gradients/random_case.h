// Random numbers for a check: parameters, initial states and a batch, from one seed.
#pragma once

#include <cstdint>

#include "runtime/engine/session.h"

namespace eligo {

// Draws every parameter and initial state, so that nothing is zero at first.
void draw_values(Session& session, std::uint64_t seed, double scale = 0.5);
// Inputs in [-1, 1], targets in [0, 1], which every readout takes.
Batch draw_batch(std::int64_t steps, std::int64_t examples, std::int64_t inputs, std::int64_t targets,
                 std::uint64_t seed);

}  // namespace eligo
