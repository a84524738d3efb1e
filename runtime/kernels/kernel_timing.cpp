#include "runtime/kernels/kernel_timing.h"

#include <algorithm>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "runtime/machine/timing.h"

namespace eligo {
namespace {

constexpr double finest = 1e-10;  // no call takes less

// A clock for intervals down to nanoseconds. The system's may step in tens of them; x86 has a counter that does not.
// Nothing that the calls do moves across a look at it.
#if defined(__x86_64__)
double ticks() {
  _mm_lfence();
  const auto count = static_cast<double>(__rdtsc());
  _mm_lfence();
  return count;
}

double measured_tick() {
  constexpr double wait = 5e-3;
  const double start = now(Clock::wall), first = ticks();
  while (now(Clock::wall) - start < wait) {}
  const double last = ticks();
  return (now(Clock::wall) - start) / (last - first);
}
#else
double ticks() { return now(Clock::wall); }
double measured_tick() { return 1; }
#endif

double seconds_of_a_tick() {
  static const double seconds = measured_tick();
  return seconds;
}

// Ticks that it takes to look at the clock: part of every interval.
double look() {
  static const double least = [] {
    double best = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 10000; ++i) {
      const double start = ticks();
      best = std::min(best, ticks() - start);
    }
    return best;
  }();
  return least;
}

// The seconds of what was begun at `start`; what others take from it, the least of many samples leaves out.
double seconds_since(double start) { return std::max(finest, (ticks() - start - look()) * seconds_of_a_tick()); }

}  // namespace

double least_seconds(const std::function<void()>& call, double budget) {
  call();
  double start = ticks();
  call();
  const double once = seconds_since(start);
  const int calls = static_cast<int>(std::clamp(20e-6 / once, 1.0, 1e4));
  double best = once;
  const double begin = now(Clock::wall);
  for (int sample = 0; sample < 3 || now(Clock::wall) - begin < budget; ++sample) {
    start = ticks();
    for (int i = 0; i < calls; ++i) call();
    best = std::min(best, seconds_since(start) / calls);
    if (once > budget) break;  // slow enough for one sample to be good
  }
  return best;
}

std::vector<double> least_seconds_in_turn(const std::vector<std::function<void()>>& calls, double budget) {
  std::vector<double> best(calls.size(), std::numeric_limits<double>::infinity());
  const double begin = now(Clock::wall);
  for (int round = 0; round < 4 || now(Clock::wall) - begin < budget; ++round) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const double start = ticks();
      calls[i]();
      if (const double took = seconds_since(start); round > 0)
        best[i] = std::min(took, best[i]);  // the first one warms up
    }
    if (round > 0 && now(Clock::wall) - begin > 8 * budget) break;
  }
  return best;
}

}  // namespace eligo
