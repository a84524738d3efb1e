// How long a call takes: medians and spread of many samples, taken in rounds so that others can be measured between.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace eligo {

struct Timing {
  double median = 0, low = 0, high = 0, best = 0;  // seconds of one call; low and high are the quartiles
  std::int64_t samples = 0;
};

// What a set of samples comes to. Empty samples give zeros.
Timing summarise(std::vector<double> samples);
nlohmann::json to_json(const Timing& timing);

// A single thread is timed by what the process computed, so that others on the machine take time from nobody; more than
// one by the clock on the wall. `thread` is what this thread computed. `counter` is the wall's by the processor's own
// counter: a look at it takes some ten nanoseconds, where the system's take hundreds.
enum class Clock { processor, thread, wall, counter };
double now(Clock clock = Clock::wall);  // seconds; goes forward only

// Calls again and again. A sample is the mean of as many calls as take about a millisecond.
class Sampler {
 public:
  Sampler(std::function<void()> call, Clock clock) : call_(std::move(call)), clock_(clock) {}
  // One round: samples for about `seconds`, at least one. The first round is preceded by calls that are not counted.
  void round(double seconds);
  const std::vector<double>& samples() const { return samples_; }
  Timing timing() const { return summarise(samples_); }

 private:
  void warm_up(double seconds);

  std::function<void()> call_;
  Clock clock_;
  std::int64_t inner_ = 0;  // calls of a sample; 0: not warm yet
  std::vector<double> samples_;
};

// "1.23 ms", "45.6 µs".
std::string seconds_text(double seconds);

}  // namespace eligo
