// A session's arena: every tensor's slots, sized once, and where each lies for the phase that runs.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "compiler/ir/phase_runner.h"
#include "compiler/memory/layout.h"
#include "support/zeroed_memory.h"

namespace eligo {

// What a phase's times mean at the moment.
struct Moment {
  std::int64_t t = 0;      // the step that arrives, or that the sweep has reached
  std::int64_t start = 0;  // boundary before the window's first step
  bool current = true;     // parameters at t are those of now (step, arrive, show)
};

class Memory {
 public:
  Memory(const compiler::Plan& program, const compiler::Layout& layout, std::int64_t examples, int shards, bool float64);

  bool float64() const { return float64_; }
  // How the examples of the batches to come are cut; slots lie as close as their number lets them.
  void divide(std::int64_t examples);
  std::int64_t first(int shard) const { return first_[static_cast<std::size_t>(shard)]; }
  std::int64_t count(int shard) const { return first(shard + 1) - first(shard); }
  // The slots of a timed tensor of one shard, count rows each: that of step t is number (t - lowest) mod capacity, or
  // t - lowest - origin where only a segment is kept.
  std::byte* ring(int tensor, int shard) const { return base_[tensor] + shard * layout_.tensors[tensor].ring_bytes; }
  std::int64_t origin(int shard) const { return origin_[static_cast<std::size_t>(shard)]; }
  void set_origin(int shard, std::int64_t step) { origin_[static_cast<std::size_t>(shard)] = step; }
  // First byte of a timed tensor's slot for step `t` of one shard.
  std::byte* slot(int tensor, std::int64_t t, int shard) const;
  // Whether the slots of steps from..to lie one behind the other.
  bool together(int tensor, std::int64_t from, std::int64_t to, int shard) const {
    return slot(tensor, to, shard) - slot(tensor, from, shard) == (to - from) * count(shard) * row_[tensor];
  }
  // All of a tensor without time: its one copy, or those of all steps in order.
  std::byte* whole(int tensor) const {
    return base_[tensor] + (layout_.tensors[tensor].copies ? layout_.tensors[tensor].slot_bytes : 0);
  }
  std::int64_t copies(int tensor) const { return layout_.tensors[tensor].copies ? layout_.tensors[tensor].copies : 1; }
  // A step's copy in storage made of one for no step and then one for each. What no step has reads as zero.
  std::byte* copy(int tensor, std::byte* base, std::int64_t t) const;
  void* version(int tensor, std::int64_t t) const;
  std::byte* base(int tensor) const { return base_[tensor]; }
  std::byte* version_base(int tensor) const { return version_[tensor]; }
  // All copies. Those of a shard lie one behind the other; in the first shard's the sum of all is made.
  std::byte* shard_gradient(int tensor, int shard) const { return base_[tensor] + shard * gradient_bytes_; }
  std::int64_t shard_gradient_bytes() const { return gradient_bytes_; }  // from one shard's to the next one's
  // Whether nothing lies between the end of one tensor and the begin of another.
  static bool are_neighbours(const std::byte* end, const std::byte* begin);
  std::int64_t gradient_bytes(int tensor) const { return layout_.tensors[tensor].bytes(); }
  void* gathered(int tensor, compiler::TimeRef time, std::int64_t example);  // per-example reads at end or last
  std::int64_t row_bytes(int tensor) const { return row_[tensor]; }          // one example

  double read(int tensor, const void* at, std::int64_t i) const;
  void write(int tensor, void* at, std::int64_t i, double value) const;
  // The same of many, from the i-th on.
  void read(int tensor, const void* at, std::int64_t i, std::span<double> values) const;
  void write(int tensor, void* at, std::int64_t i, std::span<const double> values) const;
  void fill(int tensor, void* at, std::int64_t i, std::int64_t count, double value) const;
  // The same of reals, from the first on.
  void read_reals(const void* at, std::span<double> values) const;
  void write_reals(void* at, std::span<const double> values) const;
  void add_reals(void* at, double factor, std::span<const double> values) const;  // at[i] += factor * values[i]
  void add_up_reals(const void* at, std::span<double> sums) const;                // sums[i] += at[i]
  double add_reals_to(double sum, const void* at, std::int64_t count) const;      // one after the other
  // Whether a finite number stays finite as a value of these tensors.
  bool fits(double value) const { return float64_ || !std::isfinite(value) || std::isfinite(static_cast<float>(value)); }
  void zero_slot(int tensor, std::int64_t t, int shard) const;
  // All that a shard gathers.
  void zero_gradients(int shard) const;
  void snapshot_versions(std::int64_t t) const;

  // Every tensor's values, as they lie.
  std::span<std::byte> all() const { return arena_.bytes(); }

  const compiler::Plan& program() const { return program_; }
  const compiler::Layout& layout() const { return layout_; }

 private:
  const compiler::Plan& program_;
  const compiler::Layout& layout_;
  bool float64_;
  std::vector<std::int64_t> origin_;  // by shard: the step before its segment's first
  std::vector<std::int64_t> first_;  // example, by shard; behind the last one, how many there are
  ZeroedMemory arena_;
  std::int64_t total_ = 0;  // its bytes
  std::vector<std::byte*> base_, version_;
  std::vector<int> versioned_;        // tensors of which versions are kept
  std::byte* gradients_ = nullptr;    // of the first shard
  std::int64_t gradient_bytes_ = 0;   // of a shard
  std::vector<std::int64_t> row_;
  struct EndRead {
    int tensor;
    compiler::TimeRef time;
    std::byte* at;
  };
  std::vector<EndRead> end_reads_;
};

// One shard's view.
class ShardResolver final : public compiler::Resolver {
 public:
  ShardResolver(Memory& memory, int shard) : memory_(&memory), shard_(shard) {}
  void* resolve(int tensor, compiler::TimeRef time) override;
  Moment moment;
  bool optimising = false;  // the reduced gradient, not the shard's own; parameters as they are now

 private:
  void* step_copy(int tensor, compiler::TimeRef time) const;
  Memory* memory_;
  int shard_;
};

}  // namespace eligo
