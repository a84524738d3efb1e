#include "compiler/merge_derivatives.h"

#include <algorithm>
#include <unordered_map>

namespace eligo::compiler {
namespace {

bool same_derivative(Ref a, Ref b) {
  return a->cuts == b->cuts && a->wrt == b->wrt && a->own == b->own && a->dims == b->dims;
}

// One derivative of what all numerators receive together.
Ref joined(Graph& g, const std::vector<Use>& terms) {
  std::vector<std::pair<Ref, std::vector<Use>>> received;
  for (const Use& term : terms)
    for (std::size_t i = 0; i + 1 < term.node->uses.size(); i += 2) {
      Ref a = term.node->uses[i].node;
      auto at = std::find_if(received.begin(), received.end(), [&](const auto& r) { return r.first == a; });
      if (at == received.end()) at = received.insert(at, {a, {}});
      Use u = whole(term.node->uses[i + 1].node);
      u.coefficient = term.coefficient;
      at->second.push_back(u);
    }
  std::vector<std::pair<Ref, Ref>> pairs;
  for (const auto& [a, uses] : received) {
    const bool plain = uses.size() == 1 && uses[0].coefficient == 1;
    pairs.emplace_back(a, plain ? uses[0].node : g.sum(uses, uses[0].node->dims));
  }
  return g.vjp(pairs, terms[0].node->cuts, terms[0].node->wrt, terms[0].node->own);
}

Ref merged(Graph& g, Ref sum) {
  std::vector<Use> rest;
  std::vector<std::vector<Use>> groups;
  for (const Use& use : sum->uses) {
    if (use.node->kind != NodeKind::vjp || !is_whole(use, sum->dims)) {
      rest.push_back(use);
      continue;
    }
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const std::vector<Use>& have) { return same_derivative(have[0].node, use.node); });
    if (group == groups.end()) groups.push_back({use});
    else group->push_back(use);
  }
  bool any = false;
  for (const std::vector<Use>& group : groups) any = any || group.size() > 1;
  if (!any) return sum;
  for (const std::vector<Use>& group : groups)
    rest.push_back(group.size() == 1 ? group[0] : whole(joined(g, group)));
  return g.sum(rest, sum->dims);
}

}  // namespace

void merge_derivatives(Program& program) {
  Graph& g = program.graph;
  std::unordered_map<Ref, Ref> done;
  for (Phase& phase : program.phases)
    for (Root& root : phase.roots) {
      for (Ref node : postorder({root.node})) {
        if (done.contains(node)) continue;
        std::vector<Use> uses = node->uses;
        for (Use& use : uses) use.node = done.at(use.node);
        g.origin = node->origin;
        Ref rebuilt = node->uses.empty() ? node : g.rebuild(node, std::move(uses));
        done[node] = rebuilt->kind == NodeKind::sum ? merged(g, rebuilt) : rebuilt;
      }
      root.node = done.at(root.node);
    }
  g.origin = {};
}

}  // namespace eligo::compiler
