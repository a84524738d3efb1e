#include "compiler/passes/common_subexpressions.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include <fmt/core.h>

#include "compiler/ir/cost_model.h"
#include "compiler/ir/rewrite.h"

namespace eligo::compiler {
namespace {

class Elimination {
 public:
  explicit Elimination(Program& program) : p_(program) {}

  void run() {
    if (p_.updates_within || p_.adopts || !p_.blocks.empty() || !p_.phase(PhaseKind::step)) return;
    for (const Phase& phase : p_.phases)
      if (const auto lowest = lowest_read(phase))
        for (const Root& root : phase.roots) find(phase, root.node, *lowest);
    std::vector<Root> kept;
    for (Ref node : order_) {
      const Found& found = found_.at(node);
      if (found.places.size() > 1 && !stored(node)) kept.push_back(keep(node));
    }
    if (kept.empty()) return;
    for (Phase& phase : p_.phases)
      if (const auto lowest = lowest_read(phase))
        for (Root& root : phase.roots) root.node = replaced(root.node, *lowest);
    for (Phase& phase : p_.phases)
      if (phase.is(PhaseKind::step))
        for (const Root& root : kept) insert(phase.roots, root);
  }

 private:
  struct Found {
    std::set<std::pair<PhaseKind, int>> places;  // phase and offset from t
    int tensor = -1;
  };

  // The least offset from t at which the phase always finds what a step has kept: no step is taken at a start.
  std::optional<int> lowest_read(const Phase& phase) const {
    if (phase.is(PhaseKind::step) || phase.is(PhaseKind::sweep)) return 0;
    if (phase.is(PhaseKind::arrive) && !p_.at_start) return 0;
    if (phase.is(PhaseKind::sweep_start)) return 1;
    return std::nullopt;
  }

  // The step that a sum is about, if it is worth keeping and follows from that step's state, inputs and parameters.
  std::optional<int> step_of(Ref node) {
    if (const auto known = steps_.find(node); known != steps_.end()) return known->second;
    std::optional<int>& step = steps_[node];
    if (node->kind != NodeKind::contract || node->sum_batch || !node->batched || node->rank() == 0) return step;
    Extent terms = 1;
    for (Extent e : node->summed) terms *= e;
    if (terms < cost_model::shared_sum_terms) return step;
    std::optional<int> offset;
    for (Ref leaf : postorder({node})) {
      if (leaf->kind != NodeKind::leaf) continue;
      const Tensor& t = p_.tensors[static_cast<std::size_t>(leaf->tensor)];
      const bool fixed =
          !t.per_step && (t.kind == TensorKind::param || t.kind == TensorKind::hyper || t.kind == TensorKind::wiring);
      if (fixed) continue;
      const bool of_step = t.kind == TensorKind::state || t.kind == TensorKind::field || t.kind == TensorKind::input;
      if (!of_step || leaf->time.base != When::t || (offset && *offset != leaf->time.offset)) return step;
      offset = leaf->time.offset;
    }
    return steps_[node] = offset;
  }

  // The sum at t, its factors in one order.
  Ref at_t(Ref node, int offset) {
    Ref moved = offset == 0 ? node : shift(p_, node, {When::t, -offset});
    std::vector<Use> factors = moved->uses;
    std::stable_sort(factors.begin(), factors.end(),
                     [](const Use& a, const Use& b) { return a.node->hash < b.node->hash; });
    p_.graph.origin = node->origin;
    return p_.graph.rebuild(moved, std::move(factors));
  }

  void find(const Phase& phase, Ref root, int lowest) {
    for (Ref node : postorder({root})) {
      const auto offset = step_of(node);
      if (!offset || *offset < lowest) continue;
      Ref canonical = at_t(node, *offset);
      if (!found_.contains(canonical)) order_.push_back(canonical);
      found_[canonical].places.insert({phase.kind, *offset});
    }
  }

  // By the step already, as a value of its own.
  bool stored(Ref node) {
    for (const Root& root : p_.phase(PhaseKind::step)->roots)
      if (step_of(root.node) == 0 && at_t(root.node, 0) == node) return true;
    return false;
  }

  Root keep(Ref node) {
    const Root root = p_.add_field(fmt::format("kept.sum{}", ++count_), node, true);
    found_.at(node).tensor = root.tensor;
    return root;
  }

  // As soon as what it reads has been computed, before what reads it.
  static void insert(std::vector<Root>& roots, const Root& root) {
    std::set<int> read;
    for (Ref leaf : postorder({root.node}))
      if (leaf->kind == NodeKind::leaf) read.insert(leaf->tensor);
    std::size_t at = 0;
    for (std::size_t i = 0; i < roots.size(); ++i)
      if (read.contains(roots[i].tensor)) at = i + 1;
    roots.insert(roots.begin() + static_cast<std::ptrdiff_t>(at), root);
  }

  Ref replaced(Ref root, int lowest) {
    return substitute_nodes(p_.graph, root, [&](Ref node) -> Ref {
      const auto offset = step_of(node);
      const auto found = offset && *offset >= lowest ? found_.find(at_t(node, *offset)) : found_.end();
      if (found == found_.end() || found->second.tensor < 0) return nullptr;
      return p_.leaf(found->second.tensor, {When::t, *offset});
    });
  }

  Program& p_;
  std::unordered_map<Ref, std::optional<int>> steps_;
  std::unordered_map<Ref, Found> found_;  // by the node at t
  std::vector<Ref> order_;
  int count_ = 0;
};

}  // namespace

void eliminate_common_subexpressions(Program& program) { Elimination(program).run(); }

}  // namespace eligo::compiler
