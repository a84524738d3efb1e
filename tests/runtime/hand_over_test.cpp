// What ThreadSanitizer is told of work that TBB shares out: enough that it finds nothing where nothing is wrong, and
// not so much that it misses what is.
#include "runtime/engine/hand_over.h"

#include <gtest/gtest.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <cstdlib>
#include <vector>

namespace eligo::test {
namespace {

// Each piece adds to a number of its own, or all to the same one.
long shared_out(bool racing) {
  std::vector<long> numbers(64);
  long all = 0;
  tbb::task_arena arena(3);
  for (long round = 0; round < 50; ++round) {
    for (long& number : numbers) number += round;
    const auto one = [&](std::size_t piece) {
      for (long k = 0; k < 1000; ++k) numbers[piece] += k;
      if (racing) all += numbers[piece];
    };
    const HandOver work(one);
    arena.execute([&] { tbb::parallel_for(std::size_t{0}, numbers.size(), work, tbb::simple_partitioner()); });
  }
  for (const long number : numbers) all += number;
  return all;
}

TEST(HandOver, ThreadsDoTheWorkOfOne) { EXPECT_EQ(shared_out(false), 64 * 50 * (499500L) + 64 * 1225); }

#ifdef __SANITIZE_THREAD__
TEST(HandOver, TheSanitizerSeesRacingPieces) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto end = [](bool racing) {
    shared_out(racing);
    std::exit(0);
  };
  EXPECT_EXIT(end(false), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(end(true), testing::ExitedWithCode(66), "data race");
}
#endif

}  // namespace
}  // namespace eligo::test
