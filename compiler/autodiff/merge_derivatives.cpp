#include "compiler/autodiff/merge_derivatives.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/ir/rewrite.h"

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

// A term of a sum, with what scales it.
struct Term {
  Ref node = nullptr;
  double coefficient = 1;
  std::vector<Use> scalars;
};

// The one operand of a product that is read whole, if all others are numbers of an example; else none.
const Use* scaled_operand(Ref node) {
  if (node->kind != NodeKind::contract || node->sum_batch || !node->summed.empty()) return nullptr;
  const Use* found = nullptr;
  for (const Use& use : node->uses) {
    if (use.node->rank() == 0) continue;
    if (found || !is_whole(use, node->dims)) return nullptr;
    found = &use;
  }
  return found;
}

// Sums inside of sums, also behind a scaling, term by term.
void collect(Ref node, double coefficient, const std::vector<Use>& scalars, std::vector<Term>& terms) {
  if (node->kind == NodeKind::sum &&
      std::all_of(node->uses.begin(), node->uses.end(), [&](const Use& use) { return is_whole(use, node->dims); })) {
    for (const Use& use : node->uses) collect(use.node, coefficient * use.coefficient, scalars, terms);
    return;
  }
  if (const Use* operand = node->rank() ? scaled_operand(node) : nullptr) {
    std::vector<Use> more = scalars;
    for (const Use& use : node->uses)
      if (&use != operand) more.push_back(use);
    return collect(operand->node, coefficient * node->number, more, terms);
  }
  terms.push_back({node, coefficient, scalars});
}

Ref scaled(Graph& g, Ref node, const std::vector<Use>& scalars, double coefficient = 1) {
  if (scalars.empty() && coefficient == 1) return node;
  std::vector<Use> factors = scalars;
  factors.push_back(whole(node));
  return g.contract(factors, node->dims, {}, coefficient);
}

// A vjp that receives what scales it: it is linear.
Ref scaled_vjp(Graph& g, const Term& term) {
  std::vector<std::pair<Ref, Ref>> pairs;
  for (std::size_t i = 0; i + 1 < term.node->uses.size(); i += 2)
    pairs.emplace_back(term.node->uses[i].node, scaled(g, term.node->uses[i + 1].node, term.scalars));
  return g.vjp(pairs, term.node->cuts, term.node->wrt, term.node->own);
}

Ref merged(Graph& g, Ref sum) {
  std::vector<Term> terms;
  collect(sum, 1, {}, terms);
  std::vector<std::vector<const Term*>> groups;
  for (const Term& term : terms) {
    if (term.node->kind != NodeKind::vjp) continue;
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& have) { return same_derivative(have[0]->node, term.node); });
    if (group == groups.end()) groups.push_back({&term});
    else group->push_back(&term);
  }
  bool any = false;
  for (const auto& group : groups) any = any || group.size() > 1;
  if (!any) return sum;
  std::vector<Use> uses;
  for (const Term& term : terms) {
    if (term.node->kind == NodeKind::vjp) continue;
    uses.push_back(whole(scaled(g, term.node, term.scalars)));
    uses.back().coefficient = term.coefficient;
  }
  for (const auto& group : groups) {
    std::vector<Use> received;
    for (const Term* term : group) {
      received.push_back(whole(scaled_vjp(g, *term)));
      received.back().coefficient = term->coefficient;
    }
    uses.push_back(received.size() == 1 ? received[0] : whole(joined(g, received)));
  }
  return g.sum(uses, sum->dims);
}

}  // namespace

void merge_derivatives(Program& program) {
  Graph& g = program.graph;
  Rewritten done;
  const auto rule = [&](Ref node, std::vector<Use> uses) {
    Ref rebuilt = g.rebuild(node, std::move(uses));
    return rebuilt->kind == NodeKind::sum ? merged(g, rebuilt) : rebuilt;
  };
  for (Phase& phase : program.phases)
    for (Root& root : phase.roots) root.node = rewrite(g, root.node, done, rule);
}

}  // namespace eligo::compiler
