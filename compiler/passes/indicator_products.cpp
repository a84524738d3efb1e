#include "compiler/passes/indicator_products.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "compiler/ir/cost_model.h"
#include "compiler/ir/rewrite.h"

namespace eligo::compiler {
namespace {

bool is_product(Ref node) { return node->kind == NodeKind::contract && !node->sum_batch && node->number == 1; }

// Σ o...: wire[o..., i]
bool is_indicator(Ref node) {
  if (!is_product(node) || node->rank() != 1 || node->uses.size() != 1) return false;
  const Use& use = node->uses[0];
  return use.node->kind == NodeKind::wire && use.index.back() == Index::of(0) &&
         use.node->uses[0].node->time.base == When::always;
}

bool mentions(const Use& use, int label) {
  return std::any_of(use.index.begin(), use.index.end(), [&](const Index& i) { return i.mentions(label); });
}

using Indicators = std::unordered_map<int, Ref>;  // by tensor

// Those that the step stores.
Indicators indicators_of(const Program& p) {
  Indicators found;
  for (const Phase& phase : p.phases)
    for (const Root& root : phase.roots) {
      const Tensor& t = p.tensors[static_cast<std::size_t>(root.tensor)];
      if (phase.is(PhaseKind::step) && t.kind == TensorKind::field && !t.masked && is_indicator(root.node))
        found[root.tensor] = root.node;
    }
  return found;
}

// A product under construction, in the labels of its node.
class Restriction {
 public:
  Restriction(Graph& graph, const Indicators& indicators, Ref node)
      : g_(graph), indicators_(indicators), node_(node), factors_(node->uses), summed_(node->summed) {}

  Ref run() {
    pull_out();
    const auto found = indicator();
    if (!found) return node_;
    Use indicator = factors_[*found];
    indicator.node = indicators_.at(indicator.node->tensor);
    const int label = indicator.index[0].label();
    const bool sums = node_->sum_batch || terms(node_->summed) >= cost_model::shared_sum_terms;
    factors_.erase(factors_.begin() + static_cast<std::ptrdiff_t>(*found));
    if (!sum_inside(label) && !sums) return node_;
    append(indicator);
    return g_.contract(factors_, node_->dims, summed_, node_->number, node_->sum_batch);
  }

 private:
  static Extent terms(const std::vector<Extent>& extents) {
    Extent n = 1;
    for (const Extent e : extents) n *= e;
    return n;
  }

  // The factors of a factor, and its sums, become those of the product.
  void append(const Use& factor) {
    std::vector<Index> map = factor.index;
    for (const Extent e : factor.node->summed) {
      map.push_back(Index::of(node_->rank() + static_cast<int>(summed_.size())));
      summed_.push_back(e);
    }
    for (Use inner : factor.node->uses) {
      for (Index& index : inner.index) index = substitute(index, map);
      factors_.push_back(std::move(inner));
    }
  }

  bool indicates(Ref node) const { return node->kind == NodeKind::leaf && indicators_.contains(node->tensor); }

  // Indicators that stand in a pointwise factor come out of it.
  void pull_out() {
    for (std::size_t f = 0; f < factors_.size(); ++f) {
      const Use factor = factors_[f];
      if (!is_product(factor.node) || !factor.node->summed.empty()) continue;
      if (!holds(factor.node)) continue;
      factors_.erase(factors_.begin() + static_cast<std::ptrdiff_t>(f));
      append(factor);
      f = static_cast<std::size_t>(-1);  // again from the first
    }
  }

  // Whether an indicator is among its factors, or theirs.
  bool holds(Ref product) const {
    return std::any_of(product->uses.begin(), product->uses.end(), [&](const Use& use) {
      return indicates(use.node) || (is_product(use.node) && use.node->summed.empty() && holds(use.node));
    });
  }

  // The only one of its label, of far fewer places than that has.
  std::optional<std::size_t> indicator() const {
    std::optional<std::size_t> found;
    for (std::size_t f = 0; f < factors_.size(); ++f) {
      const Use& use = factors_[f];
      if (!indicates(use.node)) continue;
      if (found || !use.index[0].is_label()) return std::nullopt;
      if (2 * terms(indicators_.at(use.node->tensor)->summed) <= use.node->dims[0]) found = f;
    }
    return found;
  }

  // Sums that run for each value of the label are taken within the product.
  bool sum_inside(int label) {
    bool any = false;
    for (std::size_t f = 0; f < factors_.size(); ++f) {
      const Use factor = factors_[f];
      if (!is_product(factor.node) || terms(factor.node->summed) < cost_model::shared_sum_terms ||
          !mentions(factor, label) || node_->sum_batch)
        continue;
      factors_.erase(factors_.begin() + static_cast<std::ptrdiff_t>(f--));
      append(factor);
      any = true;
    }
    return any;
  }

  Graph& g_;
  const Indicators& indicators_;
  Ref node_;
  std::vector<Use> factors_;
  std::vector<Extent> summed_;
};

}  // namespace

void restrict_to_indicators(Program& p) {
  const Indicators indicators = indicators_of(p);
  if (indicators.empty()) return;
  Rewritten done;
  for (Phase& phase : p.phases)
    for (Root& root : phase.roots)
      root.node = rewrite(p.graph, root.node, done, [&](Ref node, std::vector<Use> operands) {
        Ref rebuilt = p.graph.rebuild(node, std::move(operands));
        return rebuilt->kind == NodeKind::contract ? Restriction(p.graph, indicators, rebuilt).run() : rebuilt;
      });
}

}  // namespace eligo::compiler
