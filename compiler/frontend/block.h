// The names of an `at each` block as tensors: what is stored along k, and the parameters that it revises.
//
// Inside the block `k` is the general index, which the graph writes as its `t`; the step that has arrived, each
// example's own last step at most, is `now`. A line with `t` or `start` on the left holds at that index only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dsl/typed_item.h"

namespace eligo::compiler {

struct BlockTensors {
  struct Revised {  // one tensor a member
    std::vector<int> parameters, running, increments;
  };
  const dsl::TypedBlock* lines = nullptr;
  std::size_t number = 0;  // from 1
  std::map<std::string, Revised> revised;
  std::map<std::string, int> stored;  // names that are stored along k

  bool defines(const std::string& name) const { return lines->equations.contains(name); }
  const dsl::TypedEquation& equation(const std::string& name) const { return lines->equations.at(name); }
  // The left side of a general equation is at k plus this.
  static int shift(const dsl::TypedLine& general) { return general.source->time ? general.source->time->offset : 0; }
};

// Which line of a block is being read: it says what θ[…] of a revised parameter means.
enum class BlockLine {
  general,  // θ[k]: the running copy, before the step at k
  start,    // none: the copy begins here
  assign,   // θ[t]: the running copy when the revision is over
};

}  // namespace eligo::compiler
