// Windows against a walk over the steps, one by one.
#include "runtime/engine/windows.h"

#include <gtest/gtest.h>

#include <vector>

namespace eligo::test {
namespace {

using compiler::WindowRule;

// From the first step on: as many as are left over, or a whole window, and so on.
std::vector<Window> by_hand(const WindowRule& rule, std::int64_t steps) {
  std::vector<Window> all;
  const std::int64_t n = rule.length < 0 ? steps : rule.length;
  std::int64_t first = rule.short_first && steps % n != 0 ? steps % n : n;
  for (std::int64_t start = 0; start < steps; first = n) {
    all.push_back({start, std::min(start + first, steps)});
    start = all.back().end;
  }
  return all;
}

template <class Work>
void for_all(const Work& work) {
  for (const std::int64_t length : {-1, 1, 2, 3, 5, 9})
    for (const bool short_first : {true, false})
      for (const int ahead : {0, 1, 3})
        for (const int beyond : {0, 1, 2, 4})
          for (const std::int64_t steps : {1, 2, 3, 7, 10, 12}) {
            const WindowRule rule{length, short_first, ahead, beyond, true};
            SCOPED_TRACE(testing::Message() << "windows of " << length << ", short first " << short_first << ", ahead "
                                            << ahead << ", beyond " << beyond << ", steps " << steps);
            work(rule, steps, Windows(rule, steps));
          }
}

TEST(Windows, EveryStepLiesInItsOwn) {
  for_all([](const WindowRule& rule, std::int64_t steps, const Windows& windows) {
    for (const Window& w : by_hand(rule, steps))
      for (std::int64_t t = w.start + 1; t <= w.end; ++t) {
        EXPECT_EQ(windows.of(t), w) << t;
        EXPECT_EQ(windows.start_of(t), w.start) << t;
      }
    EXPECT_EQ(windows.start_of(steps + 3), by_hand(rule, steps).back().start);
  });
}

TEST(Windows, EachIsReadyOnceInOrder) {
  for_all([](const WindowRule& rule, std::int64_t steps, const Windows& windows) {
    std::vector<Window> met;
    for (std::int64_t t = 1; t <= steps + rule.beyond; ++t)
      windows.each_ready(t, [&](const Window& w) {
        EXPECT_EQ(t, std::min(w.end + rule.ahead, steps + rule.beyond));
        met.push_back(w);
      });
    EXPECT_EQ(met, by_hand(rule, steps));
  });
}

TEST(Windows, ARunEndsWhereOneIsReady) {
  for_all([](const WindowRule& rule, std::int64_t steps, const Windows& windows) {
    const std::int64_t arrivals = steps + rule.beyond;
    for (const std::int64_t most : {1, 2, 4, 100})
      for (std::int64_t from = 1; from <= arrivals;) {
        const std::int64_t to = windows.run_end(from, arrivals, most);
        ASSERT_GE(to, from);
        EXPECT_LE(to, std::min(arrivals, from + most - 1));
        bool ready = false;
        for (std::int64_t t = from; t < to; ++t) windows.each_ready(t, [&](const Window&) { ready = true; });
        EXPECT_FALSE(ready) << "within " << from << ".." << to;
        windows.each_ready(to, [&](const Window&) { ready = true; });
        EXPECT_TRUE(ready || to == std::min(arrivals, from + most - 1)) << "needlessly short: " << from << ".." << to;
        from = to + 1;
      }
  });
}

TEST(Windows, ARunIsNotCutWhereNothingIsSwept) {
  const Windows windows({3, true, 0, 0, false}, 10);
  EXPECT_EQ(windows.run_end(1, 10, 100), 10);
  EXPECT_EQ(windows.run_end(1, 10, 4), 4);
}

TEST(Windows, TheNextReadyIsNotTheLast) {
  for_all([](const WindowRule& rule, std::int64_t steps, const Windows& windows) {
    for (std::int64_t from = 1; from <= steps + rule.beyond; ++from) {
      std::int64_t want = Windows::none;
      for (const Window& w : by_hand(rule, steps))
        if (w.end < steps && windows.ready(w) >= from) want = std::min(want, windows.ready(w));
      EXPECT_EQ(windows.next_ready(from), want) << from;
    }
  });
}

}  // namespace
}  // namespace eligo::test
