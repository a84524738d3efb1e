// The names of an `at each` block: what its lines define, and the parameters that it revises.
//
// Inside the block `k` is the general index, which the graph writes as its `t`; the step that has arrived, each
// example's own last step at most, is `now`. A line with `t` or `start` on the left holds at that place only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dsl/ast.h"
#include "dsl/time.h"

namespace eligo::compiler {

struct BlockNames {
  struct Revised {  // θ[k+1] = …, θ[start] = …, θ := …
    const dsl::Statement *general = nullptr, *start = nullptr, *assign = nullptr;
    std::vector<int> parameters, running, increments;  // tensors, one a member
  };
  const dsl::Statement* statement = nullptr;
  const dsl::BlockTime* time = nullptr;
  std::map<std::string, const dsl::Statement*> equations;
  std::map<std::string, std::map<dsl::TimeBase, const dsl::Statement*>> boundaries;
  std::map<std::string, Revised> revised;
  std::map<std::string, int> tensors;  // names that are stored along k
  int low = 0, high = 0;               // k runs from start+low to now+high

  bool recurrent(const std::string& name) const {
    const auto found = time->directions.find(name);
    return found != time->directions.end() && found->second != dsl::Direction::none;
  }
  // The left side of a general equation is at k plus this.
  static int shift(const dsl::Statement& general) { return general.time ? general.time->offset : 0; }
};

// Which line of a block is being read: it says what θ[…] of a revised parameter means.
enum class BlockLine {
  general,  // θ[k]: the running copy, before the step at k
  start,    // none: the copy begins here
  assign,   // θ[t]: the running copy when the revision is over
};

}  // namespace eligo::compiler
