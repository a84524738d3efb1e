#include "compiler/passes/contraction_order.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "compiler/ir/masks.h"
#include "compiler/ir/rewrite.h"
#include "compiler/passes/simplify.h"

namespace eligo::compiler {
namespace {

constexpr std::size_t most_exact = 9;  // factors up to which all orders are tried

using Set = std::uint32_t;  // of factors, or of labels

class Order {
 public:
  Order(Program& program, Ref node, std::int64_t batch)
      : p_(program), g_(program.graph), node_(node), batch_(static_cast<double>(batch)) {}

  Ref operator()() {
    const auto& all = node_->uses;
    if (node_->labels() > 30 || all.size() > 24) return node_;
    // What a mask closes must not have been multiplied by infinity before: then it stands in every step that it can.
    const bool finite =
        std::all_of(all.begin(), all.end(), [&](const Use& use) { return stays_finite(p_, use.node); });
    const bool masked = std::any_of(all.begin(), all.end(), [&](const Use& use) { return is_mask(p_, use.node); });
    for (const Use& use : all) {
      const bool structural = use.node->kind == NodeKind::embed || use.node->kind == NodeKind::wire;
      const bool scalar = use.node->rank() == 0 && (!use.node->batched || !node_->sum_batch) &&
                          (!masked || stays_finite(p_, use.node));
      const bool mask = !finite && is_mask(p_, use.node);
      (structural ? structural_ : scalar ? scalars_ : mask ? masks_ : factors_).push_back(use);
    }
    if (node_->summed.empty() && !node_->sum_batch) return node_;
    const bool absorbed = absorb_masks();
    if (factors_.size() <= 2 && !absorbed) return node_;
    if (!structural_.empty()) {  // what they tie together is decided by indices, which an intermediate would lose
      for (const Use& use : structural_)
        for (const Index& index : use.index)
          for (const Index::Term& t : index.terms)
            if (t.label >= node_->rank()) return node_;
    }
    if (factors_.size() <= 2) return finish(factors_);
    for (const Use& use : factors_) labels_.push_back(labels_of(use));
    out_ = (Set{1} << node_->rank()) - 1;
    for (const Use& mask : masks_) out_ |= labels_of(mask);
    return factors_.size() <= most_exact ? exact() : greedy();
  }

 private:
  struct Part {
    double cost = std::numeric_limits<double>::infinity();
    Set left = 0, right = 0;
  };

  // A mask that all factors which may be infinite can be read behind goes there, and all that is left is finite.
  bool absorb_masks() {
    const auto finite = [&](const Use& use) { return stays_finite(p_, use.node); };
    std::vector<Use> wide, absorbed;
    for (const Use& mask : masks_) {
      const bool fits = std::all_of(factors_.begin(), factors_.end(), [&](const Use& use) {
        return finite(use) || (labels_of(mask) & ~labels_of(use)) == 0;
      });
      (fits && !std::all_of(factors_.begin(), factors_.end(), finite) ? absorbed : wide).push_back(mask);
    }
    masks_ = wide;
    if (absorbed.empty()) return false;
    for (Use& use : factors_)
      if (!finite(use)) use = behind(use, absorbed);
    return true;
  }

  // The factor where all the masks are 1, over the same labels.
  Use behind(const Use& use, const std::vector<Use>& masks) {
    std::vector<Index> map(static_cast<std::size_t>(node_->labels()));
    std::vector<Extent> dims;
    Use masked{nullptr, {}, 1};
    for (int l = 0; l < node_->labels(); ++l)
      if (labels_of(use) >> l & 1) {
        map[static_cast<std::size_t>(l)] = Index::of(static_cast<int>(dims.size()));
        dims.push_back(node_->extent(l));
        masked.index.push_back(Index::of(l));
      }
    std::vector<Use> factors = masks;
    factors.push_back(use);
    for (Use& f : factors)
      for (Index& index : f.index) index = substitute(index, map);
    masked.node = g_.contract(factors, dims, {});
    return masked;
  }

  static Set labels_of(const Use& use) {
    Set s = 0;
    for (const Index& index : use.index)
      for (const Index::Term& t : index.terms) s |= Set{1} << t.label;
    return s;
  }

  Set joint(Set set) const {
    Set s = 0;
    for (std::size_t i = 0; i < factors_.size(); ++i)
      if (set >> i & 1) s |= labels_[i];
    return s;
  }
  // Labels that something outside the set still needs.
  Set kept(Set set) const {
    const Set everything = (Set{1} << factors_.size()) - 1;
    return joint(set) & (out_ | joint(everything & ~set));
  }
  bool batched(Set set) const {
    for (std::size_t i = 0; i < factors_.size(); ++i)
      if ((set >> i & 1) && factors_[i].node->batched) return true;
    return false;
  }
  double size(Set labels) const {
    double n = 1;
    for (int l = 0; l < node_->labels(); ++l)
      if (labels >> l & 1) n *= static_cast<double>(node_->extent(l));
    return n;
  }

  double step_cost(Set a, Set b) const {
    const Set both = a | b;
    const double examples = batched(both) ? batch_ : 1;
    const Set over = kept(a) | kept(b), result = kept(both);
    // Scaling a tensor of the result's own extents is fused into the loops that make or read it.
    const bool scales_a = over == result && kept(a) == result && batched(a) == batched(both);
    const bool scales_b = over == result && kept(b) == result && batched(b) == batched(both);
    const double operations = size(over) * examples * (over == result ? (scales_a || scales_b ? 0.1 : 1) : 2);
    const bool final = both == (Set{1} << factors_.size()) - 1;
    return operations + (final ? 0 : 4 * size(result) * examples);
  }

  Ref exact() {
    const Set everything = (Set{1} << factors_.size()) - 1;
    std::vector<Part> best(everything + 1);
    for (Set set = 1; set <= everything; ++set) {
      if ((set & (set - 1)) == 0) {
        best[set].cost = 0;
        continue;
      }
      for (Set a = (set - 1) & set; a; a = (a - 1) & set) {
        const Set b = set & ~a;
        if (a < b) continue;
        const double cost = best[a].cost + best[b].cost + step_cost(a, b);
        if (cost < best[set].cost) best[set] = {cost, a, b};
      }
    }
    return finish({build(best, best[everything].left), build(best, best[everything].right)});
  }

  Use build(const std::vector<Part>& best, Set set) {
    if ((set & (set - 1)) == 0) {
      for (std::size_t i = 0; i < factors_.size(); ++i)
        if (set >> i & 1) return factors_[i];
    }
    return join(build(best, best[set].left), build(best, best[set].right), kept(set));
  }

  // The product of two, as a node whose axes are the labels still needed.
  Use join(const Use& a, const Use& b, Set keep) {
    std::vector<Extent> dims, summed;
    std::vector<Index> map(node_->labels(), Index::at(0));
    Use use{nullptr, {}, 1};
    for (int l = 0; l < node_->labels(); ++l)
      if (keep >> l & 1) {
        map[l] = Index::of(static_cast<int>(dims.size()));
        dims.push_back(node_->extent(l));
        use.index.push_back(Index::of(l));
      }
    const Set all = labels_of(a) | labels_of(b);
    for (int l = 0; l < node_->labels(); ++l)
      if ((all >> l & 1) && !(keep >> l & 1)) {
        map[l] = Index::of(static_cast<int>(dims.size() + summed.size()));
        summed.push_back(node_->extent(l));
      }
    std::vector<Use> factors = {a, b};
    if (factors[1].node->hash < factors[0].node->hash) std::swap(factors[0], factors[1]);
    for (const Use& mask : masks_)
      if ((labels_of(mask) & ~all) == 0) factors.push_back(mask);
    for (Use& f : factors)
      for (Index& index : f.index) index = substitute(index, map);
    use.node = g_.contract(factors, dims, summed);
    return use;
  }

  Ref finish(std::vector<Use> factors) {
    Set all = 0;
    for (const Use& use : factors) all |= labels_of(use);
    factors.insert(factors.end(), masks_.begin(), masks_.end());
    factors.insert(factors.end(), scalars_.begin(), scalars_.end());
    factors.insert(factors.end(), structural_.begin(), structural_.end());
    for (const Use& mask : masks_) all |= labels_of(mask);
    std::vector<Extent> summed;
    std::vector<Index> map;
    for (int l = 0; l < node_->rank(); ++l) map.push_back(Index::of(l));
    for (int l = node_->rank(); l < node_->labels(); ++l) {
      map.push_back(Index::of(node_->rank() + static_cast<int>(summed.size())));
      if (all >> l & 1) summed.push_back(node_->extent(l));
    }
    for (Use& f : factors)
      for (Index& index : f.index) index = substitute(index, map);
    return g_.contract(factors, node_->dims, summed, node_->number, node_->sum_batch);
  }

  // Too many factors to try all orders: the cheapest pair, again and again.
  Ref greedy() {
    std::vector<std::pair<Use, Set>> parts;
    for (std::size_t i = 0; i < factors_.size(); ++i) parts.emplace_back(factors_[i], Set{1} << i);
    while (parts.size() > 2) {
      double best = std::numeric_limits<double>::infinity();
      std::size_t bi = 0, bj = 1;
      for (std::size_t i = 0; i < parts.size(); ++i)
        for (std::size_t j = i + 1; j < parts.size(); ++j)
          if (const double c = step_cost(parts[i].second, parts[j].second); c < best) {
            best = c;
            bi = i;
            bj = j;
          }
      const Set both = parts[bi].second | parts[bj].second;
      const Use joined = join(parts[bi].first, parts[bj].first, kept(both));
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(bj));
      parts[bi] = {joined, both};
    }
    return finish({parts[0].first, parts[1].first});
  }

  Program& p_;
  Graph& g_;
  Ref node_;
  double batch_;
  std::vector<Use> factors_, structural_, scalars_;  // scalars scale the result
  std::vector<Use> masks_;                           // where another factor may be infinite
  std::vector<Set> labels_;
  Set out_ = 0;
};

class Contractor {
 public:
  Contractor(Program& program, std::int64_t batch) : p_(program), batch_(batch) {}

  Ref operator()(Ref root) {
    return rewrite(p_.graph, root, done_, [&](Ref node, std::vector<Use> uses) {
      Ref rebuilt = p_.graph.rebuild(node, std::move(uses));
      return rebuilt->kind == NodeKind::contract ? Order(p_, rebuilt, batch_)() : rebuilt;
    });
  }

 private:
  Program& p_;
  std::int64_t batch_;
  Rewritten done_;
};

}  // namespace

Ref order_contractions(Program& program, Ref root, std::int64_t batch) { return Contractor(program, batch)(root); }

void order_contractions(Program& program, std::int64_t batch) {
  Contractor contractor(program, batch);
  for (Phase& phase : program.phases)
    for (Root& root : phase.roots) root.node = contractor(root.node);
}

}  // namespace eligo::compiler
