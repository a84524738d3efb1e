// Rewriting a graph from its leaves to its root: the one loop that passes share.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/ir/graph.h"

namespace eligo::compiler {

// What nodes have become.
using Rewritten = std::unordered_map<Ref, Ref>;

// Rewrites all nodes below `root`, operands first, each once: `rule(node, operands)` returns the replacement, where
// `operands` are the node's uses of rewritten nodes. Nodes that are made carry the origin of the node that they replace.
// Entries of `done` are taken as they are, and are added for every node.
template <class Rule>
Ref rewrite(Graph& graph, Ref root, Rewritten& done, Rule&& rule) {
  const Origin before = graph.origin;
  for (Ref node : postorder({root})) {
    if (done.contains(node)) continue;
    std::vector<Use> operands = node->uses;
    for (Use& use : operands) use.node = done.at(use.node);
    graph.origin = node->origin;
    Ref replacement = rule(node, std::move(operands));
    done[node] = replacement;
  }
  graph.origin = before;
  return done.at(root);
}

template <class Rule>
Ref rewrite(Graph& graph, Ref root, Rule&& rule) {
  Rewritten done;
  return rewrite(graph, root, done, std::forward<Rule>(rule));
}

// Replaces nodes by those that `replacement` gives for them, or null.
template <class Replacement>
Ref substitute_nodes(Graph& graph, Ref root, Replacement&& replacement) {
  return rewrite(graph, root, [&](Ref node, std::vector<Use> operands) {
    Ref by = replacement(node);
    return by ? by : graph.rebuild(node, std::move(operands));
  });
}

}  // namespace eligo::compiler
