#include "dsl/recurrences.h"

#include <algorithm>
#include <cstdint>

namespace eligo::dsl {
namespace {

// Depth-first without recursion: appends nodes in the order in which they are finished.
void finish_order(int start, const std::vector<std::vector<int>>& next, std::vector<bool>& seen,
                  std::vector<int>& out) {
  std::vector<std::pair<int, std::size_t>> stack = {{start, 0}};
  seen[static_cast<std::size_t>(start)] = true;
  while (!stack.empty()) {
    auto& [node, at] = stack.back();
    const auto& targets = next[static_cast<std::size_t>(node)];
    if (at == targets.size()) {
      out.push_back(node);
      stack.pop_back();
      continue;
    }
    const int target = targets[at++];
    if (seen[static_cast<std::size_t>(target)]) continue;
    seen[static_cast<std::size_t>(target)] = true;
    stack.emplace_back(target, 0);
  }
}

// Kosaraju: finish the graph of reads, then collect in the reversed graph.
std::vector<std::vector<int>> components(int nodes, const std::vector<ReadEdge>& edges) {
  const auto n = static_cast<std::size_t>(nodes);
  std::vector<std::vector<int>> next(n), reversed(n);
  for (const ReadEdge& e : edges) {
    next[static_cast<std::size_t>(e.from)].push_back(e.to);
    reversed[static_cast<std::size_t>(e.to)].push_back(e.from);
  }
  std::vector<bool> seen(n);
  std::vector<int> order;
  for (int i = 0; i < nodes; ++i) {
    if (!seen[static_cast<std::size_t>(i)]) finish_order(i, next, seen, order);
  }
  std::fill(seen.begin(), seen.end(), false);
  std::vector<std::vector<int>> out;
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    if (seen[static_cast<std::size_t>(*it)]) continue;
    out.emplace_back();
    finish_order(*it, reversed, seen, out.back());
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// A cycle whose weights (sign * offset) sum to 0 or less; empty if every cycle sums to 1 or more.
std::vector<ReadEdge> cycle_against(int sign, int nodes, const std::vector<ReadEdge>& edges) {
  const auto n = static_cast<std::int64_t>(nodes);
  std::vector<std::int64_t> distance(static_cast<std::size_t>(nodes), 0);
  std::vector<const ReadEdge*> came(static_cast<std::size_t>(nodes), nullptr);
  int relaxed = -1;
  for (std::int64_t round = 0; round <= n; ++round) {
    relaxed = -1;
    for (const ReadEdge& e : edges) {
      const std::int64_t through =
          distance[static_cast<std::size_t>(e.from)] + sign * std::int64_t{e.offset} * (n + 1) - 1;
      if (through >= distance[static_cast<std::size_t>(e.to)]) continue;
      distance[static_cast<std::size_t>(e.to)] = through;
      came[static_cast<std::size_t>(e.to)] = &e;
      relaxed = e.to;
    }
    if (relaxed < 0) return {};
  }
  for (std::int64_t i = 0; i < n; ++i) relaxed = came[static_cast<std::size_t>(relaxed)]->from;
  std::vector<ReadEdge> cycle;
  int node = relaxed;
  do {
    const ReadEdge* e = came[static_cast<std::size_t>(node)];
    cycle.push_back(*e);
    node = e->from;
  } while (node != relaxed);
  std::reverse(cycle.begin(), cycle.end());
  return cycle;
}

int sum(const std::vector<ReadEdge>& cycle) {
  int out = 0;
  for (const ReadEdge& e : cycle) out += e.offset;
  return out;
}

void find_direction(Component& c, int nodes, const std::vector<ReadEdge>& edges) {
  auto not_backward = cycle_against(+1, nodes, edges);
  if (not_backward.empty()) {
    c.direction = Direction::backward;
    return;
  }
  auto not_forward = cycle_against(-1, nodes, edges);
  if (not_forward.empty()) {
    c.direction = Direction::forward;
  } else if (sum(not_backward) == 0) {
    c.zero_cycle = std::move(not_backward);
  } else if (sum(not_forward) == 0) {
    c.zero_cycle = std::move(not_forward);
  } else {
    c.past_cycle = std::move(not_backward);
    c.future_cycle = std::move(not_forward);
  }
}

}  // namespace

std::vector<Component> find_recurrences(int nodes, const std::vector<ReadEdge>& edges) {
  std::vector<Component> out;
  std::vector<int> component_of(static_cast<std::size_t>(nodes));
  for (auto& list : components(nodes, edges)) {
    for (const int node : list) component_of[static_cast<std::size_t>(node)] = static_cast<int>(out.size());
    std::sort(list.begin(), list.end());
    out.push_back({std::move(list), Direction::none, {}, {}, {}});
  }
  std::vector<std::vector<ReadEdge>> inner(out.size());
  for (const ReadEdge& e : edges) {
    const int c = component_of[static_cast<std::size_t>(e.from)];
    if (c == component_of[static_cast<std::size_t>(e.to)]) inner[static_cast<std::size_t>(c)].push_back(e);
  }
  // Edges keep the numbers of the whole graph: Bellman and Ford run over its nodes, few in a rule.
  for (std::size_t c = 0; c < out.size(); ++c) {
    if (!inner[c].empty()) find_direction(out[c], nodes, inner[c]);
  }
  return out;
}

}  // namespace eligo::dsl
