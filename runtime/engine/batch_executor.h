// A whole batch: works through a timetable. What shards do side by side it hands to their executors; in between it does
// what concerns all of them: adds up what they gathered, bounds it, updates parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "runtime/engine/batch_barrier.h"
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
  // Some examples of the batch begin again behind step t.
  void restart(const std::vector<std::int64_t>& examples, std::int64_t t);

  // Parameters were changed from outside; what is computed from them alone is computed again by `prepare`.
  void parameters_changed() { stale_ = true; }
  void prepare();

  std::vector<std::unique_ptr<ShardExecutor>>& shards() { return shards_; }
  const std::vector<std::unique_ptr<ShardExecutor>>& shards() const { return shards_; }
  const GradientReduction& reduction() const { return reduction_; }
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
  bool stale_ = true;
  bool watching_ = false;
  bool settled_ = false;                                           // the shards' gradients are zero
  std::map<int, std::vector<std::vector<double>>> after_updates_;  // by learned, of those that are to be kept
};

}  // namespace eligo
