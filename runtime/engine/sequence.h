// Runs a program over time: steps, arrivals, windows on the way back, updates.
//
// The batch is cut into fixed shards, whatever the number of threads; each runs on its own until parameters change, and
// what the shards gathered is added in a fixed order. Nothing is allocated inside a sequence.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "runtime/engine/memory.h"
#include "runtime/engine/program.h"
#include "runtime/engine/session.h"

namespace tbb::detail::d1 {
class task_arena;
}

namespace eligo {

class Sequence {
 public:
  // Throws eligo::Error: it would take more memory than it may.
  Sequence(const Program& program, const SessionOptions& options);
  ~Sequence();
  // Bytes that all of it takes; and those that one without a limit would take.
  double bytes() const { return layout_.bytes; }
  static double unlimited_bytes(const Program& program, const SessionOptions& options);

  Memory& memory() { return *memory_; }
  void set_start(const std::vector<std::vector<double>>& values);  // states before the first step, by tensor, [B][...]
  void parameters_changed() { stale_ = true; }

  RunResult run(const Batch& batch, bool learn);
  RunResult step(std::span<const double> x, std::span<const double> y);
  void reset();

  // watch.cpp
  RunResult train(const Batch& batch);
  std::optional<NonFinite> find_not_finite(const Batch& batch, bool learn);

  Session::Shown shown(const compiler::Shown& shown) const;
  void keep_updates(int learned);  // of Plan::learned
  const std::vector<std::vector<double>>& after_updates(int learned) const { return after_updates_.at(learned); }
  std::vector<double> gathered(const compiler::Learned& learned) const;
  std::uint64_t count() const { return count_; }  // sequences begun: the key of their random draws
  void set_count(std::uint64_t count) { count_ = count; }

 private:
  struct Shard;
  struct Noise;
  struct Window {
    std::int64_t start = 0, end = 0;
  };
  static compiler::Layout planned(const Program& program, const SessionOptions& options, int shards, std::uint64_t limit);
  void validate(const Batch& batch) const;
  void check_values(const char* what, std::span<const double> values, std::int64_t steps, std::int64_t examples,
                    std::int64_t width) const;
  std::int64_t width_of(const std::vector<int>& tensors) const;
  void find_reads();
  void divide(std::int64_t examples);
  void begin(std::int64_t examples, std::int64_t steps, bool learn);
  void begin_shard(Shard& shard);

  // feed.cpp: what comes from outside
  using Flag = compiler::Flag;
  // Whether a flag follows from lengths, windows and the masks; others are set where they are read.
  static bool follows(Flag flag);
  double flag_value(Flag flag, std::int64_t t, std::int64_t example) const;
  struct FlagTensor {
    int tensor;
    Flag flag;
  };
  void fill_flags(const std::vector<FlagTensor>& flags, const Shard& shard, std::int64_t from, std::int64_t to);
  template <class Real>
  void fill_flags_as(const std::vector<FlagTensor>& flags, const Shard& shard, std::int64_t from, std::int64_t to);
  void load(const Shard& shard, std::int64_t t);
  template <class Real>
  void load_as(const Shard& shard, std::int64_t t, const std::vector<int>& tensors, const double* from);
  void draw_noise(const Shard& shard, std::int64_t t);
  void check_given(const Batch& batch) const;
  void take_given(const Batch& batch);
  void give_start(const Shard& shard, const Noise& noise);

  void arrive(Shard& shard, std::int64_t from, std::int64_t to);  // a run of steps, in which no window becomes ready
  void take(Shard& shard, std::int64_t from, std::int64_t to);    // the steps themselves, and their losses
  std::int64_t run_end(std::int64_t from, std::int64_t to) const;
  std::int64_t start_of(std::int64_t t) const;  // of the window in which step t arrives
  void add_loss(Shard& shard, std::int64_t t);
  template <class Work>
  void each_ready_window(std::int64_t t, const Work& work) const;
  void sweep(Shard& shard, const Window& window);
  void open_sweep(Shard& shard, const Window& window);
  void sweep_step(Shard& shard, std::int64_t t);
  void sweep_to_start(Shard& shard, const Window& window);
  void close_window(Shard& shard, const Window& window);
  void collect_ends(Shard& shard, int phase);

  void replay(Shard& shard, std::int64_t t);  // replay.cpp
  void note_left_out(Shard& shard, const compiler::Replay& replay, std::int64_t first, std::int64_t last) const;
  void run_steps(Shard& shard, std::int64_t from, std::int64_t to);
  void run_arrivals(Shard& shard, std::int64_t from, std::int64_t to, bool show);

  // recompute.cpp: windows of which only a segment is kept
  struct Joint {  // the values of a step and those before it that later ones read
    std::int64_t step = 0;
    std::vector<std::byte> values;
  };
  bool recomputes() const { return layout_.segments.any(); }
  void prepare_segments();
  void keep_joint(Shard& shard, std::int64_t step);
  void go_to_joint(Shard& shard, const Joint& joint);
  void make_room(Shard& shard, std::int64_t from, std::int64_t to);
  void reach(Shard& shard, const Window& w, std::int64_t from, std::int64_t to);
  void take_again(Shard& shard, std::int64_t from, std::int64_t to);
  void collect_all_ends(Shard& shard);
  bool holds(const Shard& shard, int tensor, std::int64_t t) const;
  void put_end_aside(Shard& shard, const Window& w);
  void return_to_end(Shard& shard, const Window& w);

  // lockstep.cpp: rules whose shards meet at every arrival
  template <class Work>
  void for_shards(const Work& work);
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
  void run_phase_at_once(Shard& shard, int phase, std::int64_t from, std::int64_t to);
  void span(std::int64_t from, std::int64_t to);
  // watch.cpp: values that are not finite
  struct Sighting {
    std::int64_t call = -1;  // of a phase, counted from the sequence's start; -1: none
    int tensor = -1;
    compiler::RootKind kind = compiler::RootKind::store;
    std::int64_t step = -1, example = -1;
    double value = 0;
  };
  static bool changes_within(const compiler::Plan& plan);
  bool changes_within() const { return changes_within_; }
  void back_up();
  void put_back();
  bool may_update(compiler::UpdateEvery every);
  bool is_finite(int tensor, const void* at, std::int64_t count) const;
  bool all_gathered_finite() const;
  std::optional<NonFinite> first_parameter() const;
  void watch(Shard& shard, int phase, std::int64_t t);
  bool see(Shard& shard, const compiler::Plan::Write& write, std::int64_t t);
  std::optional<NonFinite> seen() const;
  std::int64_t example_of(const Batch& batch, const NonFinite& found, bool learn);

  void update(compiler::UpdateEvery every);
  // What the shards gathered of a tensor, added in their order; their own parts start anew. `total`, if not null, takes
  // what the last time made.
  void reduce(int gradient, double* total);
  template <class Real>
  void reduce_as(int gradient, double* total);
  void run_once(int phase, std::int64_t step);  // one that is about no example: an optimiser, keep values
  void update_keeps();                          // once a batch
  void mark_steps(Shard& shard, int phase);
  // Whether the parameters of a step have gathered anything since their last update.
  bool takes_update(std::size_t learned, std::int64_t step);
  void refresh();
  Window window_of(std::int64_t t) const;
  std::int64_t window_ready(const Window& w) const;  // the arrival at which its sweep runs
  bool closes() const { return sweep_.any() || close_ >= 0; }
  using PhaseKind = compiler::PhaseKind;
  using PhasePart = compiler::PhasePart;
  int nonempty(PhaseKind kind, PhasePart part = PhasePart::core) const;

  const Program& compiled_;
  const compiler::Plan& plan_;
  SessionOptions options_;
  int shard_count_;
  compiler::Layout layout_;
  std::unique_ptr<Memory> memory_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::vector<double>> start_;
  std::vector<std::vector<double>> totals_;  // by learned: gathered since the sequence began, up to the last update's
  std::vector<char> reduced_;                // by learned: whether there was an update since then
  bool gathered_clean_ = false;              // the shards' own parts are zero,
  bool clear_gathered_ = true;               // or must be set so
  std::unique_ptr<std::byte[]> prepared_storage_;
  void* prepared_ = nullptr;
  bool stale_ = true;
  std::vector<double> sum_;                              // of one tensor over the shards
  std::unique_ptr<tbb::detail::d1::task_arena> arena_;   // null: one thread
  std::unique_ptr<tbb::detail::d1::task_arena> within_;  // threads within a single shard

  struct Divided {  // a phase, and what of it is done for many steps at once
    int before = -1, step = -1, after = -1;
    bool any() const { return before >= 0 || step >= 0 || after >= 0; }
  };
  Divided divided(PhaseKind kind) const;
  Divided step_, arrive_, sweep_;
  int record_, show_, sweep_start_, close_;
  std::vector<std::vector<compiler::Plan::Read>> end_reads_;  // by phase: what is read at an example's own end
  std::vector<FlagTensor> flags_;  // those that follow from lengths and windows, where something reads them
  std::vector<FlagTensor> boundary_flags_;  // of these, what is read where a window begins: the others' rings may be shorter
  struct Noise {
    int tensor;
    std::uint64_t purpose;
    bool start = false;             // a value at the start, and none at any step
    const double* given = nullptr;  // in place of what would be drawn
  };
  std::vector<Noise> noises_;
  std::vector<compiler::Plan::Read> ahead_;  // fields that the way back reads at later steps, and how many later
  int inverse_batch_ = -1, end_flag_ = -1, window_end_flag_ = -1, active_flag_ = -1;  // tensors
  std::vector<int> again_gathered_;  // by the phases of the way forward
  bool again_arrives_ = false;       // arrivals, too, are needed on the way back
  std::vector<int> timed_;  // tensors whose slots are cleared (not flags, not shown)
  struct StepGather {
    std::size_t learned;
    compiler::TimeRef time;
  };
  std::vector<std::vector<StepGather>> step_gathers_;  // by phase: parameters with a value per step that it teaches

  // the sequence that runs
  std::int64_t examples_ = 0, steps_ = 0, t_ = 0;
  std::int64_t divided_ = -1;  // examples that the shards have been cut for
  bool learn_ = true, open_ = false, online_call_ = false;
  bool even_ = true;  // no example ends before the others
  std::vector<std::int64_t> lengths_;
  const double *x_ = nullptr, *y_ = nullptr, *mask_ = nullptr, *valid_ = nullptr;
  std::vector<double> masked_;  // the loss mask where only some steps count
  std::map<int, std::vector<std::vector<double>>> after_updates_;  // by learned, of those that are to be kept
  std::uint64_t count_ = 0;

  bool guarded_ = false;   // no update by what is not finite
  bool refused_ = false;   // there would have been one
  bool watching_ = false;  // every value that a phase writes is looked at
  bool changes_within_ = false;
  std::vector<int> kept_;  // parameters, and what rule and optimiser keep
  std::vector<std::byte> backup_;
};

// Also as float32, where that is what they become.
bool all_finite(std::span<const double> values, bool float64 = true);

}  // namespace eligo
