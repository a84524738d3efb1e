// Copying (Graves et al. 2014), as Jaderberg et al. 2017 and Pemberton & Costa 2024 (section 4.3) train nets by it: a
// start flag, N patterns of bits, how often they are wanted (R, of which the net gets R/10), then the patterns R times
// and a stop flag. A sequence has N (R + 1) + 3 steps; what comes from step N + 3 on is asked for, the stop flag last.
#pragma once

#include "runtime/tasks/task.h"

namespace eligo {

struct CopySize {
  std::int64_t patterns = 1, times = 1;  // N, R
  std::int64_t bits = 8;                 // of a pattern
  std::int64_t steps() const { return patterns * (times + 1) + 3; }
  std::int64_t targets() const { return patterns * times + 1; }  // steps that are asked for, the last ones
};
// The sequences of these patterns, [examples][patterns][bits]. Inputs are bits, start flag, R/10; targets bits, stop
// flag; a step that is asked for has this weight in the loss.
Batch copy_batch(const CopySize& size, const std::vector<double>& patterns, double weight);

// Each pattern once. N is the task's option.
TaskKind copy_kind();
// N and R are those of a level: 1, 1 at the first, then N and R rise by one in turn, N first. (The published code
// raises R where it is below N, else N, which is the same.)
TaskKind copy_repeat_kind();

}  // namespace eligo
