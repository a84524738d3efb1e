// The shards of a batch on the threads of a session. What one call starts is over when it returns, so two calls after
// one another are a barrier between them: all that shards wrote in the first is there in the second, and in between the
// caller alone is at work. Within a call the shards share nothing that one of them writes.
#pragma once

#include <memory>

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "runtime/engine/hand_over.h"
#include "support/denormals.h"

namespace eligo {

class BatchBarrier {
 public:
  // One thread, or one shard: the caller does all the work itself.
  BatchBarrier(int shards, int threads)
      : shards_(shards),
        arena_(threads > 1 && shards > 1 ? std::make_unique<tbb::task_arena>(std::min(threads, shards)) : nullptr) {}

  // Calls work(shard) for each, in any order and side by side. Denormal numbers count as zero meanwhile.
  template <class Work>
  void for_each(const Work& work) {
    const auto one = [&](int shard) {
      const FlushDenormals flush;
      work(shard);
    };
    if (!arena_) {
      for (int shard = 0; shard < shards_; ++shard) one(shard);
      return;
    }
    const HandOver shared(one);
    arena_->execute([&] { tbb::parallel_for(0, shards_, shared, tbb::simple_partitioner()); });
  }

 private:
  int shards_;
  std::unique_ptr<tbb::task_arena> arena_;  // null: one thread
};

}  // namespace eligo
