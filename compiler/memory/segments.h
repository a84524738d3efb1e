// Windows that do not fit in memory: checkpoints and recomputation. Only the steps of one segment are kept, and a
// checkpoint between each two segments: what later steps need of the steps before it. On the way back a segment's steps
// are recomputed from its checkpoint, with the same inputs and draws, so the results are the same bit for bit; the price
// is one more way forward.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/manifest.h"

namespace eligo::compiler {

struct Segments {
  std::int64_t steps = 0;            // of a segment; 0: all steps are kept
  std::int64_t back = 0, ahead = 0;  // a checkpoint is a step and `back` before it; so far ahead are values read
  std::int64_t slots = 0;            // kept of each tensor that is recomputed
  std::int64_t checkpoints = 0;      // of a window, at most
  long double bytes = 0;             // that the session takes with them
  std::vector<char> again;           // by tensor: whether it is recomputed
  bool any() const { return steps > 0; }
};

// Which tensors' steps can be recomputed. None where the rule does not allow it; `why_not` says why.
std::vector<char> recomputable(const Plan& plan, std::string& why_not);
// Gradients that the phases of the way forward add to: saved while these are run again.
std::vector<int> gathered_forward(const Plan& plan);

// Whether the way back, or a step, reads what arrivals store.
bool arrivals_are_read_back(const Plan& plan);

struct SegmentCosts {
  long double fixed = 0;  // bytes of everything that is kept in any case
  long double step = 0;   // of one step of the tensors that are recomputed
};
// The longest segments, in whole runs, with which all takes no more than `limit` bytes; none where `least` bytes, the
// least with which it would do, are more.
Segments fit_segments(SegmentCosts costs, const Segments& margins, std::int64_t window, std::int64_t run,
                      long double limit, long double& least);

}  // namespace eligo::compiler
