// Traces walked back from every arrival: what it makes of each step before it, for its line alone.
#include <algorithm>
#include <cmath>

#include "runtime/engine/sequence.h"
#include "runtime/engine/shard.h"

namespace eligo {

void Sequence::replay(Shard& shard, std::int64_t t) {
  for (const compiler::Replay& r : plan_.replays) {
    const std::int64_t lowest = r.at_start ? 0 : 1, first = t - r.lag;
    if (first < lowest || (!online_call_ && first > steps_)) continue;
    const std::int64_t last = r.limit < 0 ? lowest : std::max(lowest, first - r.limit);
    const Moment before = shard.resolver.moment;
    shard.resolver.moment.current = false;
    for (std::int64_t k = first; k >= last; --k) {
      shard.resolver.moment.t = k;
      run_phase(shard, k == first ? r.first : r.again);
    }
    shard.resolver.moment = before;
    if (last > lowest) note_left_out(shard, r, first, last);
  }
}

// How long the signal of a walk that goes no further still is.
void Sequence::note_left_out(Shard& shard, const compiler::Replay& r, std::int64_t first, std::int64_t last) const {
  const auto length = [&](std::int64_t step, std::int64_t example) {
    double squares = 0;
    for (const int tensor : r.carried) {
      const auto size = plan_.tensors[static_cast<std::size_t>(tensor)].size();
      const void* at = memory_->slot(tensor, step, shard.number);
      for (std::int64_t i = example * size; i < (example + 1) * size; ++i) {
        const double x = memory_->read(tensor, at, i);
        squares += x * x;
      }
    }
    return std::sqrt(squares);
  };
  for (std::int64_t b = 0; b < shard.count; ++b)
    if (const double begun = length(first, b); begun > 0)
      shard.left_out = std::max(shard.left_out, length(last, b) / begun);
}

}  // namespace eligo
