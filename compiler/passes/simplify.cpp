#include "compiler/passes/simplify.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/ir/masks.h"
#include "compiler/ir/rewrite.h"
#include "compiler/passes/product.h"

namespace eligo::compiler {
namespace {

// A term that ties two axes of its sum together: distributing a product over it lets a sum vanish.
bool ties_axes(const Product& product, const Use& term) {
  const Node& n = *term.node;
  if (n.kind == NodeKind::embed) return n.rank() > 1;
  if (n.kind != NodeKind::contract || n.sum_batch) return false;
  for (const Use& f : n.uses) {
    if (f.node->kind == NodeKind::wire && (n.summed.empty() || product.sums_through(term, f))) return true;
    if (f.node->kind == NodeKind::wire) continue;
    if (f.node->kind != NodeKind::embed || f.node->rank() < 2) continue;
    bool all_out = true;
    for (const Index& index : f.index)
      for (const Index::Term& t : index.terms) all_out = all_out && t.label < n.rank();
    if (all_out) return true;
  }
  return false;
}

// An outer product of what single examples have: larger than all that it is made of.
bool is_outer_product(const Node& n) {
  if (n.kind != NodeKind::contract || n.sum_batch || !n.batched || !n.summed.empty()) return false;
  for (const Use& f : n.uses)
    if (f.node->size() >= n.size() || f.node->kind == NodeKind::embed || f.node->kind == NodeKind::wire) return false;
  return true;
}

Extent extent_of(const std::vector<Extent>& dims) {
  Extent n = 1;
  for (Extent d : dims) n *= d;
  return n;
}

class Simplifier {
 public:
  explicit Simplifier(Program& program) : p_(program), g_(program.graph) {}

  Ref operator()(Ref root) {
    Ref result = simplified(root);
    return is_nothing(result) ? g_.constant(0) : result;
  }

 private:
  Ref simplified(Ref root) {
    return rewrite(g_, root, done_, [&](Ref node, std::vector<Use> uses) {
      for (Use& use : uses) {
        if (is_nothing(use.node) && node->kind != NodeKind::contract && node->kind != NodeKind::sum)
          use.node = g_.constant(0);
        if (use.node->rank() == 0) use.index.clear();  // a number, broadcast
      }
      return normal(g_.rebuild(node, std::move(uses)));
    });
  }

  // A structural zero, such as a derivative by what a value does not depend on: a sum without terms. It makes nothing of
  // a product; the number 0 does so only of finite factors.
  Ref nothing() { return g_.sum({}, {}); }
  static bool is_nothing(Ref node) { return node->kind == NodeKind::sum && node->uses.empty(); }

  Ref normal(Ref node) {
    switch (node->kind) {
      case NodeKind::map: return map(node);
      case NodeKind::contract: return product(node);
      case NodeKind::sum: return sum(node->uses, node->dims);
      case NodeKind::stop: return node->uses[0].node;
      default: return node;
    }
  }

  Ref map(Ref node) {
    bool all_constant = true;
    for (const Use& use : node->uses) all_constant = all_constant && use.node->kind == NodeKind::constant;
    if (all_constant) {
      double x[3] = {};
      for (std::size_t i = 0; i < node->uses.size(); ++i) x[i] = node->uses[i].node->number;
      const double value = op_evaluate(node->op, x);
      return node->op == Op::mask && value == 0 ? nothing() : g_.constant(value);
    }
    auto scaled = [&](std::vector<Use> uses) { return product(g_.contract(std::move(uses), node->dims, {})); };
    const std::vector<Use>& u = node->uses;
    const Op op = node->op;
    if (op == Op::mul) return scaled(u);
    if (op == Op::div) return scaled({u[0], whole(g_.map(Op::recip, {u[1]}, node->dims))});
    if (op == Op::neg) return product(g_.contract(u, node->dims, {}, -1));
    if (op == Op::add || op == Op::sub) {
      std::vector<Use> terms = u;
      terms[0].coefficient = 1;
      terms[1].coefficient = op == Op::add ? 1 : -1;
      return sum(terms, node->dims);
    }
    if (op == Op::pow && u[1].node->is_number(2)) return g_.map(Op::square, {u[0]}, node->dims);
    if (op == Op::pow && u[1].node->is_number(1)) return scaled({u[0]});
    if (op == Op::pow && u[1].node->is_number(0)) return g_.constant(1);
    if (op == Op::select && u[0].node->kind == NodeKind::constant) return scaled({u[u[0].node->number != 0 ? 1 : 2]});
    return node;
  }

  Ref product(Ref node) {
    Product product(p_, node);
    product.normalise();
    if (product.zero()) return nothing();
    // 0 times what may be infinite is no zero.
    const auto finite = [&](const Use& use) { return always_finite(p_, use.node); };
    if (product.coefficient == 0 && std::all_of(product.factors.begin(), product.factors.end(), finite))
      return g_.constant(0);
    if (Ref distributed = distribute(product)) return distributed;
    product.canonicalise();
    if (product.factors.empty() && !product.sum_batch) return g_.constant(product.coefficient);
    if (product.factors.size() == 1 && product.summed.empty() && !product.sum_batch) {
      const Use& only = product.factors[0];
      if (product.coefficient == 1 && is_whole(only, product.dims)) return only.node;
      if (only.node->kind == NodeKind::sum) {
        Use term = only;
        term.coefficient = product.coefficient;
        return sum({term}, product.dims);
      }
    }
    return g_.contract(product.factors, product.dims, product.summed, product.coefficient, product.sum_batch);
  }

  // Splits a product over the terms of one of its sums that tie axes together, or whose other axes were fixed.
  Ref distribute(const Product& product) {
    for (std::size_t i = 0; i < product.factors.size(); ++i) {
      const Use& use = product.factors[i];
      if (use.node->kind != NodeKind::sum) continue;
      bool fixed = false;  // a constant index into a concatenation picks one of its parts
      for (const Index& index : use.index) fixed = fixed || index.is_constant();
      std::vector<Use> tied, rest;
      for (const Use& term : use.node->uses) {
        const bool picks = fixed && term.node->kind == NodeKind::contract;
        Use here = term;  // its axes in the labels of the product
        for (Index& index : here.index) index = substitute(index, use.index);
        (ties_axes(product, here) || picks ? tied : rest).push_back(term);
      }
      // Gradients of each example, summed over the batch: each is better summed on its own.
      bool gradients = false;
      if (product.sum_batch && !product.sums_over(use))
        for (const Use& term : use.node->uses)
          gradients = gradients || (term.node->kind == NodeKind::contract && !term.node->summed.empty() &&
                                    term.node->size() >= extent_of(product.dims));
      if (gradients) {
        tied = use.node->uses;
        rest.clear();
      }
      // A sum of outer products that is summed over: the sums go inside, and the large tensor is never formed.
      const bool reduced = !product.summed.empty() && extent_of(product.dims) < use.node->size();
      bool outer = tied.empty() && (reduced || product.sum_batch);
      for (const Use& term : use.node->uses) outer = outer && is_outer_product(*term.node);
      if (outer) std::swap(tied, rest);
      if (tied.empty()) continue;
      std::vector<Use> terms;
      auto with = [&](Ref replacement, const std::vector<Index>& index, double coefficient) {
        std::vector<Use> factors = product.factors;
        factors[i] = Use{replacement, index, 1};
        if (replacement->rank() == 0) factors[i].index.clear();
        Ref part = this->product(
            g_.contract(factors, product.dims, product.summed, product.coefficient * coefficient, product.sum_batch));
        if (!part->is_zero() && !is_nothing(part)) terms.push_back(part->rank() ? whole(part) : Use{part, {}, 1});
      };
      for (const Use& term : tied) {
        std::vector<Index> index;
        for (const Index& x : term.index) index.push_back(substitute(x, use.index));
        with(term.node, index, term.coefficient);
      }
      if (!rest.empty()) {
        Ref remaining = sum(rest, use.node->dims);
        if (!remaining->is_zero() && !is_nothing(remaining)) with(remaining, use.index, 1);
      }
      return sum(terms, product.dims);
    }
    return nullptr;
  }

  Ref sum(const std::vector<Use>& given, const std::vector<Extent>& dims) {
    std::vector<Use> terms;
    double constant = 0;
    bool number = false;
    std::vector<Use> queue(given.rbegin(), given.rend());
    while (!queue.empty()) {
      Use term = queue.back();
      queue.pop_back();
      const Node& n = *term.node;
      if (n.kind == NodeKind::constant) {
        number = true;
        constant += term.coefficient * n.number;
      } else if (n.kind == NodeKind::sum) {
        for (auto it = n.uses.rbegin(); it != n.uses.rend(); ++it) {
          Use inner{it->node, {}, it->coefficient * term.coefficient};
          for (const Index& index : it->index) inner.index.push_back(substitute(index, term.index));
          queue.push_back(inner);
        }
      } else if (n.kind == NodeKind::contract && n.number != 1 && !n.sum_batch) {
        term.coefficient *= n.number;
        Ref bare = product(g_.contract(n.uses, n.dims, n.summed, 1));
        term.node = bare;
        if (bare->rank() == 0) term.index.clear();
        queue.push_back(term);
      } else if (Use part = read_part(term, dims); part.node != term.node) {
        queue.push_back(part);
      } else {
        merge(terms, term);
      }
    }
    // x - x is NaN where x is not finite, and so is 0*x.
    if (std::erase_if(terms, [&](const Use& t) { return t.coefficient == 0 && always_finite(p_, t.node); }) > 0)
      number = true;
    if (terms.empty()) return number ? g_.constant(constant) : nothing();
    if (constant != 0) terms.push_back({g_.constant(1), {}, constant});
    std::stable_sort(terms.begin(), terms.end(),
                     [](const Use& a, const Use& b) { return a.node->hash < b.node->hash; });
    if (terms.size() == 1) {
      const Use& only = terms[0];
      if (only.coefficient == 1 && is_whole(only, dims)) return only.node;
      Use factor = only;
      factor.coefficient = 1;
      return product(g_.contract({factor}, dims, {}, only.coefficient));
    }
    return g_.sum(terms, dims);
  }

  // A block or one-hot of which only a slice or a diagonal is read: that part on its own, which often is zero.
  Use read_part(const Use& term, const std::vector<Extent>& dims) {
    const Node& n = *term.node;
    bool structured = false;
    for (const Use& f : n.uses)
      structured = structured || f.node->kind == NodeKind::embed || f.node->kind == NodeKind::wire;
    if (n.kind != NodeKind::contract || n.sum_batch || !structured) return term;
    bool whole_axes = true;
    std::vector<int> labels;
    for (std::size_t i = 0; i < term.index.size(); ++i) {
      const Index& x = term.index[i];
      whole_axes = whole_axes && x.is_label() && dims[x.label()] == n.dims[i];
      for (const Index::Term& t : x.terms)
        if (std::find(labels.begin(), labels.end(), t.label) == labels.end()) labels.push_back(t.label);
    }
    if (whole_axes && labels.size() == term.index.size()) return term;
    std::vector<Index> moved(dims.size());  // the part has only the axes that are read
    Use part{nullptr, {}, term.coefficient};
    std::vector<Extent> own;
    for (int label : labels) {
      moved[label] = Index::of(static_cast<int>(own.size()));
      own.push_back(dims[label]);
      part.index.push_back(Index::of(label));
    }
    Use factor{term.node, {}, 1};
    for (const Index& x : term.index) factor.index.push_back(substitute(x, moved));
    part.node = product(g_.contract({factor}, own, {}));
    if (part.node->rank() == 0) part.index.clear();
    return part;
  }

  static void merge(std::vector<Use>& terms, const Use& term) {
    for (Use& have : terms)
      if (have.node == term.node && have.index == term.index) {
        have.coefficient += term.coefficient;
        return;
      }
    terms.push_back(term);
  }

  Program& p_;
  Graph& g_;
  Rewritten done_;
};

}  // namespace

Ref simplify(Program& program, Ref root) { return Simplifier(program)(root); }

std::vector<Ref> simplify(Program& program, const std::vector<Ref>& roots) {
  Simplifier simplifier(program);
  std::vector<Ref> simple;
  for (Ref root : roots) simple.push_back(simplifier(root));
  return simple;
}

void simplify(Program& program) {
  Simplifier simplifier(program);
  for (Phase& phase : program.phases)
    for (Root& root : phase.roots) root.node = simplifier(root.node);
  program.graph.origin = {};
}

}  // namespace eligo::compiler
