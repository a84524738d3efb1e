// What a longer sequence costs: time a step and memory, which stay the same for a rule that learns as it goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace eligo::bench {

struct Length {
  std::string rule;
  std::int64_t steps = 0;
  double step_seconds = 0;
  double bytes = 0;  // of the session's memory
};

// Whole sequences of one example on a tanh RNN of 32, an update at each step; up to `longest` steps.
std::vector<Length> scaling(std::int64_t longest);
nlohmann::json to_json(const Length& length);

}  // namespace eligo::bench
