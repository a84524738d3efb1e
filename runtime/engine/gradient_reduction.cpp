#include "runtime/engine/gradient_reduction.h"

#include <algorithm>
#include <cstring>

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

GradientReduction::GradientReduction(Memory& memory, int shards, const std::vector<compiler::Learned>& learned)
    : memory_(memory), shards_(shards), learned_(learned), taken_(learned.size(), 0) {
  for (const compiler::Learned& l : learned)  // what is updated once a sequence lies where the optimiser found it
    totals_.emplace_back(
        l.every == compiler::UpdateEvery::sequence
            ? 0
            : memory.program().tensors[static_cast<std::size_t>(l.gradient)].size() * memory.copies(l.gradient),
        0.0);
}

void GradientReduction::begin() {
  std::fill(taken_.begin(), taken_.end(), 0);
  for (auto& total : totals_) std::fill(total.begin(), total.end(), 0.0);
}

template <class Real>
void GradientReduction::reduce_as(int gradient, double* total) {
  const compiler::Tensor& t = memory_.program().tensors[static_cast<std::size_t>(gradient)];
  const std::int64_t size = t.size() * memory_.copies(gradient);
  const std::int64_t first = t.per_step ? t.size() : 0;  // behind that of no step
  auto* sum = reinterpret_cast<Real*>(memory_.whole(gradient));
  constexpr std::int64_t block = 2048;  // stays in the cache while the shards go by
  for (std::int64_t at = 0; at < size; at += block) {
    const std::int64_t count = std::min(block, size - at);
    if (total)
      for (std::int64_t i = at; i < at + count; ++i) total[i] += static_cast<double>(sum[i]);
    for (int s = 0; s < shards_; ++s) {
      Real* from = reinterpret_cast<Real*>(memory_.shard_gradient(gradient, s)) + first + at;
      if (s == 0) move_out(from, sum + at, count);
      else add_out(from, sum + at, count);
    }
  }
  for (int s = 0; first > 0 && s < shards_; ++s)
    std::memset(memory_.shard_gradient(gradient, s), 0, static_cast<std::size_t>(first) * sizeof(Real));
}

void GradientReduction::reduce(int gradient, double* total) {
  if (memory_.float64()) reduce_as<double>(gradient, total);
  else reduce_as<float>(gradient, total);
}

void GradientReduction::take(int learned, bool keep) {
  const auto k = static_cast<std::size_t>(learned);
  reduce(learned_[k].gradient, keep && taken_[k] && !totals_[k].empty() ? totals_[k].data() : nullptr);
  taken_[k] = 1;
}

std::span<const double> GradientReduction::add_up(int gradient) {
  const std::int64_t bytes = memory_.gradient_bytes(gradient);
  sum_.assign(static_cast<std::size_t>(bytes / (memory_.float64() ? 8 : 4)), 0.0);
  for (int s = 0; s < shards_; ++s) {
    void* from = memory_.shard_gradient(gradient, s);
    memory_.add_up_reals(from, sum_);
    std::memset(from, 0, static_cast<std::size_t>(bytes));
  }
  return sum_;
}

std::vector<double> GradientReduction::gathered(int learned) const {
  const int gradient = learned_[static_cast<std::size_t>(learned)].gradient;
  std::vector<double> all = totals_[static_cast<std::size_t>(learned)];
  all.resize(static_cast<std::size_t>(memory_.program().tensors[static_cast<std::size_t>(gradient)].size() *
                                      memory_.copies(gradient)));
  if (taken(learned)) memory_.add_up_reals(memory_.whole(gradient), all);  // the last part is where the optimiser found it
  return all;
}

}  // namespace eligo
