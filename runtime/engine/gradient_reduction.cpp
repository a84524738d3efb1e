#include "runtime/engine/gradient_reduction.h"

#include <algorithm>
#include <cstring>

#include "runtime/engine/reals.h"
#include "support/denormals.h"

namespace eligo {

namespace {

void add_bytes(bool float64, const std::byte* from, std::byte* to, std::int64_t bytes) {
  if (float64) add(reinterpret_cast<const double*>(from), reinterpret_cast<double*>(to), bytes / 8);
  else add(reinterpret_cast<const float*>(from), reinterpret_cast<float*>(to), bytes / 4);
}

}  // namespace

GradientReduction::GradientReduction(Memory& memory, int shards, const std::vector<compiler::Learned>& learned)
    : memory_(memory), shards_(shards), learned_(learned), taken_(learned.size(), 0) {
  used_.reserve(learned.size());
  for (const compiler::Learned& l : learned)
    bytes_.push_back({memory.shard_gradient(l.gradient, 0), memory.gradient_bytes(l.gradient)});
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
  used_.clear();
}

void GradientReduction::reduce(const Bytes& bytes) const {
  constexpr std::int64_t block = 8192;  // stays in the cache while the shards go by
  for (std::int64_t at = 0; at < bytes.count; at += block) {
    const std::int64_t count = std::min(block, bytes.count - at);
    for (int s = 1; s < shards_; ++s) {
      std::byte* from = bytes.at + s * memory_.shard_gradient_bytes() + at;
      add_bytes(memory_.float64(), from, bytes.at + at, count);
      std::memset(from, 0, static_cast<std::size_t>(count));
    }
  }
}

void GradientReduction::take(std::span<const int> learned) {
  for (const int each : learned) {
    const auto k = static_cast<std::size_t>(each);
    if (shards_ > 1) reduce(bytes_[k]);
    taken_[k] = 1;
    used_.push_back(each);
  }
}

void GradientReduction::clear(bool keep) {
  Bytes all{nullptr, 0};  // of several that lie one behind the other
  const auto zero = [&] { std::memset(all.at, 0, static_cast<std::size_t>(all.count)); };
  for (const int learned : used_) {
    const auto k = static_cast<std::size_t>(learned);
    if (keep && !totals_[k].empty()) {
      const FlushDenormals flush;  // as in the kernels that gathered
      memory_.add_up_reals(memory_.whole(learned_[k].gradient), totals_[k]);
    }
    const Bytes& bytes = bytes_[k];
    if (all.at != nullptr && memory_.are_neighbours(all.at + all.count, bytes.at)) {
      all.count = bytes.at + bytes.count - all.at;
      continue;
    }
    if (all.at != nullptr) zero();
    all = bytes;
  }
  if (all.at != nullptr) zero();
  used_.clear();
}

void GradientReduction::resume(bool used) {
  used_.clear();
  for (std::size_t k = 0; used && k < learned_.size(); ++k)
    if (learned_[k].every == compiler::UpdateEvery::step) used_.push_back(static_cast<int>(k));
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
