// Shards on threads: all of them, once each, and a barrier between two calls.
#include "runtime/engine/batch_barrier.h"

#include <gtest/gtest.h>

#include <vector>

namespace eligo::test {
namespace {

// What each round writes the next one reads of all others, without a lock.
std::vector<long> rounds_on(int threads) {
  constexpr int shards = 7;
  BatchBarrier barrier(shards, threads);
  std::vector<long> now(shards), before(shards);
  for (int s = 0; s < shards; ++s) now[static_cast<std::size_t>(s)] = s;
  for (int round = 0; round < 200; ++round) {
    before = now;
    barrier.for_each([&](int shard) {
      long sum = shard;
      for (const long x : before) sum = (sum * 31 + x) % 1'000'003;
      now[static_cast<std::size_t>(shard)] = sum;
    });
  }
  return now;
}

TEST(BatchBarrier, ThreadsMeetAfterEachCall) {
  const std::vector<long> alone = rounds_on(1);
  for (const int threads : {2, 3, 16}) EXPECT_EQ(rounds_on(threads), alone) << threads;
}

TEST(BatchBarrier, ThreadsCallEachShardOnce) {
  for (const int shards : {1, 2, 5}) {
    std::vector<int> calls(static_cast<std::size_t>(shards));
    BatchBarrier barrier(shards, 3);
    barrier.for_each([&](int shard) { ++calls[static_cast<std::size_t>(shard)]; });
    EXPECT_EQ(calls, std::vector<int>(static_cast<std::size_t>(shards), 1));
  }
}

TEST(BatchBarrier, DenormalNumbersCountAsZeroMeanwhile) {
  volatile double small = 1e-310, sum = 1;
  BatchBarrier barrier(1, 1);
  barrier.for_each([&](int) { sum = small * 1.5; });
  EXPECT_EQ(sum, 0);
  EXPECT_GT(small * 1.5, 0);
}

}  // namespace
}  // namespace eligo::test
