// The way back through a recurrence of which only a segment is kept, with steps made up by hand.
#include "runtime/engine/recompute.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/runtime/made_up.h"

namespace eligo::test {
namespace {

using compiler::TensorKind;

// h[t] = 2 h[t-1] + t for two shards of one example; each step also gathers h[t].
struct Steps {
  explicit Steps(std::int64_t segment, std::int64_t run, std::int64_t steps_) : steps(steps_), most(run) {
    h = add_tensor(plan, "h", TensorKind::field, {2});
    gradient = add_tensor(plan, "gradient", TensorKind::gradient);
    gathered = {gradient};
    layout = layout_of(plan, 2, segment + run + 3, 2, true);
    compiler::Segments& s = layout.segments;
    s.steps = segment;
    s.back = s.ahead = 1;
    s.slots = layout.tensors[0].capacity;
    s.checkpoints = steps / segment + 3;
    s.again = {1, 0};
    layout.tensors[0].again = true;
    memory = std::make_unique<Memory>(plan, layout, 2, 2, true);
    recomputation = std::make_unique<Recomputation>(*memory, shard, 1, gathered);
  }
  std::vector<double> at(std::int64_t t) const { return values_at(*memory, h, t, shard); }
  void write(std::int64_t t, std::vector<double> values) {
    for (std::int64_t i = 0; i < 2; ++i)
      memory->write(h, memory->slot(h, t, shard), i, values[static_cast<std::size_t>(i)]);
  }
  void take(std::int64_t from, std::int64_t to) {
    for (std::int64_t t = from; t <= to; ++t) {
      const std::vector<double> before = at(t - 1);
      write(t, {2 * before[0] + static_cast<double>(t), before[1] - static_cast<double>(t)});
      void* sum = memory->shard_gradient(gradient, shard);
      memory->write(gradient, sum, 0, memory->read(gradient, sum, 0) + at(t)[1]);
      taken += 1;
    }
  }
  double sum() const { return memory->read(gradient, memory->shard_gradient(gradient, shard), 0); }
  void forward(std::int64_t first, std::int64_t last) {
    for (std::int64_t from = first; from <= last; from += most) {
      const std::int64_t to = std::min(last, from + most - 1);
      recomputation->hold(from, to, steps, true);
      take(from, to);
    }
  }
  // In runs; what the way back finds of each step, of the one before it and of the one behind it.
  std::vector<double> back(const Window& w) {
    std::vector<double> found;
    for (std::int64_t to = w.end; to > w.start; to -= most) {
      const std::int64_t from = std::max(w.start, to - most) + 1;
      recomputation->reach(from, to, [&](std::int64_t a, std::int64_t b) { take(a, b); });
      for (std::int64_t t = to; t >= from; --t) {
        EXPECT_TRUE(recomputation->holds(h, t));
        for (std::int64_t step : {t, t - 1, t + 1})
          if (step <= w.end) found.insert(found.end(), {at(step)[0], at(step)[1]});
      }
    }
    return found;
  }

  const std::int64_t steps, most;
  static constexpr int shard = 1;
  compiler::Plan plan;
  int h = -1, gradient = -1;
  std::vector<int> gathered;
  compiler::Layout layout;
  std::unique_ptr<Memory> memory;
  std::unique_ptr<Recomputation> recomputation;
  std::int64_t taken = 0;
};

std::vector<double> by_hand(const Window& w) {
  std::vector<std::vector<double>> h = {{0, 0}};
  for (std::int64_t t = 1; t <= w.end; ++t)
    h.push_back({2 * h.back()[0] + static_cast<double>(t), h.back()[1] - static_cast<double>(t)});
  std::vector<double> found;
  for (std::int64_t t = w.end; t > w.start; --t)
    for (const std::int64_t step : {t, t - 1, t + 1})
      if (step <= w.end)
        found.insert(found.end(), {h[static_cast<std::size_t>(step)][0], h[static_cast<std::size_t>(step)][1]});
  return found;
}

TEST(Recomputation, TheWayBackFindsEveryStep) {
  for (const std::int64_t run : {1, 2, 3})
    for (const std::int64_t segment : {3, 4, 6})
      for (const std::int64_t steps : {1, 5, 12, 13}) {
        SCOPED_TRACE(testing::Message() << "segments of " << segment << ", runs of " << run << ", steps " << steps);
        Steps s(segment, run, steps);
        s.forward(1, steps);
        const double sum = s.sum();
        EXPECT_EQ(s.back({0, steps}), by_hand({0, steps}));
        EXPECT_EQ(s.sum(), sum);  // what is computed again counts once
        if (steps > segment + run) {
          EXPECT_GT(s.taken, steps);
        }
        EXPECT_LE(s.taken, 3 * steps);
      }
}

TEST(Recomputation, GoesOnBehindAWindow) {
  Steps s(4, 2, 20);
  s.forward(1, 11);  // one step of the next window is known when this one is complete
  s.recomputation->leave_end({0, 10}, 20);
  EXPECT_EQ(s.back({0, 10}), by_hand({0, 10}));
  s.recomputation->return_to_end({0, 10}, 20);
  s.forward(12, 20);
  s.recomputation->leave_end({10, 20}, 20);
  EXPECT_EQ(s.back({10, 20}), by_hand({10, 20}));
}

TEST(Recomputation, KnowsWhatIsAtHand) {
  Steps s(4, 1, 12);
  s.forward(1, 12);
  EXPECT_FALSE(s.recomputation->holds(s.h, 3));
  EXPECT_TRUE(s.recomputation->holds(s.h, 12));
  EXPECT_TRUE(s.recomputation->holds(s.gradient, 3));  // of no segment
}

TEST(Recomputation, NothingIsSavedWhereAllIsKept) {
  Steps s(4, 1, 12);
  s.layout.segments.steps = 0;
  EXPECT_FALSE(Recomputation(*s.memory, 0, 1, s.gathered).any());
}

}  // namespace
}  // namespace eligo::test
