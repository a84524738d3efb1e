// The windows of a sequence: where they lie, which arrival makes one complete, and where a run of arrivals ends.
#pragma once

#include <algorithm>
#include <cstdint>

#include "compiler/timetable/timetable.h"

namespace eligo {

struct Window {
  std::int64_t start = 0, end = 0;  // steps start + 1..end
  bool operator==(const Window&) const = default;
};

class Windows {
 public:
  Windows() = default;
  Windows(const compiler::WindowRule& rule, std::int64_t steps) : rule_(rule), steps_(steps) {}

  std::int64_t steps() const { return steps_; }
  Window of(std::int64_t t) const;  // of a step, t >= 1
  // The boundary before the window in which step t arrives, which may lie behind the last step.
  std::int64_t start_of(std::int64_t t) const { return rule_.length < 0 ? 0 : of(std::min(t, steps_)).start; }
  // The arrival that makes a window complete. At the sequence's end what lies beyond reads as zero.
  std::int64_t ready(const Window& w) const { return std::min(w.end + rule_.ahead, steps_ + rule_.beyond); }
  // The last of the arrivals from..to that may be taken together with the first: at most `most`, none beyond one at
  // which a window is swept.
  std::int64_t run_end(std::int64_t from, std::int64_t to, std::int64_t most) const;
  // The first arrival, not before `from`, that makes a window complete which is not the last; `none` if there is none.
  static constexpr std::int64_t none = INT64_MAX;
  std::int64_t next_ready(std::int64_t from) const;
  // Calls work(window) for those that arrival t makes complete, in their order.
  template <class Work>
  void each_ready(std::int64_t t, const Work& work) const {
    for (Window w = first_not_before(t); ready(w) == t; w = of(w.end + 1)) {
      work(w);
      if (w.end >= steps_) break;
    }
  }

 private:
  // The first window that is not complete before arrival t, or the last one.
  Window first_not_before(std::int64_t t) const;

  compiler::WindowRule rule_;
  std::int64_t steps_ = 0;
};

}  // namespace eligo
