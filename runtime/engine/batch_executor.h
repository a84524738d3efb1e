// A whole batch: works through a timetable. What shards do side by side it hands to their executors; in between it does
// what concerns all of them: adds up what they gathered, bounds it, updates parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "runtime/engine/batch_barrier.h"
#include "runtime/engine/batch_tape.h"
#include "runtime/engine/clipping.h"
#include "runtime/engine/divergence.h"
#include "runtime/engine/gradient_reduction.h"
#include "runtime/engine/norm_bounds.h"
#include "runtime/engine/shard_executor.h"

namespace eligo {

class BatchExecutor {
 public:
  // `rows`: examples of the largest shard; `threads`: that may work; `steps`: of the longest sequence.
  BatchExecutor(const EngineParts& parts, int shards, std::int64_t rows, int threads, std::int64_t steps);

  // The batch is cut otherwise than the last one.
  void bind();
  // A sequence begins.
  void begin();
  void run(const std::vector<compiler::Instruction>& list, const Cursor& at);
  // Whether what `run` does can be recorded: phases are compiled, and nobody looks at what they write.
  bool can_record() const { return records_ && !watching_; }
  // Writes what `run` would do behind what the tape has.
  void record(const std::vector<compiler::Instruction>& list, const Cursor& at, BatchTape& tape);
  // Does what was recorded, `later` steps behind those it was written for.
  void play(const BatchTape& tape, std::int64_t later = 0);
  // Some examples of the batch begin again behind step t.
  void restart(const std::vector<std::int64_t>& examples, std::int64_t t);

  // Parameters were changed from outside; what is computed from them alone is computed again by `prepare`.
  void parameters_changed() { stale_ = true; }
  void prepare();

  std::vector<std::unique_ptr<ShardExecutor>>& shards() { return shards_; }
  const std::vector<std::unique_ptr<ShardExecutor>>& shards() const { return shards_; }
  const GradientReduction& reduction() const { return reduction_; }
  GradientReduction& reduction() { return reduction_; }
  Divergence& divergence() { return divergence_; }
  NormBounds& bounds() { return bounds_; }
  // Looks at every value that a phase writes.
  void watch(bool on);

  // The values of a learned parameter behind each of its updates, from now on.
  void keep_updates(int learned) { after_updates_[learned]; }
  const std::vector<std::vector<double>>& after_updates(int learned) const { return after_updates_.at(learned); }
  void forget_updates();

 private:
  using Instruction = compiler::Instruction;

  void one(const Instruction& instruction, const Cursor& at);
  void work(const Instruction& instruction, const Cursor& at);
  void record_one(const Instruction& instruction, const Cursor& at, BatchTape& tape);
  void record_work(const Instruction& instruction, const Cursor& at, BatchTape& tape);
  void record_learned(BatchTape::Kind kind, const Instruction& instruction, const Cursor& at, BatchTape& tape);
  void play_ops(const BatchTape& tape, std::int64_t later);
  void play_shards(const BatchTape& tape, const BatchTape::Op& op, std::int64_t later);
  void play_work(const BatchTape& tape, const BatchTape::Op& op, std::int64_t later);
  void play_updates(const BatchTape& tape, const BatchTape::Op& op);
  void play_once(const BatchTape& tape, std::uint32_t call);
  bool holds(compiler::Guard guard, const Cursor& at) const;
  void add_up(const compiler::Block::Revision& revision);
  void assign(const Instruction& assign, const Cursor& at);
  void update(int learned, const Cursor& at);
  // A phase that is about no example: an optimiser's, of keep values.
  void run_once(int phase, std::int64_t step, const Cursor& at);
  double loss() const;

  const EngineParts parts_;
  std::int64_t steps_;
  GradientReduction reduction_;
  Clipping clipping_;
  NormBounds bounds_;
  Divergence divergence_;
  std::vector<std::unique_ptr<ShardExecutor>> shards_;
  BatchBarrier barrier_;
  std::unique_ptr<tbb::task_arena> within_;  // threads within a single shard
  std::unique_ptr<std::byte[]> prepared_storage_;
  void* prepared_ = nullptr;
  bool records_;
  bool stale_ = true;
  bool watching_ = false;
  bool settled_ = false;                                           // the shards' gradients are zero
  std::map<int, std::vector<std::vector<double>>> after_updates_;  // by learned, of those that are to be kept
};

}  // namespace eligo
