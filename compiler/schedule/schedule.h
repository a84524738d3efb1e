// How a forward recurrence is computed. One rule, several exact ways: the same numbers, in another order.
//
//   dense       the recurrence itself, carried from step to step
//   reverse     a linear trace e[t] = A[t] e[t-1] + U[t] that is only read linearly, learn += δ[t] . e[t], as the
//               transposed recurrence w[t] = δ[t] + w[t+1] A[t+1], learn += w[t] . U[t], on the way back
//   replay      the same walk back, again from every arrival, for that arrival's δ alone: nothing waits for the end
//   replay(k)   no further back than k steps: not exact, so it is `approximate replay(k)`
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/ir/program.h"

namespace eligo::compiler {

struct Schedule {
  enum class Kind { dense, replay, reverse, automatic } kind = Kind::automatic;
  int steps = -1;  // replay: how far back, -1: to the start
  bool approximate = false;
  bool operator==(const Schedule&) const = default;
};

// "dense", "replay", "reverse", "auto", "approximate replay(5)"; nothing for any other text.
std::optional<Schedule> parse_schedule(const std::string& text);
std::string to_string(const Schedule& schedule);

// The recurrences that may be scheduled, by name: what the rule carries forward.
std::vector<int> forward_recurrences(const Program& program);

}  // namespace eligo::compiler
