// Traces walked back from every arrival: what it makes of each step before it, for its line alone.
#include "runtime/sequence.h"
#include "runtime/shard.h"

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
  }
}

}  // namespace eligo
