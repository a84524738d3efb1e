#include "compiler/autodiff/differentiate.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <fmt/core.h>

#include "compiler/autodiff/derivative_rules.h"
#include "compiler/autodiff/merge_derivatives.h"
#include "compiler/ir/masks.h"
#include "compiler/ir/rewrite.h"
#include "compiler/passes/cost.h"
#include "compiler/passes/simplify.h"

namespace eligo::compiler {
namespace {

bool lazy(NodeKind kind) { return kind == NodeKind::jac || kind == NodeKind::vjp || kind == NodeKind::jvp; }

// What a step's equations have computed, by the place it is kept.
class Fields {
 public:
  explicit Fields(Program& program) : p_(program) {
    for (const auto& [tensor, root] : p_.definitions) remember(tensor, root);
  }

  // Another derivative. What it does not follow to an equation may be the same node by chance: f(s@t) in the equation of
  // step t + 1, or in a call, is needed at a start too, where no step t has kept it.
  void begin() { canonical_.clear(); }

  // Registers the nodes of an equation moved in time with those at t.
  void expanded(Ref moved, Ref canonical, TimeRef time) {
    if (!canonical_.emplace(moved, std::pair{canonical, time}).second) return;
    for (std::size_t i = 0; i < moved->uses.size(); ++i) expanded(moved->uses[i].node, canonical->uses[i].node, time);
  }

  // The value of a node of an equation: read where it is kept, kept from now on if it is expensive, else computed from such.
  Ref value(Ref node) {
    auto found = canonical_.find(node);
    if (found == canonical_.end() || node->kind == NodeKind::leaf || !node->batched) return node;
    const auto [canonical, time] = found->second;
    if (auto kept = field_.find(canonical); kept != field_.end()) return p_.leaf(kept->second, time);
    if (expensive(canonical)) return p_.leaf(keep(canonical), time);
    std::vector<Use> uses = node->uses;
    for (Use& use : uses) use.node = value(use.node);
    return p_.graph.rebuild(node, std::move(uses));
  }

 private:
  void remember(int tensor, Ref root) {
    if (!p_.tensors[tensor].masked) {
      field_.emplace(root, tensor);
      return;
    }
    // valid * X, whole: X is kept in the tensor
    if (root->kind != NodeKind::contract || root->uses.size() != 2 || !root->summed.empty() || root->number != 1)
      return;
    const Use& flag = root->uses[0];
    const Use& x = root->uses[1];
    if (flag.node->kind != NodeKind::leaf || p_.tensors[flag.node->tensor].flag != Flag::valid) return;
    if (x.node->dims != root->dims) return;
    for (int i = 0; i < root->rank(); ++i)
      if (!x.index[i].is_label() || x.index[i].label() != i) return;
    field_.emplace(x.node, tensor);
  }

  static bool expensive(Ref node) {
    if (node->kind == NodeKind::map) return op_is_expensive(node->op);
    if (node->kind == NodeKind::maximum) return true;
    if (node->kind != NodeKind::contract || node->summed.empty()) return false;
    for (const Use& use : node->uses)  // picking and slicing is not work
      if (use.node->kind == NodeKind::embed) return false;
    return true;
  }

  int keep(Ref canonical) {
    const std::string word = canonical->kind == NodeKind::map ? std::string(op_name(canonical->op)) : "value";
    const Root root = p_.add_field(fmt::format("net.{}{}", word, ++count_), canonical, false);
    p_.definitions[root.tensor] = canonical;
    field_.emplace(canonical, root.tensor);
    for (Phase& phase : p_.phases)
      if (phase.is(PhaseKind::step)) phase.roots.push_back(root);
    return root.tensor;
  }

  Program& p_;
  std::unordered_map<Ref, int> field_;  // node of an equation at t -> tensor that keeps it
  std::unordered_map<Ref, std::pair<Ref, TimeRef>> canonical_;
  int count_ = 0;
};

// An infinite partial derivative counts only where something arrives: what a mask has closed is 0 by then, and 0 times
// infinity would be NaN. So a factor of a partial derivative that may be other than finite is read behind `arrives`,
// which is other than 0 where something does; null: everywhere. `at` says where it is read, in labels of `node`.
void guard(Program& p, Ref node, LocalDerivative& partial, Ref arrives, const std::vector<Index>& at) {
  if (!arrives) return;
  Graph& g = p.graph;
  for (Use& factor : partial.factors) {
    if (is_structural(p, factor.node) || stays_finite(p, factor.node)) continue;
    std::vector<Index> moved(static_cast<std::size_t>(node->labels()));
    std::vector<Extent> dims;
    Use guarded{nullptr, {}, 1};
    for (int l = 0; l < node->labels(); ++l) {
      const auto mentions = [&](const Index& index) { return index.mentions(l); };
      if (!std::any_of(at.begin(), at.end(), mentions) &&
          !std::any_of(factor.index.begin(), factor.index.end(), mentions))
        continue;
      moved[static_cast<std::size_t>(l)] = Index::of(static_cast<int>(dims.size()));
      dims.push_back(node->extent(l));
      guarded.index.push_back(Index::of(l));
    }
    Use condition{arrives, at, 1}, value = factor;
    for (Use* use : {&condition, &value})
      for (Index& index : use->index) index = substitute(index, moved);
    guarded.node = g.map(Op::select, {condition, value, {g.constant(0), {}, 1}}, dims);
    factor = guarded;
  }
}

// Where cotangents arrive at the nodes of a path, as far as masks and indices decide it.
class Arrivals {
 public:
  explicit Arrivals(Program& program) : p_(program) {}

  void everywhere(Ref node) { everywhere_.insert(node); }
  void from_leaf(Ref leaf, Ref equation) { from_[equation].push_back({leaf, none}); }
  void pulled(Ref from, std::size_t operand, const LocalDerivative& partial) {
    From f{from, operand, {}};
    for (const Use& factor : partial.factors)
      if (is_structural(p_, factor.node)) f.masks.push_back(factor);
    from_[from->uses[operand].node].push_back(std::move(f));
  }

  // Other than 0 where something arrives; null: everywhere.
  Ref at(Ref node) {
    if (everywhere_.contains(node)) return nullptr;
    if (const auto known = known_.find(node); known != known_.end()) return known->second;
    Graph& g = p_.graph;
    std::vector<Use> terms;
    bool whole_node = false;
    for (const From& from : from_.at(node)) {
      Ref above = at(from.node);
      if (from.operand == none) {
        whole_node = whole_node || !above;
        if (above) terms.push_back(whole(above));
        continue;
      }
      const Use& use = from.node->uses[from.operand];
      whole_node = whole_node || (!above && from.masks.empty() && reads_all(use, *from.node));
      if (!whole_node) terms.push_back(whole(spread(from, above)));
    }
    return known_[node] = whole_node ? nullptr : terms.size() == 1 ? terms[0].node : g.sum(terms, node->dims);
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  struct From {
    Ref node;
    std::size_t operand;
    std::vector<Use> masks = {};  // of the partial derivative
  };

  // Every place of the operand is read by a label of its own.
  static bool reads_all(const Use& use, const Node& by) {
    std::vector<int> seen;
    for (std::size_t axis = 0; axis < use.index.size(); ++axis) {
      const Index& index = use.index[axis];
      if (!index.is_label() || by.extent(index.label()) != use.node->dims[axis]) return false;
      if (std::find(seen.begin(), seen.end(), index.label()) != seen.end()) return false;
      seen.push_back(index.label());
    }
    return true;
  }

  // How many places of a node give something to each place of its operand.
  Ref spread(const From& from, Ref above) {
    Graph& g = p_.graph;
    const Node& node = *from.node;
    const Use& use = node.uses[from.operand];
    const int rank = use.node->rank();
    std::vector<Extent> labels = node.dims;
    labels.insert(labels.end(), node.summed.begin(), node.summed.end());
    std::vector<Index> shift;
    for (int l = 0; l < node.labels(); ++l) shift.push_back(Index::of(rank + l));
    std::vector<Use> factors = from.masks;
    if (above) factors.push_back(whole(above));
    for (Use& factor : factors)
      for (Index& index : factor.index) index = substitute(index, shift);
    for (int axis = 0; axis < rank; ++axis) factors.push_back(placed(g, node, use, axis, axis, shift));
    return g.contract(factors, use.node->dims, labels);
  }

 public:
  // [axis == where the operand reads it]: what leads a cotangent back to its place.
  static Use placed(Graph& g, const Node& node, const Use& use, int axis, int label, const std::vector<Index>& moved) {
    const Index& index = use.index[static_cast<std::size_t>(axis)];
    std::vector<Extent> small, strides;
    Use embed{nullptr, {Index::of(label)}, 1};
    for (const Index::Term& term : index.terms) {
      small.push_back(node.extent(term.label));
      strides.push_back(term.stride);
      embed.index.push_back(moved[static_cast<std::size_t>(term.label)]);
    }
    embed.node = g.embed(use.node->dims[static_cast<std::size_t>(axis)], index.offset, small, strides);
    return embed;
  }

 private:
  Program& p_;
  std::unordered_set<Ref> everywhere_;
  std::unordered_map<Ref, std::vector<From>> from_;
  std::unordered_map<Ref, Ref> known_;
};

class Differentiator {
 public:
  Differentiator(Program& program, std::int64_t batch)
      : p_(program), g_(program.graph), fields_(program), batch_(batch) {}

  Ref resolve(Ref root) {
    return rewrite(g_, root, done_, [&](Ref node, std::vector<Use> uses) {
      Ref rebuilt = g_.rebuild(node, std::move(uses));
      return lazy(node->kind) ? replace(rebuilt) : rebuilt;
    });
  }

 private:
  // The nodes between some numerators and the cuts, operands first; leaves of the own step lead to their equations.
  struct Path {
    std::vector<Ref> order;
    std::unordered_map<Ref, Ref> equation;  // leaf -> its definition
    std::unordered_map<Ref, int> cut;       // leaf -> which
    std::unordered_set<Ref> reaches;
  };

  Path path(const std::vector<Ref>& numerators, Ref derivative) {
    Path result;
    std::unordered_set<Ref> seen;
    fields_.begin();
    for (Ref a : numerators) walk(a, derivative, result, seen);
    return result;
  }

  bool walk(Ref node, Ref derivative, Path& result, std::unordered_set<Ref>& seen) {
    if (!seen.insert(node).second) return result.reaches.contains(node);
    bool reaches = false;
    if (node->kind == NodeKind::leaf) {
      for (std::size_t c = 0; c < derivative->cuts.size(); ++c) {
        Ref cut = derivative->cuts[c];
        const bool is_param = p_.tensors[node->tensor].kind == TensorKind::param;
        if (node->tensor != cut->tensor || (!is_param && node->time != cut->time)) continue;
        result.cut[node] = static_cast<int>(c);
        reaches = true;
      }
      if (!reaches && node->time == derivative->own)
        if (Ref definition = p_.definition(node->tensor, node->time)) {
          if (walk(definition, derivative, result, seen)) {
            fields_.expanded(definition, p_.definitions.at(node->tensor), node->time);
            result.equation[node] = definition;
            reaches = true;
          }
        }
    } else if (node->kind != NodeKind::stop) {
      for (const Use& use : node->uses) reaches = walk(use.node, derivative, result, seen) || reaches;
    }
    if (reaches) {
      result.reaches.insert(node);
      result.order.push_back(node);
    }
    return reaches;
  }

  Ref zero(Ref like) { return g_.sum({}, like->dims); }

  Ref replace(Ref node) {
    if (node->kind == NodeKind::jac) return form(node, node->uses[0].node, node->wrt);
    if (node->kind == NodeKind::vjp) {
      std::vector<std::pair<Ref, Ref>> seeds;
      for (std::size_t i = 0; i < node->uses.size(); i += 2)
        seeds.emplace_back(node->uses[i].node, node->uses[i + 1].node);
      Ref result = push_left(node, seeds)[node->wrt];
      return result ? result : zero(node);
    }
    Ref pushed = push_right(node);
    if (!pushed) return zero(node);
    Ref formed = form_and_multiply(node);
    const double push_cost = cost_of(p_, simplify(p_, pushed), batch_),
                 form_cost = cost_of(p_, simplify(p_, formed), batch_);
    return form_cost < push_cost ? formed : pushed;
  }

  // d(a)/d(cut): a cotangent for every coordinate of a.
  Ref form(Ref derivative, Ref a, int wrt) {
    const int rank = a->rank();
    std::vector<Extent> dims = a->dims;
    dims.insert(dims.end(), a->dims.begin(), a->dims.end());
    std::vector<Use> deltas;
    for (int i = 0; i < rank; ++i) deltas.push_back({g_.identity(a->dims[i]), {Index::of(i), Index::of(rank + i)}, 1});
    Ref seed = g_.contract(deltas, dims, {});
    Ref result = push_left(derivative, {{a, seed}})[wrt];
    if (result) return result;
    std::vector<Extent> out = a->dims;
    out.insert(out.end(), derivative->cuts[wrt]->dims.begin(), derivative->cuts[wrt]->dims.end());
    return g_.sum({}, out);
  }

  Ref form_and_multiply(Ref node) {
    Ref a = node->uses[0].node;
    std::vector<Use> terms;
    for (std::size_t k = 1; k < node->uses.size(); ++k) {
      Ref v = node->uses[k].node;
      Ref jacobian = form(node, a, static_cast<int>(k) - 1);
      const int inner = node->cuts[k - 1]->rank(), rank = node->rank(), extra = v->rank() - inner;
      Use left{jacobian, {}, 1}, right{v, {}, 1};
      for (int i = 0; i < a->rank(); ++i) left.index.push_back(Index::of(i));
      for (int i = 0; i < inner; ++i) {
        left.index.push_back(Index::of(rank + i));
        right.index.push_back(Index::of(rank + i));
      }
      for (int i = 0; i < extra; ++i) right.index.push_back(Index::of(a->rank() + i));
      terms.push_back(whole(g_.contract({left, right}, node->dims, node->cuts[k - 1]->dims)));
    }
    return g_.sum(terms, node->dims);
  }

  // Cotangents of all cuts, [extra..., axes of the cut]; null where nothing depends on one. A bundle's are pushed
  // together.
  const std::vector<Ref>& push_left(Ref derivative, const std::vector<std::pair<Ref, Ref>>& seeds) {
    auto& memo = left_[{seeds, {derivative->cuts, derivative->own}}];
    if (!memo.empty()) return memo;
    std::vector<Ref> numerators;
    for (const auto& [a, u] : seeds) numerators.push_back(a);
    Path through = path(numerators, derivative);
    const int extra = seeds[0].second->rank() - seeds[0].first->rank();
    const std::vector<Extent> extents(seeds[0].second->dims.begin(), seeds[0].second->dims.begin() + extra);
    std::unordered_map<Ref, std::vector<Use>> terms;
    Arrivals arrivals(p_);
    for (const auto& [a, u] : seeds) {
      terms[a].push_back(whole(u));
      arrivals.everywhere(a);
    }
    std::vector<std::vector<Use>> at_cut(derivative->cuts.size());
    for (auto it = through.order.rbegin(); it != through.order.rend(); ++it) {
      Ref node = *it;
      auto have = terms.find(node);
      if (have == terms.end()) continue;
      std::vector<Extent> dims = extents;
      dims.insert(dims.end(), node->dims.begin(), node->dims.end());
      Ref cotangent = have->second.size() == 1 ? have->second[0].node : g_.sum(have->second, dims);
      if (auto cut = through.cut.find(node); cut != through.cut.end()) {
        at_cut[cut->second].push_back(whole(cotangent));
      } else if (auto equation = through.equation.find(node); equation != through.equation.end()) {
        terms[equation->second].push_back(whole(cotangent));
        arrivals.from_leaf(node, equation->second);
      } else {
        for (std::size_t i = 0; i < node->uses.size(); ++i)
          if (through.reaches.contains(node->uses[i].node))
            if (Ref term = pull(node, i, cotangent, extents, arrivals))
              terms[node->uses[i].node].push_back(whole(term));
      }
    }
    std::vector<Ref> result;
    for (std::size_t c = 0; c < at_cut.size(); ++c) {
      std::vector<Extent> dims = extents;
      dims.insert(dims.end(), derivative->cuts[c]->dims.begin(), derivative->cuts[c]->dims.end());
      result.push_back(at_cut[c].empty()       ? nullptr
                       : at_cut[c].size() == 1 ? at_cut[c][0].node
                                               : g_.sum(at_cut[c], dims));
    }
    return left_[{seeds, {derivative->cuts, derivative->own}}] = result;
  }

  // What operand i of a node receives from the node's cotangent.
  Ref pull(Ref node, std::size_t i, Ref cotangent, const std::vector<Extent>& extents, Arrivals& arrivals) {
    auto parts = local(p_, node, i, [&](Ref n) { return fields_.value(n); });
    if (!parts) return nullptr;
    arrivals.pulled(node, i, *parts);
    if (std::any_of(parts->factors.begin(), parts->factors.end(),
                    [&](const Use& factor) { return !stays_finite(p_, factor.node); }))
      guard(p_, node, *parts, arrivals.at(node), whole(node).index);
    const Use& use = node->uses[i];
    const int extra = static_cast<int>(extents.size()), out = extra + use.node->rank();
    std::vector<Extent> dims = extents;
    dims.insert(dims.end(), use.node->dims.begin(), use.node->dims.end());
    std::vector<Extent> summed = node->dims;
    summed.insert(summed.end(), node->summed.begin(), node->summed.end());
    auto moved = [&](int label) { return Index::of(out + label); };  // a label of the node
    std::vector<Use> factors;
    Use c{cotangent, {}, 1};
    for (int e = 0; e < extra; ++e) c.index.push_back(Index::of(e));
    for (int d = 0; d < node->rank(); ++d) c.index.push_back(moved(d));
    factors.push_back(c);
    std::vector<Index> shift;
    for (int l = 0; l < node->labels(); ++l) shift.push_back(moved(l));
    for (Use factor : parts->factors) {
      for (Index& index : factor.index) index = substitute(index, shift);
      factors.push_back(factor);
    }
    for (int axis = 0; axis < use.node->rank(); ++axis)  // where the operand was read, its cotangent goes
      factors.push_back(Arrivals::placed(g_, *node, use, axis, extra + axis, shift));
    return g_.contract(factors, dims, summed, parts->coefficient);
  }

  // The tangent of a node, [axes..., extra...]; null where it does not depend on the cuts.
  Ref push_right(Ref derivative) {
    Ref a = derivative->uses[0].node;
    Path through = path({a}, derivative);
    const int cut_rank = derivative->cuts[0]->rank();
    const std::vector<Extent> extents(derivative->uses[1].node->dims.begin() + cut_rank,
                                      derivative->uses[1].node->dims.end());
    std::unordered_map<Ref, Ref> tangent, moves;  // `moves`: other than 0 where a node has one; null: everywhere
    for (Ref node : through.order) {
      if (auto cut = through.cut.find(node); cut != through.cut.end()) {
        const auto k = static_cast<std::size_t>(cut->second) + 1;
        if (k < derivative->uses.size()) tangent[node] = derivative->uses[k].node;
      } else if (auto equation = through.equation.find(node); equation != through.equation.end()) {
        if (auto t = tangent.find(equation->second); t != tangent.end()) {
          tangent[node] = t->second;
          moves[node] = moves[equation->second];
        }
      } else {
        std::vector<Use> terms, moving;
        bool everywhere = false;
        for (std::size_t i = 0; i < node->uses.size(); ++i)
          if (auto t = tangent.find(node->uses[i].node); t != tangent.end())
            if (auto parts = local(p_, node, i, [&](Ref n) { return fields_.value(n); })) {
              const auto term_moves = moving_by(node, i, *parts, moves[node->uses[i].node]);
              everywhere = everywhere || !term_moves;
              if (term_moves) moving.push_back(whole(term_moves));
              guard(p_, node, *parts, moves[node->uses[i].node], node->uses[i].index);
              terms.push_back(whole(advance(node, i, *parts, t->second, extents)));
            }
        if (terms.empty()) continue;
        moves[node] = everywhere ? nullptr : g_.sum(moving, node->dims);
        std::vector<Extent> dims = node->dims;
        dims.insert(dims.end(), extents.begin(), extents.end());
        tangent[node] = terms.size() == 1 ? terms[0].node : g_.sum(terms, dims);
      }
    }
    auto found = tangent.find(a);
    return found == tangent.end() ? nullptr : found->second;
  }

  // Where a node moves with its operand; null: everywhere.
  Ref moving_by(Ref node, std::size_t i, const LocalDerivative& partial, Ref operand) {
    std::vector<Use> factors;
    for (const Use& factor : partial.factors)
      if (is_structural(p_, factor.node)) factors.push_back(factor);
    if (operand) factors.push_back({operand, node->uses[i].index, 1});
    return factors.empty() ? nullptr : g_.contract(factors, node->dims, node->summed);
  }

  Ref advance(Ref node, std::size_t i, const LocalDerivative& parts, Ref tangent, const std::vector<Extent>& extents) {
    const int rank = node->rank(), extra = static_cast<int>(extents.size());
    std::vector<Index> shift;
    for (int l = 0; l < node->labels(); ++l) shift.push_back(Index::of(l < rank ? l : l + extra));
    std::vector<Use> factors;
    Use t{tangent, {}, 1};
    for (const Index& index : node->uses[i].index) t.index.push_back(substitute(index, shift));
    for (int e = 0; e < extra; ++e) t.index.push_back(Index::of(rank + e));
    factors.push_back(t);
    for (Use factor : parts.factors) {
      for (Index& index : factor.index) index = substitute(index, shift);
      factors.push_back(factor);
    }
    std::vector<Extent> dims = node->dims;
    dims.insert(dims.end(), extents.begin(), extents.end());
    return g_.contract(factors, dims, node->summed, parts.coefficient);
  }

  using Seeds = std::vector<std::pair<Ref, Ref>>;
  Program& p_;
  Graph& g_;
  Fields fields_;
  std::int64_t batch_;
  Rewritten done_;
  std::map<std::pair<Seeds, std::pair<std::vector<Ref>, TimeRef>>, std::vector<Ref>> left_;
};

}  // namespace

void differentiate(Program& program, std::int64_t batch) {
  merge_derivatives(program);
  {
    Differentiator inner(program, batch);  // equations that contain derivatives themselves
    std::vector<std::pair<int, Ref>> equations(program.definitions.begin(), program.definitions.end());
    for (auto& [tensor, root] : equations) {
      Ref resolved = inner.resolve(root);
      if (resolved == root) continue;
      program.definitions[tensor] = resolved;
      for (Phase& phase : program.phases)
        for (Root& r : phase.roots)
          if (phase.is(PhaseKind::step) && r.tensor == tensor) r.node = resolved;
    }
    program.forget_shifted();
  }
  Differentiator d(program, batch);
  for (std::size_t i = 0; i < program.phases.size(); ++i)
    for (std::size_t k = 0; k < program.phases[i].roots.size(); ++k) {
      Ref resolved = d.resolve(program.phases[i].roots[k].node);
      program.phases[i].roots[k].node = resolved;
    }
  program.graph.origin = {};
}

}  // namespace eligo::compiler
