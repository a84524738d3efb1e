// The cycles of names that read each other, and which way each runs.
//
// Nodes are names; an edge says that one reads another at an offset in time. All cycles through a strongly connected
// component must have offsets of one sign: negative runs forward, positive backward. With n nodes, "every cycle sums to
// at least 1" is "no negative cycle" after scaling each weight w to w*(n+1) - 1, which Bellman and Ford decide.
#pragma once

#include <vector>

#include "dsl/ast.h"
#include "dsl/time.h"

namespace eligo::dsl {

struct ReadEdge {
  int from = 0, to = 0;  // `from` reads `to`
  int offset = 0;
  Span span;  // where
};

struct Component {
  std::vector<int> nodes;
  Direction direction = Direction::none;
  // Faults: a cycle of offset 0, or one of each sign.
  std::vector<ReadEdge> zero_cycle;
  std::vector<ReadEdge> past_cycle, future_cycle;
};

// In an order in which every component comes after those it reads.
std::vector<Component> find_recurrences(int nodes, const std::vector<ReadEdge>& edges);

}  // namespace eligo::dsl
