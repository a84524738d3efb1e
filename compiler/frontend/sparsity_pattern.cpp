#include "compiler/frontend/sparsity_pattern.h"

#include <algorithm>

#include "compiler/autodiff/derivative_rules.h"
#include "compiler/passes/simplify.h"

namespace eligo::compiler {

Value Pattern::nonzero(const Value& a) {
  Value counts = v_.form(a);
  for (auto& [key, block] : counts.blocks) block = count(block);
  return at_most_one(counts);
}

Value Pattern::reach(const Value& a, const Value& b, int products) {
  const bool square = a.axes.size() == 2 && a.axes[0].key == a.axes[1].key;
  if (!square || b.axes.empty() || b.axes[0].key != a.axes[0].key)
    throw ShapeError("reach(a, b, n) needs a square a, [s, s], and a b that begins with its axis, here a is " +
                         describe(a.axes) + " and b is " + describe(b.axes),
                     "for example reach(d(s[t])/d(s[t-1]), d(s[t])/d(ψ), n)");
  const Value start = nonzero(b);
  if (products == 0) return start;
  // One product more or nothing: 1 + a, whose powers grow until they stay.
  const Axis& axis = a.axes[0];
  Value once = nonzero(a);
  const std::size_t members = axis.bundle ? axis.bundle->members.size() : 1;
  for (std::size_t m = 0; m < members; ++m) {
    const std::vector<Extent> dims = axis.bundle ? axis.bundle->members[m].dims : std::vector<Extent>{axis.extent};
    std::vector<Use> deltas;
    std::vector<Extent> twice = dims;
    twice.insert(twice.end(), dims.begin(), dims.end());
    const int rank = static_cast<int>(dims.size());
    for (int i = 0; i < rank; ++i) deltas.push_back({g_.identity(dims[i]), {Index::of(i), Index::of(rank + i)}, 1});
    Ref one = g_.contract(deltas, twice, {});
    Ref& block = once.blocks[{static_cast<int>(m), static_cast<int>(m)}];
    if (!block) block = one;
    else block = g_.sum({block->rank() ? whole(block) : Use{block, {}, 1}, whole(one)}, twice);
  }
  once = at_most_one(once);
  const Extent most = std::max<Extent>(axis.extent - 1, 1);
  Extent left = products < 0 ? most : std::min<Extent>(products, most);
  if (left == most)  // more do not matter: the next power of two is as good
    for (left = 1; left < most;) left *= 2;
  std::optional<Value> power;
  for (Value square_of = once;; square_of = at_most_one(v_.contract(square_of, square_of))) {
    if (left & 1) power = power ? at_most_one(v_.contract(*power, square_of)) : square_of;
    left >>= 1;
    if (left == 0) break;
  }
  return at_most_one(v_.contract(*power, start));
}

Use Pattern::counted(const Use& use) {
  Use result{count(use.node), use.index, 1};
  if (result.node->rank() == 0) result.index.clear();
  return result;
}

Ref Pattern::count(Ref node) {
  for (Ref below : postorder({node}))  // operands first, so that no recursion goes deep
    if (!counts_.contains(below)) counts_[below] = count_kind(below);
  return counts_.at(node);
}

Ref Pattern::count_kind(Ref node) {
  switch (node->kind) {
    case NodeKind::constant: return g_.constant(node->number != 0 ? 1 : 0);
    case NodeKind::map: return count_map(node);
    case NodeKind::contract: {
      std::vector<Use> factors;
      for (const Use& use : node->uses) factors.push_back(counted(use));
      return g_.contract(factors, node->dims, node->summed, node->number != 0 ? 1 : 0);
    }
    case NodeKind::sum: {
      std::vector<Use> terms;
      for (const Use& use : node->uses)
        if (use.coefficient != 0) terms.push_back(counted(use));
      return add(terms, node->dims);
    }
    case NodeKind::embed:
    case NodeKind::wire: return node;
    case NodeKind::maximum: return g_.contract({counted(node->uses[0])}, node->dims, node->summed);
    case NodeKind::stop: return count(node->uses[0].node);
    case NodeKind::jac:
    case NodeKind::jvp: return count_derivative(node);
    case NodeKind::vjp: return count_pushed(node);
    default: return g_.constant(1);  // any number
  }
}

// Zero where all operands are, if the operation makes zero of zeros; else any number.
Ref Pattern::count_map(Ref node) {
  const std::vector<Use>& u = node->uses;
  if (node->op == Op::mul) return g_.contract({counted(u[0]), counted(u[1])}, node->dims, {});
  if (node->op == Op::div) return g_.contract({counted(u[0])}, node->dims, {});
  if (node->op == Op::select) return add({counted(u[1]), counted(u[2])}, node->dims);
  double x[3] = {};
  std::vector<Use> terms;
  for (std::size_t i = 0; i < u.size(); ++i) {
    if (u[i].node->kind == NodeKind::constant) x[i] = u[i].node->number;
    else terms.push_back(counted(u[i]));
  }
  return op_evaluate(node->op, x) == 0 ? add(terms, node->dims) : g_.constant(1);
}

// d(a)/d(b), or the same times v: what varies along b, or along v, is pushed forward.
Ref Pattern::count_derivative(Ref node) {
  Seeds seeds;
  seeds.derivative = node;
  seeds.by_cut.assign(node->cuts.size(), nullptr);
  if (node->kind == NodeKind::jac) {
    seeds.by_cut[node->wrt] = one_for_each(node->cuts[node->wrt]);
    seeds.extra = node->cuts[node->wrt]->dims;
  } else {
    const auto& v = node->uses[1].node->dims;
    seeds.extra.assign(v.begin() + node->cuts[0]->rank(), v.end());
    for (std::size_t k = 1; k < node->uses.size(); ++k) {
      const std::vector<Extent>& dims = node->uses[k].node->dims;
      seeds.by_cut[k - 1] = add({counted(whole(node->uses[k].node))}, dims);
    }
  }
  Ref result = tangent(node->uses[0].node, seeds);
  return result ? simplify(p_, result) : g_.constant(0);
}

// Σ_k u_k . d(a_k)/d(b)
Ref Pattern::count_pushed(Ref node) {
  Ref cut = node->cuts[node->wrt];
  std::vector<Use> terms;
  for (std::size_t k = 0; k < node->uses.size(); k += 2) {
    Ref a = node->uses[k].node, u = node->uses[k + 1].node;
    Seeds seeds;
    seeds.derivative = node;
    seeds.by_cut.assign(node->cuts.size(), nullptr);
    seeds.by_cut[node->wrt] = one_for_each(cut);
    seeds.extra = cut->dims;
    Ref moved = tangent(a, seeds);
    if (!moved) continue;
    const int extra = u->rank() - a->rank(), rank = node->rank();
    Use left{count(u), {}, 1}, right{moved, {}, 1};
    for (int i = 0; left.node->rank() && i < u->rank(); ++i) left.index.push_back(Index::of(i < extra ? i : rank + i - extra));
    for (int i = 0; i < a->rank(); ++i) right.index.push_back(Index::of(rank + i));
    for (int i = 0; i < cut->rank(); ++i) right.index.push_back(Index::of(extra + i));
    terms.push_back(whole(g_.contract({left, right}, node->dims, a->dims)));
  }
  return simplify(p_, add(terms, node->dims));
}

Ref Pattern::one_for_each(Ref cut) {
  std::vector<Extent> dims = cut->dims;
  dims.insert(dims.end(), cut->dims.begin(), cut->dims.end());
  std::vector<Use> deltas;
  for (int i = 0; i < cut->rank(); ++i)
    deltas.push_back({g_.identity(cut->dims[i]), {Index::of(i), Index::of(cut->rank() + i)}, 1});
  return g_.contract(deltas, dims, {});
}

Ref Pattern::tangent(Ref root, Seeds& seeds) {
  for (Ref node : postorder({root})) {
    if (seeds.known.contains(node)) continue;
    if (node->kind == NodeKind::leaf) {
      seeds.known[node] = tangent_of_leaf(node, seeds);
      continue;
    }
    std::vector<Use> terms;
    for (std::size_t i = 0; node->kind != NodeKind::stop && i < node->uses.size(); ++i)
      if (Ref inner = seeds.known.at(node->uses[i].node))
        if (Ref term = advance(node, i, inner, seeds)) terms.push_back(whole(term));
    std::vector<Extent> dims = node->dims;
    dims.insert(dims.end(), seeds.extra.begin(), seeds.extra.end());
    seeds.known[node] = terms.empty() ? nullptr : add(terms, dims);
  }
  return seeds.known.at(root);
}

// A cut varies by itself, a value of the step as its equation says.
Ref Pattern::tangent_of_leaf(Ref node, Seeds& seeds) {
  Ref derivative = seeds.derivative;
  const bool is_param = p_.tensors[node->tensor].kind == TensorKind::param;
  for (std::size_t c = 0; c < derivative->cuts.size(); ++c) {
    Ref cut = derivative->cuts[c];
    if (node->tensor == cut->tensor && (is_param || node->time == cut->time)) return seeds.by_cut[c];
  }
  if (node->time != derivative->own) return nullptr;
  Ref definition = p_.definition(node->tensor, node->time);
  return definition ? tangent(definition, seeds) : nullptr;
}

Ref Pattern::advance(Ref node, std::size_t i, Ref inner, const Seeds& seeds) {
  const auto partial = local(p_, node, i, [](Ref n) { return n; });
  if (!partial || partial->coefficient == 0) return nullptr;
  const int rank = node->rank(), extra = static_cast<int>(seeds.extra.size());
  std::vector<Index> shift;
  for (int l = 0; l < node->labels(); ++l) shift.push_back(Index::of(l < rank ? l : l + extra));
  Use t{inner, {}, 1};
  for (const Index& index : node->uses[i].index) t.index.push_back(substitute(index, shift));
  for (int e = 0; e < extra; ++e) t.index.push_back(Index::of(rank + e));
  std::vector<Use> factors = {t};
  for (const Use& factor : partial->factors) {
    Use c = counted(factor);
    for (Index& index : c.index) index = substitute(index, shift);
    factors.push_back(c);
  }
  std::vector<Extent> dims = node->dims;
  dims.insert(dims.end(), seeds.extra.begin(), seeds.extra.end());
  return g_.contract(factors, dims, node->summed);
}

Ref Pattern::add(const std::vector<Use>& terms, const std::vector<Extent>& dims) {
  return terms.empty() ? g_.constant(0) : g_.sum(terms, dims);
}

// Whether a simplified count is 0 or 1 everywhere: a product of such, and of each sum one place at most counts.
bool Pattern::is_pattern(Ref node) const {
  if (node->kind == NodeKind::embed || node->kind == NodeKind::wire) return true;
  if (node->kind == NodeKind::constant) return node->number == 0 || node->number == 1;
  if (node->kind == NodeKind::map) return node->op == Op::min && node->uses[1].node->is_number(1);
  if (node->kind != NodeKind::contract || node->number != 1 || node->sum_batch) return false;
  std::vector<bool> fixed(static_cast<std::size_t>(node->labels()), false);
  for (int l = 0; l < node->rank(); ++l) fixed[static_cast<std::size_t>(l)] = true;
  auto known = [&](const Index& index) {
    return std::all_of(index.terms.begin(), index.terms.end(),
                       [&](const Index::Term& t) { return fixed[static_cast<std::size_t>(t.label)]; });
  };
  for (const Use& use : node->uses)
    if (!is_pattern(use.node)) return false;
  for (bool changed = true; changed;) {
    changed = false;
    for (const Use& use : node->uses) {
      // What a wiring points to, and the place of a block, follow from the other indices.
      const Node& n = *use.node;
      if (n.kind != NodeKind::wire && n.kind != NodeKind::embed) continue;
      const std::size_t result = n.kind == NodeKind::wire ? use.index.size() - 1 : 0;
      const auto fix = [&](std::size_t which) {
        for (std::size_t i = 0; i < use.index.size(); ++i)
          if (i != which && !known(use.index[i])) return;
        if (!use.index[which].is_label() || known(use.index[which])) return;
        fixed[static_cast<std::size_t>(use.index[which].label())] = changed = true;
      };
      fix(result);
      if (n.is_identity()) fix(1);
    }
  }
  return std::all_of(fixed.begin(), fixed.end(), [](bool f) { return f; });
}

// How often a place counts does not matter.
Ref Pattern::without_coefficients(Ref count) {
  if (count->kind == NodeKind::contract && count->number != 1)
    return g_.contract(count->uses, count->dims, count->summed, count->number != 0 ? 1 : 0);
  if (count->kind != NodeKind::sum) return count;
  std::vector<Use> terms;
  for (Use term : count->uses) {
    term.coefficient = 1;
    terms.push_back(term);
  }
  return g_.sum(terms, count->dims);
}

Ref Pattern::at_most_one(Ref count) {
  Ref simple = simplify(p_, without_coefficients(simplify(p_, count)));
  if (is_pattern(simple)) return simple;
  if (simple->kind == NodeKind::constant) return g_.constant(1);
  if (simple->kind == NodeKind::sum)
    for (const Use& term : simple->uses)  // counts are whole numbers
      if (term.node->kind == NodeKind::constant) return g_.constant(1);
  return g_.map(Op::min, {whole(simple), Use{g_.constant(1), {}, 1}}, simple->dims);
}

Value Pattern::at_most_one(const Value& counts) {
  Value result = counts;
  result.blocks.clear();
  for (const auto& [key, block] : counts.blocks)
    if (Ref pattern = at_most_one(block); !pattern->is_zero()) result.blocks[key] = pattern;
  return result;
}

}  // namespace eligo::compiler
