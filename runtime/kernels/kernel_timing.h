// Times of calls that may take less than a clock can tell apart.
#pragma once

#include <functional>
#include <vector>

namespace eligo {

// The least seconds of a call, from samples of about `budget` seconds together; a sample is as many calls as take long
// enough for the clock.
double least_seconds(const std::function<void()>& call, double budget);

// The same for calls that follow one another, each timed in its place: what one leaves in the caches the next one
// finds.
std::vector<double> least_seconds_in_turn(const std::vector<std::function<void()>>& calls, double budget);

}  // namespace eligo
