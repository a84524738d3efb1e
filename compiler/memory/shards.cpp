#include "compiler/memory/shards.h"

#include <algorithm>

namespace eligo::compiler {

// A shard runs its whole sequence on its own: enough examples for products over them to be worth their calls, and as
// few as let what they carry forward stay in a core's cache. A power of two, so that any usual number of threads gets
// equal parts.
int shards_for(const Facts& facts, std::int64_t batch, bool float64) {
  constexpr std::int64_t cache = 384 * 1024;  // of 512, the second-level cache of the smallest processors in use
  constexpr std::int64_t most = 64, enough = 25;
  std::int64_t carried = 0;
  for (const Tensor& t : facts.tensors)
    if (t.kind == TensorKind::forward) carried += 2 * t.size() * (float64 ? 8 : 4);
  std::int64_t shards = 1;
  while (shards < 16 && batch / (2 * shards) >= enough) shards *= 2;
  if (carried > 0) shards = std::max(shards, batch / std::max<std::int64_t>(1, cache / carried));
  return static_cast<int>(std::clamp<std::int64_t>(shards, 1, std::max<std::int64_t>(1, std::min(batch, most))));
}

std::int64_t rows_of_a_shard(const Facts& facts, std::int64_t batch, bool float64) {
  const std::int64_t shards = shards_for(facts, batch, float64);
  return std::max<std::int64_t>(1, (batch + shards - 1) / shards);
}

}  // namespace eligo::compiler
