// Runs a program over time: steps, arrivals, windows on the way back, updates.
//
// The batch is cut into fixed shards, whatever the number of threads; each runs on its own until parameters change, and
// what the shards gathered is added in a fixed order. Nothing is allocated inside a sequence.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/compile.h"
#include "runtime/memory.h"

namespace tbb::detail::d1 {
class task_arena;
}

namespace eligo {

class Sequence {
 public:
  Sequence(const Program& program, const SessionOptions& options);
  ~Sequence();

  Memory& memory() { return *memory_; }
  void set_start(const std::vector<std::vector<double>>& values);  // states before the first step, by tensor, [B][...]
  void parameters_changed() { stale_ = true; }

  RunResult run(const Batch& batch, bool learn);
  RunResult step(std::span<const double> x, std::span<const double> y);
  void reset();

  Session::Shown shown(const compiler::Shown& shown) const;
  std::vector<double> gathered(const compiler::Learned& learned) const;
  std::uint64_t count() const { return count_; }  // sequences begun: the key of their random draws
  void set_count(std::uint64_t count) { count_ = count; }

 private:
  struct Shard;
  struct Window {
    std::int64_t start = 0, end = 0;
  };
  void validate(const Batch& batch) const;
  void begin(std::int64_t examples, std::int64_t steps, bool learn);
  void begin_shard(Shard& shard);
  void fill_flags(const Shard& shard, std::int64_t t);
  void load(const Shard& shard, std::int64_t t);
  void draw_noise(const Shard& shard, std::int64_t t);
  void arrive(Shard& shard, std::int64_t t);
  void take(Shard& shard, std::int64_t t);  // the step itself, and its loss
  void each_ready_window(std::int64_t t, const std::function<void(const Window&)>& work) const;
  void sweep(Shard& shard, const Window& window);
  void open_sweep(Shard& shard, const Window& window);
  void sweep_step(Shard& shard, std::int64_t t);
  void sweep_to_start(Shard& shard, const Window& window);
  void close_window(Shard& shard, const Window& window);
  void collect_ends(Shard& shard, int phase);

  void replay(Shard& shard, std::int64_t t);  // replay.cpp

  // lockstep.cpp: rules whose shards meet at every arrival
  void for_shards(const std::function<void(Shard&)>& work);
  void arrive_together(std::int64_t t);
  void sweep_together(const Window& window);
  void revise(std::int64_t t);
  void fill_block_flags(const Shard& shard, const compiler::Block& block, std::int64_t t, std::int64_t start);
  void open_pass(Shard& shard, const compiler::Block& block, const compiler::Block::Pass& pass, std::int64_t t);
  void run_pass(const compiler::Block& block, const compiler::Block::Pass& pass, std::int64_t t);
  void assign(int phase);
  void add_up(int gradient);  // into sum_
  void clip();
  int learned_by(int gathered) const;  // the gradient of a learned parameter, also behind a clip
  double bound_of(const compiler::Clip& clip) const;
  void check_bounds() const;
  bool together() const { return !plan_.blocks.empty() || !plan_.clips.empty(); }
  bool runs_arrivals() const { return learn_ || !plan_.forward_shows; }

  void run_phase(Shard& shard, int phase);
  void span(std::int64_t from, std::int64_t to);
  void update(compiler::UpdateEvery every);
  // What the shards gathered of a tensor, added in their order; their own parts start anew.
  void reduce(int gradient, std::vector<double>* total);
  void run_once(int phase, std::int64_t step);  // one that is about no example: an optimiser, keep values
  void update_keeps();                          // once a batch
  void mark_steps(Shard& shard, int phase);
  // Whether the parameters of a step have gathered anything since their last update.
  bool takes_update(std::size_t learned, std::int64_t step);
  void refresh();
  Window window_of(std::int64_t t) const;
  std::int64_t window_ready(const Window& w) const;  // the arrival at which its sweep runs
  bool closes() const { return sweep_ >= 0 || close_ >= 0; }
  int nonempty(const char* name) const;

  const Program& compiled_;
  const compiler::Plan& plan_;
  SessionOptions options_;
  int shard_count_;
  Layout layout_;
  std::unique_ptr<Memory> memory_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::vector<double>> start_;
  std::vector<std::vector<double>> totals_;  // by learned: everything gathered since the sequence began
  std::unique_ptr<std::byte[]> prepared_storage_;
  void* prepared_ = nullptr;
  bool stale_ = true;
  std::vector<double> sum_;  // of one tensor over the shards
  std::unique_ptr<tbb::detail::d1::task_arena> arena_;  // null: one thread

  int step_, record_, arrive_, show_, sweep_, sweep_start_, close_;
  std::vector<std::vector<compiler::Plan::Read>> end_reads_;  // by phase: what is read at an example's own end
  std::vector<int> flags_;                             // those that follow from lengths and windows
  std::vector<int> timed_;                             // tensors whose slots are cleared (not flags, not shown)
  struct StepGather {
    std::size_t learned;
    compiler::TimeRef time;
  };
  std::vector<std::vector<StepGather>> step_gathers_;  // by phase: parameters with a value per step that it teaches

  // the sequence that runs
  std::int64_t examples_ = 0, steps_ = 0, t_ = 0;
  bool learn_ = true, open_ = false, online_call_ = false;
  std::vector<std::int64_t> lengths_;
  const double *x_ = nullptr, *y_ = nullptr, *mask_ = nullptr;
  std::uint64_t count_ = 0;
};

}  // namespace eligo
