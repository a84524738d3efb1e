#include "compiler/passes/product.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/ir/masks.h"

namespace eligo::compiler {
namespace {

bool structural(NodeKind kind) { return kind == NodeKind::embed || kind == NodeKind::wire; }

}  // namespace

bool Product::sums_over(const Use& use) const {
  for (const Index& index : use.index)
    for (const Index::Term& t : index.terms)
      if (!is_out(t.label)) return true;
  return false;
}

bool Product::sums_through(const Use& use, const Use& f) const {
  for (const Index& index : f.index)
    for (const Index::Term& t : index.terms) {
      if (t.label >= use.node->rank()) continue;
      for (const Index::Term& outer : use.index[t.label].terms)
        if (!is_out(outer.label)) return true;
    }
  return false;
}

// Identities dissolve in the product around; a wiring only where one of its ends is summed over there.
bool Product::has_structure(const Use& use) const {
  for (const Use& f : use.node->uses) {
    if (!structural(f.node->kind)) continue;
    if (f.node->kind != NodeKind::wire || use.node->summed.empty() || sums_through(use, f)) return true;
  }
  return false;
}

Product::Product(Program& program, Ref node)
    : factors(node->uses),
      dims(node->dims),
      summed(node->summed),
      coefficient(node->number),
      sum_batch(node->sum_batch),
      p_(program) {}

void Product::normalise() {
  for (bool changed = true; changed && !zero_;) {
    changed = constants() || flatten() || embeds() || flags() || carried_masks() || wires() || unused_labels();
  }
}

bool Product::constants() {
  bool changed = false;
  std::erase_if(factors, [&](const Use& use) {
    if (use.node->kind == NodeKind::sum && use.node->uses.empty()) zero_ = true;
    if (use.node->kind != NodeKind::constant) return false;
    coefficient *= use.node->number;
    return changed = true;
  });
  return changed || zero_;
}

// A product whose result is no larger than what it reads has done its work: computing it once is better.
bool Product::worth_keeping(const Use& from) const {
  const Node& inner = *from.node;
  if (inner.sum_batch) return true;
  if (has_structure(from)) return false;
  Extent largest_batched = 0, largest_any = 0;
  int with_axes = 0;
  for (const Use& use : inner.uses) {
    with_axes += use.node->rank() > 0;
    largest_any = std::max(largest_any, use.node->size());
    if (use.node->batched) largest_batched = std::max(largest_batched, use.node->size());
  }
  if (with_axes <= 1 && inner.summed.empty()) return false;  // a scaled tensor
  if (!inner.batched) return !inner.summed.empty() && inner.size() <= largest_any;
  return inner.size() <= largest_batched || !inner.summed.empty();
}

void Product::inline_factor(std::size_t i) {
  const Use use = factors[i];
  const Node& inner = *use.node;
  std::vector<Index> by = use.index;  // labels of `inner`: its own axes ...
  for (Extent e : inner.summed) {     // ... and its sums, which become ours
    by.push_back(Index::of(rank() + static_cast<int>(summed.size())));
    summed.push_back(e);
  }
  coefficient *= inner.kind == NodeKind::contract ? inner.number : inner.uses[0].coefficient;
  std::vector<Use> replacement;
  for (const Use& f : inner.uses) {
    Use moved{f.node, {}, 1};
    for (const Index& index : f.index) moved.index.push_back(substitute(index, by));
    replacement.push_back(moved);
  }
  factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(i));
  factors.insert(factors.begin() + static_cast<std::ptrdiff_t>(i), replacement.begin(), replacement.end());
}

bool Product::flatten() {
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const Node& inner = *factors[i].node;
    const bool single_sum = inner.kind == NodeKind::sum && inner.uses.size() == 1;
    const bool product = inner.kind == NodeKind::contract && !inner.sum_batch;
    if (!single_sum && !product) continue;
    // Per example as large as what the batch's sum leaves: the batch is better summed with the rest.
    Extent left = 1;
    for (Extent d : dims) left *= d;
    const bool per_example = sum_batch && !inner.summed.empty() && inner.size() >= left && !inner.sum_batch &&
                             !sums_over(factors[i]);
    const bool alone = factors.size() == 1 && !sum_batch;
    if (product && !alone && !per_example && worth_keeping(factors[i])) continue;
    inline_factor(i);
    return true;
  }
  return false;
}

void Product::substitute_label(int label, const Index& by) {
  std::vector<Index> map;
  for (int l = 0; l < rank() + static_cast<int>(summed.size()); ++l) map.push_back(l == label ? by : Index::of(l));
  for (Use& use : factors)
    for (Index& index : use.index) index = substitute(index, map);
  if (!is_out(label)) summed[label - rank()] = 1;  // nothing ranges over it any more
}

Extent Product::largest(const Index& index) const {
  Extent x = index.offset;
  for (const Index::Term& t : index.terms) x += t.stride * (extent(t.label) - 1);
  return x;
}

bool Product::embeds() {
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const Use use = factors[i];
    const Node& e = *use.node;
    if (e.kind != NodeKind::embed) continue;
    const Index& big = use.index[0];
    if (never_equal(use)) return zero_ = true;
    if (shift_embed(i)) return true;
    if (big.is_label() && !is_out(big.label())) {  // summed: it is offset + Σ stride * small
      Index by = Index::at(e.offset);
      bool mentions = false;
      for (std::size_t k = 0; k < e.strides.size(); ++k) {
        mentions = mentions || use.index[k + 1].mentions(big.label());
        Index scaled = use.index[k + 1];
        scaled.offset *= e.strides[k];
        for (Index::Term& t : scaled.terms) t.stride *= e.strides[k];
        by.offset += scaled.offset;
        by.terms.insert(by.terms.end(), scaled.terms.begin(), scaled.terms.end());
      }
      if (mentions || largest(by) >= extent(big.label())) continue;
      std::vector<Index> self;  // joins terms of one label
      for (int l = 0; l < rank() + static_cast<int>(summed.size()); ++l) self.push_back(Index::of(l));
      factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(i));
      substitute_label(big.label(), eligo::compiler::substitute(by, self));
      return true;
    }
    if (big.is_label() && e.is_identity() && use.index[1].is_label() && !is_out(use.index[1].label()) &&
        extent(use.index[1].label()) >= extent(big.label())) {
      factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(i));
      substitute_label(use.index[1].label(), big);
      return true;
    }
    if (big.is_label() && e.is_identity() && use.index[1].is_label() && use.index[1].label() == big.label()) {
      factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(i));  // i == i
      return true;
    }
    if (big.is_constant() && solve_constant(i)) return true;
    if (!big.is_label() && !big.is_constant() && solve_affine(i)) return true;
  }
  return false;
}

// Whether the two sides of an embed range over places that do not meet.
bool Product::never_equal(const Use& use) const {
  const Node& e = *use.node;
  Extent low = e.offset, high = e.offset;
  for (std::size_t k = 0; k < e.strides.size(); ++k) {
    low += e.strides[k] * use.index[k + 1].offset;
    high += e.strides[k] * largest(use.index[k + 1]);
  }
  return largest(use.index[0]) < low || use.index[0].offset > high;
}

// big + a == small + b, a slice of both: the same as a block whose indices are bare labels.
bool Product::shift_embed(std::size_t i) {
  const Use use = factors[i];
  const Node& e = *use.node;
  if (e.strides.size() != 1 || e.strides[0] != 1) return false;
  const Index &big = use.index[0], &small = use.index[1];
  auto shifted = [](const Index& x) { return x.terms.size() == 1 && x.terms[0].stride == 1; };
  if (!shifted(big) || !shifted(small)) return false;
  const int l = big.terms[0].label, m = small.terms[0].label;
  if (l == m) return false;
  const bool bare = big.offset == 0 && small.offset == 0 && e.dims[0] == extent(l) && e.dims[1] == extent(m);
  const Extent ahead = big.offset - e.offset - small.offset;  // the small label is the big one plus this
  if (bare && ahead <= 0) return false;
  Use moved{nullptr, {}, 1};
  if (ahead <= 0 && extent(m) - ahead <= extent(l)) {
    moved.node = p_.graph.embed(extent(l), -ahead, {extent(m)}, {1});
    moved.index = {Index::of(l), Index::of(m)};
  } else if (ahead >= 0 && ahead + extent(l) <= extent(m)) {
    moved.node = p_.graph.embed(extent(m), ahead, {extent(l)}, {1});
    moved.index = {Index::of(m), Index::of(l)};
  } else {
    return false;  // they overlap in a part of each
  }
  if (moved.node == use.node && moved.index == use.index) return false;
  factors[i] = moved;
  return true;
}

// The big index is a number: its digits are the small ones.
bool Product::solve_constant(std::size_t i) {
  const Use use = factors[i];
  const Node& e = *use.node;
  Extent rest = use.index[0].offset - e.offset;
  for (std::size_t k = 0; k < e.strides.size(); ++k)
    if (!use.index[k + 1].is_label() && !use.index[k + 1].is_constant()) return false;
  Graph& g = p_.graph;
  std::vector<std::pair<Index, Extent>> digits;
  std::vector<Extent> extents;
  for (std::size_t k = 0; k < e.strides.size(); ++k) {
    const Extent digit = rest >= 0 ? rest / e.strides[k] : -1;
    if (digit < 0 || digit >= e.dims[k + 1]) {
      zero_ = true;
      return true;
    }
    rest -= digit * e.strides[k];
    digits.emplace_back(use.index[k + 1], digit);
    extents.push_back(e.dims[k + 1]);
  }
  if (rest != 0) {
    zero_ = true;
    return true;
  }
  factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(i));
  for (std::size_t k = 0; k < digits.size(); ++k) {
    const auto& [small, digit] = digits[k];
    if (small.is_constant()) {
      if (small.offset != digit) zero_ = true;
    } else if (!is_out(small.label())) {
      substitute_label(small.label(), Index::at(digit));
    } else {
      factors.push_back({g.embed(extents[k], digit, {}, {}), {small}, 1});
    }
  }
  return true;
}

// The big index came out of another block: the same block, or a disjoint one.
bool Product::solve_affine(std::size_t i) {
  const Use use = factors[i];
  const Node& e = *use.node;
  const Index& big = use.index[0];
  Extent high = e.offset;
  bool plain = true;
  for (std::size_t k = 0; k < e.strides.size(); ++k) {
    high += e.strides[k] * (e.dims[k + 1] - 1);
    plain = plain && use.index[k + 1].is_label();
  }
  if (largest(big) < e.offset || big.offset > high) {
    zero_ = true;
    return true;
  }
  if (!plain || big.offset != e.offset) return false;
  std::vector<Index::Term> terms = big.terms;
  if (terms.size() == e.strides.size()) {  // the same strides: digit by digit
    std::vector<std::pair<int, int>> pairs;
    for (std::size_t k = 0; k < e.strides.size(); ++k) {
      auto t = std::find_if(terms.begin(), terms.end(), [&](const Index::Term& x) {
        return x.stride == e.strides[k] && extent(x.label) == e.dims[k + 1];
      });
      if (t == terms.end()) return false;
      pairs.emplace_back(t->label, use.index[k + 1].label());
      terms.erase(t);
    }
    factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(i));
    for (std::size_t k = 0; k < pairs.size(); ++k)
      factors.push_back({p_.graph.identity(e.dims[k + 1]), {Index::of(pairs[k].first), Index::of(pairs[k].second)}, 1});
    return true;
  }
  if (terms.size() == 1 && terms[0].stride == 1 && !is_out(terms[0].label)) {  // one flat label against its digits
    Index by = Index::at(0);
    Extent total = 1;
    for (std::size_t k = 0; k < e.strides.size(); ++k) {
      by.terms.push_back({use.index[k + 1].label(), e.strides[k]});
      total *= e.dims[k + 1];
    }
    if (total != extent(terms[0].label)) return false;
    const int label = terms[0].label;
    factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(i));
    substitute_label(label, by);
    return true;
  }
  return false;
}

namespace {

using Known = std::unordered_map<Ref, bool>;  // a graph's nodes are shared: each is asked once

bool zero_outside(Program& p, Ref node, Flag flag, TimeRef time, Known& known);

bool find_zero_outside(Program& p, Ref node, Flag flag, TimeRef time, Known& known) {
  switch (node->kind) {
    case NodeKind::leaf: {
      const Tensor& t = p.tensors[node->tensor];
      if (!t.timed() || node->time != time || t.batch_wide) return false;
      if (t.kind == TensorKind::flag) return t.flag == flag || (flag == Flag::exists && t.flag == Flag::valid);
      if (t.kind == TensorKind::state) return flag == Flag::exists;
      if (t.kind == TensorKind::forward || t.kind == TensorKind::backward || t.kind == TensorKind::record ||
          t.kind == TensorKind::revised)
        return flag == Flag::exists || !t.at_start;
      return t.masked;
    }
    case NodeKind::contract: {
      bool zero = false;
      for (const Use& use : node->uses) {
        if (zero_outside(p, use.node, flag, time, known)) zero = true;
        else if (!stays_finite(p, use.node)) return false;  // zero times infinity is no zero
      }
      return zero;
    }
    case NodeKind::sum:
      for (const Use& use : node->uses)
        if (!zero_outside(p, use.node, flag, time, known)) return false;
      return true;
    default: return false;
  }
}

bool zero_outside(Program& p, Ref node, Flag flag, TimeRef time, Known& known) {
  if (const auto found = known.find(node); found != known.end()) return found->second;
  const bool zero = find_zero_outside(p, node, flag, time, known);
  return known[node] = zero;
}

}  // namespace

bool zero_outside(Program& p, Ref node, Flag flag, TimeRef time) {
  Known known;
  return zero_outside(p, node, flag, time, known);
}

bool Product::others_finite(std::size_t i, std::size_t j) const {
  for (std::size_t k = 0; k < factors.size(); ++k)
    if (k != i && k != j && !stays_finite(p_, factors[k].node)) return false;
  return true;
}

bool Product::flags() {
  for (std::size_t i = 0; i < factors.size(); ++i) {
    Ref f = factors[i].node;
    if (f->kind == NodeKind::map && f->op == Op::mask) {
      for (std::size_t j = 0; j < i; ++j)
        if (factors[j].node == f && factors[j].index == factors[i].index) {
          factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(i));
          return true;
        }
      // The mask of a boundary: as a number it can be factored out and moved through sums.
      if (is_complement_of_flag(p_, f->uses[0].node) && others_finite(i, i)) {
        factors[i] = f->uses[0];
        return true;
      }
    }
    if (f->kind != NodeKind::leaf || p_.tensors[f->tensor].kind != TensorKind::flag) continue;
    const Flag flag = p_.tensors[f->tensor].flag;
    if (flag != Flag::valid && flag != Flag::exists) continue;
    for (std::size_t j = 0; j < factors.size(); ++j)
      if (j != i && (factors[j].node == f ||
                     (zero_outside(p_, factors[j].node, flag, f->time) && others_finite(i, j)))) {
        factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(i));
        return true;
      }
  }
  return false;
}

namespace {

// Masks among the factors of a product, and of products in it, by the product's own axes.
void masks_of(const Node& product, const std::vector<Index>& by, std::vector<Use>& found) {
  for (const Use& use : product.uses) {
    const bool summed = std::any_of(use.index.begin(), use.index.end(), [&](const Index& i) {
      return std::any_of(i.terms.begin(), i.terms.end(), [&](const Index::Term& t) { return t.label >= product.rank(); });
    });
    if (summed) continue;
    std::vector<Index> index;
    for (const Index& i : use.index) index.push_back(substitute(i, by));
    if (use.node->kind == NodeKind::map && use.node->op == Op::mask) found.push_back({use.node, index, 1});
    if (use.node->kind == NodeKind::contract && !use.node->sum_batch) masks_of(*use.node, index, found);
  }
}

}  // namespace

// A factor that is kept as a value of its own may be 0 behind a mask: then so is this product, whatever the others are.
bool Product::carried_masks() {
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const Node& inner = *factors[i].node;
    if (inner.kind != NodeKind::contract || inner.sum_batch || others_finite(i, i)) continue;
    std::vector<Use> masks;
    masks_of(inner, factors[i].index, masks);
    for (const Use& mask : masks) {
      const bool known = std::any_of(factors.begin(), factors.end(), [&](const Use& other) {
        return other.node == mask.node && other.index == mask.index;
      });
      if (known) continue;
      factors.push_back(mask);
      return true;
    }
  }
  return false;
}

// The sum over all targets of a wire is 1, if nothing else reads the target.
bool Product::wires() {
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if (factors[i].node->kind != NodeKind::wire) continue;
    const Index& target = factors[i].index.back();
    if (!target.is_label() || is_out(target.label())) continue;
    bool lone = true;
    for (std::size_t j = 0; j < factors.size(); ++j)
      for (std::size_t a = 0; a < factors[j].index.size(); ++a)
        if ((j != i || a + 1 != factors[j].index.size()) && factors[j].index[a].mentions(target.label())) lone = false;
    if (!lone) continue;
    const int label = target.label();
    factors.erase(factors.begin() + static_cast<std::ptrdiff_t>(i));
    substitute_label(label, Index::at(0));
    return true;
  }
  return false;
}

bool Product::unused_labels() {
  bool changed = false;
  for (int l = rank(); l < rank() + static_cast<int>(summed.size()); ++l) {
    if (summed[l - rank()] == 1) {
      bool mentioned = false;
      for (const Use& use : factors)
        for (const Index& index : use.index) mentioned = mentioned || index.mentions(l);
      if (mentioned) {
        substitute_label(l, Index::at(0));
        changed = true;
      }
      continue;
    }
    bool used = false;
    for (const Use& use : factors)
      for (const Index& index : use.index) used = used || index.mentions(l);
    if (used) continue;
    coefficient *= static_cast<double>(summed[l - rank()]);
    summed[l - rank()] = 1;
    changed = true;
  }
  return changed;
}

void Product::canonicalise() {
  auto key = [](const Use& use) {
    std::vector<Extent> k;
    for (const Index& index : use.index) {
      k.push_back(index.offset);
      for (const Index::Term& t : index.terms) {
        k.push_back(t.label);
        k.push_back(t.stride);
      }
      k.push_back(-1);
    }
    return k;
  };
  std::stable_sort(factors.begin(), factors.end(), [&](const Use& a, const Use& b) {
    if (a.node->hash != b.node->hash) return a.node->hash < b.node->hash;
    return key(a) < key(b);
  });
  std::vector<Index> map;
  for (int l = 0; l < rank(); ++l) map.push_back(Index::of(l));
  std::vector<int> number(summed.size(), -1);
  std::vector<Extent> kept;
  for (const Use& use : factors)
    for (const Index& index : use.index)
      for (const Index::Term& t : index.terms)
        if (!is_out(t.label) && number[t.label - rank()] < 0) {
          number[t.label - rank()] = rank() + static_cast<int>(kept.size());
          kept.push_back(summed[t.label - rank()]);
        }
  for (int n : number) map.push_back(Index::of(std::max(n, 0)));
  for (Use& use : factors) {
    for (Index& index : use.index) {
      index = substitute(index, map);
      std::sort(index.terms.begin(), index.terms.end(), [](const auto& a, const auto& b) { return a.label < b.label; });
    }
    use.coefficient = 1;
  }
  summed = kept;
}

}  // namespace eligo::compiler
