// What the shards have gathered, added up.
#include <algorithm>
#include <cstring>

#include "runtime/engine/sequence.h"
#include "runtime/engine/shard.h"

namespace eligo {

namespace {

template <class Real>
void move_out(Real* __restrict from, Real* __restrict to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = from[i];
    from[i] = 0;
  }
}

template <class Real>
void add_out(Real* __restrict from, Real* __restrict to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] += from[i];
    from[i] = 0;
  }
}

}  // namespace

template <class Real>
void Sequence::reduce_as(int gradient, double* total) {
  const compiler::Tensor& t = plan_.tensors[static_cast<std::size_t>(gradient)];
  const std::int64_t size = t.size() * memory_->copies(gradient);
  const std::int64_t first = t.per_step ? t.size() : 0;  // behind that of no step
  auto* sum = reinterpret_cast<Real*>(memory_->whole(gradient));
  constexpr std::int64_t block = 2048;  // stays in the cache while the shards go by
  for (std::int64_t at = 0; at < size; at += block) {
    const std::int64_t count = std::min(block, size - at);
    if (total)
      for (std::int64_t i = at; i < at + count; ++i) total[i] += static_cast<double>(sum[i]);
    for (int s = 0; s < shard_count_; ++s) {
      Real* from = reinterpret_cast<Real*>(memory_->shard_gradient(gradient, s)) + first + at;
      if (s == 0) move_out(from, sum + at, count);
      else add_out(from, sum + at, count);
    }
  }
  for (int s = 0; first > 0 && s < shard_count_; ++s)
    std::memset(memory_->shard_gradient(gradient, s), 0, static_cast<std::size_t>(first) * sizeof(Real));
}

void Sequence::reduce(int gradient, double* total) {
  if (memory_->float64()) reduce_as<double>(gradient, total);
  else reduce_as<float>(gradient, total);
}

}  // namespace eligo
