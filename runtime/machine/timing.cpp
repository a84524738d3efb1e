#include "runtime/machine/timing.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#ifdef __x86_64__
#include <x86intrin.h>
#endif

namespace eligo {
namespace {

#ifdef __x86_64__
// The counter's rate is constant on every processor since 2008; what it is only the system's clock can tell.
double counted() {
  static const double seconds = [] {
    constexpr double long_enough = 0.02;
    const double start = now(Clock::wall);
    const std::uint64_t first = __rdtsc();
    double passed = 0;
    while (passed < long_enough) passed = now(Clock::wall) - start;
    return passed / static_cast<double>(__rdtsc() - first);
  }();
  return seconds * static_cast<double>(__rdtsc());
}
#else
double counted() { return now(Clock::wall); }
#endif

}  // namespace

double now(Clock clock) {
  if (clock == Clock::counter) return counted();
  timespec time{};
  clock_gettime(clock == Clock::processor ? CLOCK_PROCESS_CPUTIME_ID
                : clock == Clock::thread  ? CLOCK_THREAD_CPUTIME_ID
                                          : CLOCK_MONOTONIC,
                &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

Timing summarise(std::vector<double> samples) {
  Timing t;
  if (samples.empty()) return t;
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double share) {  // between the neighbours, as the usual quartiles are
    const double place = share * static_cast<double>(samples.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, samples.size() - 1);
    return samples[below] + (place - static_cast<double>(below)) * (samples[above] - samples[below]);
  };
  t.median = at(0.5), t.low = at(0.25), t.high = at(0.75), t.best = samples.front();
  t.samples = static_cast<std::int64_t>(samples.size());
  return t;
}

nlohmann::json to_json(const Timing& t) {
  return {{"median", t.median}, {"low", t.low}, {"high", t.high}, {"best", t.best}, {"samples", t.samples}};
}

void Sampler::warm_up(double seconds) {
  constexpr double wanted = 1e-3;
  inner_ = 1;
  double one = 0;
  for (const double patience : {8.0, 1.0}) {  // the first call may have to set things up; of slow ones any will do
    const double start = now(clock_);
    call_();
    one = now(clock_) - start;
    if (one > patience * seconds) {
      samples_.push_back(one);
      return;
    }
  }
  double spent = one;
  while (spent < seconds / 4) {
    const double before = now(clock_);
    for (std::int64_t i = 0; i < inner_; ++i) call_();
    const double took = now(clock_) - before;
    spent += took;
    one = took / static_cast<double>(inner_);
    inner_ = std::clamp<std::int64_t>(static_cast<std::int64_t>(wanted / std::max(one, 1e-9)), 1, 1'000'000);
  }
}

void Sampler::round(double seconds) {
  if (inner_ == 0) {
    warm_up(seconds);
    if (!samples_.empty()) return;
  }
  const double start = now(clock_);
  do {
    const double before = now(clock_);
    for (std::int64_t i = 0; i < inner_; ++i) call_();
    samples_.push_back((now(clock_) - before) / static_cast<double>(inner_));
  } while (now(clock_) - start < seconds);
}

std::string seconds_text(double s) {
  if (s == 0) return "0";
  if (s < 1e-6) return fmt::format("{:.3g} ns", s * 1e9);
  if (s < 1e-3) return fmt::format("{:.3g} µs", s * 1e6);
  return s < 1 ? fmt::format("{:.3g} ms", s * 1e3) : fmt::format("{:.3g} s", s);
}

}  // namespace eligo
