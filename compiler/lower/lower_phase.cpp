// One phase: what gets a buffer, what is fused into the loops that read it.
#include <algorithm>
#include <stdexcept>

#include <fmt/core.h>

#include "compiler/ir/masks.h"
#include "compiler/lower/lowering.h"

namespace eligo::compiler::lowering {

void PhaseLowering::count_uses(const Phase& phase) {
  std::vector<Ref> roots;
  for (const Root& r : phase.roots) roots.push_back(r.node);
  for (Ref node : postorder(roots))
    for (const Use& use : node->uses) ++uses_[use.node];
  for (Ref root : roots) ++uses_[root];
}

// No more than `many`: counting ends there, since nodes that share operands would be counted without end.
int PhaseLowering::operations(Ref node) const {
  constexpr int many = 1000;
  switch (node->kind) {
    case NodeKind::leaf:
    case NodeKind::constant: return 0;
    case NodeKind::map:
    case NodeKind::contract:
    case NodeKind::sum: {
      if (is_reduction(node)) return many;
      int total = node->kind == NodeKind::map ? op_cost(node->op) : static_cast<int>(node->uses.size()) - 1;
      for (const Use& use : node->uses)
        if (total < many && !buffer_.contains(use.node)) total += operations(use.node);
      return std::min(total, many);
    }
    default: return many;
  }
}

// Whether a node, where something reads it, is read from memory.
bool PhaseLowering::needs_buffer(Ref node) const {
  if (node->kind == NodeKind::leaf || node->kind == NodeKind::constant || structural(node)) return false;
  if (buffer_.contains(node)) return true;
  if (assembled(node)) return true;
  auto uses = uses_.find(node);
  const bool shared = uses != uses_.end() && uses->second > 1;
  if (is_reduction(node)) return true;  // single uses that fit are fused by `build`
  return shared && operations(node) > cost_model::free_operations;
}

bool PhaseLowering::parameters_only(Ref node) {
  if (auto known = parameters_only_.find(node); known != parameters_only_.end()) return known->second;
  bool only = !node->batched && !node->sum_batch;
  if (node->kind == NodeKind::leaf) {
    const TensorKind kind = m_.p.tensors[node->tensor].kind;
    only = node->time.base == When::always && (kind == TensorKind::param || kind == TensorKind::hyper ||
                                               kind == TensorKind::keep || kind == TensorKind::wiring);
  }
  for (const Use& use : node->uses) only = only && parameters_only(use.node);
  return parameters_only_[node] = only;
}

int PhaseLowering::materialise(Ref node) {
  if (auto have = buffer_.find(node); have != buffer_.end()) return have->second;
  if (!active_.insert(node).second)
    throw std::logic_error(
        fmt::format("internal error in {}: a term of {} is needed to compute itself", name_, label_));
  if (hoist_ && parameters_only(node)) {
    const int prepared = m_.prepare->materialise(node);
    if (const auto order = m_.prepare->order_.find(node); order != m_.prepare->order_.end())
      order_[node] = order->second;
    return buffer_[node] = prepared;
  }
  const std::string name = fmt::format("{}_v{}", name_, buffer_.size() + 1);
  int buffer;
  if (!hoist_ && name_ == "prepare") {
    buffer = m_.prepared_buffer(name, node->size());
  } else {
    const std::int64_t padded = (node->size() + 15) / 16 * 16;
    std::int64_t& total = node->batched ? per_example : in_all;
    buffer = m_.add_buffer(name, node->size(), node->batched, {Binding::Kind::scratch, -1, {}, total});
    total += node->batched ? node->size() : padded;
  }
  if (!assembled(node)) {
    const std::vector<int> order = order_of(node);
    emit_whole(buffer, node, false, label_, order);
    if (!std::is_sorted(order.begin(), order.end())) order_[node] = order;
  } else {
    emit(buffer, node, false, label_);
  }
  return buffer_[node] = buffer;
}

Access PhaseLowering::access(Nest& nest, int buffer, const std::vector<Extent>& dims, const std::vector<Place>& at) {
  return strided(nest, buffer, row_major(dims), at);
}

Access PhaseLowering::strided(Nest& nest, int buffer, const std::vector<Extent>& strides,
                              const std::vector<Place>& at) {
  Access a;
  a.buffer = buffer;
  const Gather* gathered = nullptr;  // the wiring that this access already reads
  for (std::size_t i = 0; i < at.size(); ++i) {
    a.offset += strides[i] * at[i].offset;
    for (const Index::Term& t : at[i].terms) {
      if (auto g = gathers_.find(t.label); g != gathers_.end()) {
        const Gather& gather = g->second;
        if (gathered && gathered->wire == gather.wire && gathered->at == gather.at) {  // the same place in two axes
          a.gather_stride += strides[i] * t.stride;
          continue;
        }
        if (gathered) throw std::logic_error("internal error in " + name_ + ": one value is read through two wirings");
        gathered = &gather;
        Ref table = gather.wire->uses[0].node;
        a.gather = m_.tensor_buffer(table->tensor, table->time);
        a.gather_stride = strides[i] * t.stride;
        const std::vector<Extent> table_strides = row_major(table->dims);
        for (std::size_t k = 0; k < gather.at.size(); ++k) {
          a.gather_offset += table_strides[k] * gather.at[k].offset;
          for (const Index::Term& j : gather.at[k].terms) {
            if (a.gather_loops.size() <= static_cast<std::size_t>(j.label)) a.gather_loops.resize(j.label + 1, 0);
            a.gather_loops[j.label] += table_strides[k] * j.stride;
          }
        }
        continue;
      }
      if (a.stride.size() <= static_cast<std::size_t>(t.label)) a.stride.resize(t.label + 1, 0);
      a.stride[t.label] += strides[i] * t.stride;
    }
  }
  if (m_.out.module.buffers[buffer].batched) {
    if (nest.batch < 0) nest.batch = nest.add("b", m_.batch_estimate, true);
    if (a.stride.size() <= static_cast<std::size_t>(nest.batch)) a.stride.resize(nest.batch + 1, 0);
    a.stride[nest.batch] += m_.out.module.buffers[buffer].size;
  }
  return a;
}

ValuePtr PhaseLowering::load_at(Nest& nest, int buffer, const std::vector<Extent>& dims, const std::vector<Place>& at) {
  return loops::load(access(nest, buffer, dims, at));
}

// An identity or block that no index could absorb, written out.
int PhaseLowering::dense(Ref embed) {
  if (hoist_) return m_.prepare->dense(embed);
  auto [at, fresh] = dense_.emplace(embed, -1);
  if (!fresh) return at->second;
  const int buffer = m_.prepared_buffer("embed", embed->size());
  clear(buffer, "embed");
  Nest nest;
  std::vector<Place> to = {Index::at(embed->offset)};
  for (std::size_t k = 0; k < embed->strides.size(); ++k) {
    const int loop = nest.add(fmt::format("j{}", k), embed->dims[k + 1]);
    to[0].terms.push_back({loop, embed->strides[k]});
    to.push_back(Index::of(loop));
  }
  nest.s.outer = static_cast<int>(nest.s.loops.size());
  nest.s.out = access(nest, buffer, embed->dims, to);
  nest.s.value = constant(1);
  nest.s.label = "embed";
  finish(nest);
  return dense_[embed] = buffer;
}

void PhaseLowering::finish(Nest& nest) {
  choose_layouts(nest);
  const auto all_loops = [n = nest.s.loops.size()](Access& a) {
    a.stride.resize(n, 0);
    if (a.gather >= 0) a.gather_loops.resize(n, 0);
  };
  all_loops(nest.s.out);
  nest.s.value = loops::with_accesses(nest.s.value, all_loops);
  statements_.push_back(std::move(nest.s));
}

void PhaseLowering::clear(int buffer, const std::string& label) {
  Nest nest;
  const loops::Buffer& b = m_.out.module.buffers[buffer];
  if (b.batched) nest.batch = nest.add("b", m_.batch_estimate, true);
  const Place at = Index::of(nest.add("i", b.size));
  nest.s.outer = static_cast<int>(nest.s.loops.size());
  nest.s.out = access(nest, buffer, {b.size}, {at});
  nest.s.value = constant(0);
  nest.s.label = label;
  finish(nest);
}

// buffer (=|+=) node.
void PhaseLowering::emit(int buffer, Ref node, bool accumulate, const std::string& label) {
  const std::string before = label_;
  label_ = label;
  if (!assembled(node) || buffer_.contains(node)) {
    emit_whole(buffer, node, accumulate, label);
  } else if (node->kind != NodeKind::sum) {
    const bool everywhere = fills(node);
    if (!accumulate && !everywhere) clear(buffer, label);
    emit_structured(buffer, node->dims, whole(node), accumulate || !everywhere, label);
  } else {
    std::vector<Use> plain, tied;
    for (const Use& use : node->uses) (has_structure(use.node) && injective(use) ? tied : plain).push_back(use);
    bool add = accumulate;
    const std::size_t covering = plain.empty() && !accumulate ? tiles(node, tied) : 0;
    if (covering > 0) {  // the first terms fill the whole between them, the others add to it
      for (std::size_t k = 0; k < tied.size(); ++k) emit_structured(buffer, node->dims, tied[k], k >= covering, label);
      label_ = before;
      return;
    }
    if (!plain.empty()) {
      emit_whole(buffer, m_.p.graph.sum(plain, node->dims), accumulate, label);
      add = true;
    } else if (!accumulate) {
      clear(buffer, label);
      add = true;
    }
    for (const Use& use : tied) emit_structured(buffer, node->dims, use, add, label);
  }
  label_ = before;
}

void PhaseLowering::emit_whole(int buffer, Ref node, bool accumulate, const std::string& label,
                               const std::vector<int>& order) {
  Nest nest;
  const loops::Buffer& b = m_.out.module.buffers[buffer];
  if (b.batched) nest.batch = nest.add("b", m_.batch_estimate, true);
  std::vector<Place> at;
  std::vector<Extent> dims = node->dims;
  if (dims.empty() && b.size > 1) dims = {b.size};  // a number stored everywhere
  at.resize(dims.size());
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::size_t axis = order.empty() ? i : static_cast<std::size_t>(order[i]);
    at[axis] = Index::of(nest.add(fmt::format("i{}", axis), dims[axis]));
  }
  nest.s.outer = static_cast<int>(nest.s.loops.size());
  nest.s.out = access(nest, buffer, ordered(dims, order), ordered(at, order));
  nest.s.accumulate = accumulate;
  nest.s.label = label;
  if (node->dims.empty()) at.clear();
  if (buffer_.contains(node)) {
    nest.s.value = load_kept(nest, node, at);
  } else {
    // The node itself is what is stored here, so it is computed in place whatever it is.
    const int uses = uses_[node];
    uses_[node] = 1;
    std::vector<Place> labels = at;
    if (is_reduction(node)) {
      std::vector<int> over;
      for (Extent e : node->summed) {
        over.push_back(nest.add(fmt::format("k{}", over.size()), e));
        labels.push_back(Index::of(over.back()));
      }
      if (node->sum_batch) {
        nest.batch = nest.add("b", m_.batch_estimate, true);
        over.push_back(nest.batch);
      }
      nest.reducing = over;
      if (node->kind == NodeKind::maximum) {
        std::vector<Place> inner;
        for (const Index& index : node->uses[0].index) inner.push_back(substitute(index, labels));
        nest.s.value = largest(over, build(nest, node->uses[0].node, inner));
        nest.reducing.clear();
      } else {
        const auto [inside, scalars] = split_scalars(node->uses, node->sum_batch, over, labels);
        const ValuePtr total = sum(over, build_product(nest, inside, 1, labels));
        nest.reducing.clear();
        nest.s.value = scaled(nest, total, scalars, node->number, labels);
      }
    } else {
      nest.s.value = build(nest, node, at);
    }
    uses_[node] = uses;
  }
  finish(nest);
}

// Numbers (of an example, or of all) scale a sum over these loops from outside, and so do masks that all of its terms
// share: behind one that is 0 there is no sum.
std::pair<std::vector<Use>, std::vector<Use>> PhaseLowering::split_scalars(const std::vector<Use>& factors,
                                                                           bool sum_batch, const std::vector<int>& over,
                                                                           const std::vector<Place>& labels) const {
  const auto outside = [&](const Use& use) {
    if (use.node->batched && sum_batch) return false;
    if (use.node->rank() == 0) return true;
    if (!is_mask(m_.p, use.node)) return false;
    for (const Index& index : use.index)
      for (const Index::Term& t : substitute(index, labels).terms)
        if (t.label >= first_stand_in || std::find(over.begin(), over.end(), t.label) != over.end()) return false;
    return true;
  };
  const bool masked = std::any_of(factors.begin(), factors.end(), [&](const Use& use) {
    return is_structural(m_.p, use.node) && !outside(use);
  });
  std::vector<Use> inside, scalars;
  for (const Use& use : factors) {
    const bool finite = !masked || stays_finite(m_.p, use.node);  // what a mask closes is not multiplied by infinity
    (outside(use) && finite ? scalars : inside).push_back(use);
  }
  if (inside.empty()) std::swap(inside, scalars);
  return {inside, scalars};
}

// A 0 or 1 that decides whether there is a product.
ValuePtr PhaseLowering::build_mask(Nest& nest, const Use& use, const std::vector<Place>& at) {
  const bool maps = use.node->kind == NodeKind::map && !buffer_.contains(use.node) && !needs_buffer(use.node);
  if (!maps) return build(nest, use.node, at);
  const Use& condition = use.node->uses[0];
  std::vector<Place> inner;
  for (const Index& index : condition.index) inner.push_back(substitute(index, at));
  return build(nest, condition.node, inner);
}

// A product: what multiplies it, and what decides whether it is there at all, infinities and all.
struct PhaseLowering::Factors {
  ValuePtr product, flags;
  std::vector<ValuePtr> conditions;  // other than 0: true

  static void multiply(ValuePtr& into, ValuePtr f) { into = into ? apply(Op::mul, {into, f}) : f; }
  ValuePtr value(double coefficient) {
    const bool only_flags = !product && flags;
    ValuePtr out = product ? product : flags ? flags : constant(coefficient);
    if (coefficient != 1 && (product || flags)) out = apply(Op::mul, {out, constant(coefficient)});
    if (flags && !only_flags) out = apply(Op::select, {flags, out, constant(0)});
    for (const ValuePtr& c : conditions) out = apply(Op::select, {c, out, constant(0)});
    return out;
  }
};

void PhaseLowering::add_factor(Nest& nest, const Use& use, const std::vector<Place>& labels, Factors& to) {
  std::vector<Place> at;
  for (const Index& index : use.index) at.push_back(substitute(index, labels));
  if (use.node->kind == NodeKind::embed) Factors::multiply(to.flags, load_at(nest, dense(use.node), use.node->dims, at));
  else if (use.node->kind == NodeKind::map && is_mask(m_.p, use.node)) to.conditions.push_back(build_mask(nest, use, at));
  else Factors::multiply(is_structural(m_.p, use.node) ? to.flags : to.product, build(nest, use.node, at));
}

ValuePtr PhaseLowering::scaled(Nest& nest, ValuePtr value, const std::vector<Use>& scalars, double coefficient,
                               const std::vector<Place>& labels) {
  Factors factors, scale;
  for (const Use& use : scalars) add_factor(nest, use, labels, scale);
  if (coefficient != 1) Factors::multiply(scale.product, constant(coefficient));
  factors = scale;
  factors.product = scale.product ? apply(Op::mul, {value, scale.product}) : value;
  return factors.value(1);
}

ValuePtr PhaseLowering::build_product(Nest& nest, const std::vector<Use>& factors, double coefficient,
                                      const std::vector<Place>& labels) {
  Factors all;
  for (const Use& use : joined(nest, factors, labels)) add_factor(nest, use, labels, all);
  return all.value(coefficient);
}

// How many points of an example some loops have, and the whole nest.
std::pair<double, double> PhaseLowering::points_of(const Nest& nest, const std::unordered_set<int>& loops) {
  const auto extent = [&](int l) { return static_cast<double>(l == nest.batch ? 1 : nest.s.loops[l].extent); };
  double points = 1, all = 1;
  for (int l : loops) points *= l < first_stand_in ? extent(l) : 1;
  for (int l = 0; l < nest.s.outer; ++l) all *= extent(l);
  for (int l : nest.reducing) all *= extent(l);
  return {points, all};
}

// Factors of a sum that share their indices are multiplied first, if the sum would do it again and again.
std::vector<Use> PhaseLowering::joined(const Nest& nest, const std::vector<Use>& factors,
                                       const std::vector<Place>& labels) {
  std::map<std::vector<int>, std::vector<Use>> groups;
  std::vector<Use> out;
  const bool finite =
      std::all_of(factors.begin(), factors.end(), [&](const Use& use) { return stays_finite(m_.p, use.node); });
  for (const Use& use : factors) {
    const bool mask = is_mask(m_.p, use.node) && (!finite || use.node->kind == NodeKind::leaf);
    if (nest.reducing.empty() || mask || structural(use.node) || !use.node->batched || use.node->rank() == 0 ||
        !injective(use)) {
      out.push_back(use);
      continue;
    }
    std::vector<int> mentioned;
    for (const Index& index : use.index) mentioned.push_back(index.label());
    std::sort(mentioned.begin(), mentioned.end());
    groups[mentioned].push_back(use);
  }
  for (auto& [mentioned, group] : groups) {
    std::unordered_set<int> loops;
    for (int l : mentioned)
      for (const Index::Term& t : labels[l].terms) loops.insert(t.label);
    const auto [points, all] = points_of(nest, loops);
    const bool masks = std::all_of(group.begin(), group.end(), [&](const Use& use) { return is_mask(m_.p, use.node); });
    if (group.size() == 1 || masks || points * cost_model::repeats_in_a_sum > all) {
      out.insert(out.end(), group.begin(), group.end());
      continue;
    }
    std::vector<Extent> dims;
    Use one{nullptr, {}, 1};
    for (int l : mentioned) {
      const Use& first = group.front();
      for (std::size_t axis = 0; axis < first.index.size(); ++axis)
        if (first.index[axis].label() == l) dims.push_back(first.node->dims[axis]);
      one.index.push_back(Index::of(l));
    }
    for (Use& use : group)
      for (Index& index : use.index)
        index = Index::of(
            static_cast<int>(std::lower_bound(mentioned.begin(), mentioned.end(), index.label()) - mentioned.begin()));
    one.node = m_.p.graph.contract(group, dims, {});
    materialise(one.node);
    out.push_back(one);
  }
  return out;
}

// A node's value at a place of the nest.
ValuePtr PhaseLowering::build(Nest& nest, Ref node, const std::vector<Place>& at) {
  if (node->kind == NodeKind::constant) return constant(node->number);
  if (node->kind == NodeKind::leaf) return load_leaf(nest, node, at);
  if (node->kind == NodeKind::embed) return load_at(nest, dense(node), node->dims, at);
  if (buffer_.contains(node)) return load_kept(nest, node, at);
  // Reading at fewer points than the nest has would repeat the work at each of them.
  std::unordered_set<int> loops;
  for (const Place& p : at)
    for (const Index::Term& t : p.terms) loops.insert(t.label);
  const auto [points, nest_points] = points_of(nest, loops);
  const bool inside_reduce = !nest.reducing.empty();
  const bool repeated = points < nest_points;
  const int free = inside_reduce && points * cost_model::repeats_in_a_sum <= nest_points ? 0 : cost_model::free_operations;
  const bool fused = !needs_buffer(node) && (!repeated || operations(node) <= free);
  const bool sums_here = node->kind == NodeKind::contract && is_reduction(node) && !node->sum_batch &&
                         !has_structure(node) && uses_[node] <= 1 && !repeated && !inside_reduce &&
                         !(hoist_ && parameters_only(node)) && node->batched == (nest.batch >= 0);
  if (!fused && !sums_here) return load_kept(nest, node, at);
  switch (node->kind) {
    case NodeKind::map: {
      std::vector<ValuePtr> args;
      for (const Use& use : node->uses) {
        std::vector<Place> inner;
        for (const Index& index : use.index) inner.push_back(substitute(index, at));
        args.push_back(build(nest, use.node, inner));
      }
      return apply(node->op, args);
    }
    case NodeKind::sum: {
      ValuePtr total;
      std::vector<const Use*> terms;
      for (const Use& use : node->uses) terms.push_back(&use);
      // b - a, not a * -1 + b: the same, and one form of it.
      if (terms.size() > 1 && terms[0]->coefficient == -1 && terms[1]->coefficient != -1) std::swap(terms[0], terms[1]);
      for (const Use* each : terms) {
        const Use& use = *each;
        std::vector<Place> inner;
        for (const Index& index : use.index) inner.push_back(substitute(index, at));
        ValuePtr term = build(nest, use.node, inner);
        if (use.coefficient == -1 && total) {
          total = apply(Op::sub, {total, term});
          continue;
        }
        if (use.coefficient != 1) term = apply(Op::mul, {term, constant(use.coefficient)});
        total = total ? apply(Op::add, {total, term}) : term;
      }
      return total ? total : constant(0);
    }
    case NodeKind::contract: {
      if (!is_reduction(node)) return build_product(nest, node->uses, node->number, at);
      std::vector<Place> labels = at;
      // A reduce of its own: its loops are not inside those of its neighbours.
      std::vector<int> over;
      for (Extent e : node->summed) {
        over.push_back(nest.add(fmt::format("k{}", nest.s.loops.size()), e));
        labels.push_back(Index::of(over.back()));
      }
      const auto [inside, scalars] = split_scalars(node->uses, node->sum_batch, over, labels);
      nest.reducing = over;
      const ValuePtr total = sum(over, build_product(nest, inside, 1, labels));
      nest.reducing.clear();
      return scaled(nest, total, scalars, node->number, labels);
    }
    default: return load_kept(nest, node, at);
  }
}

// Each term of what is gathered is added by a statement of its own.
void PhaseLowering::gather(int buffer, const Root& root) {
  bool separate = root.node->kind == NodeKind::sum;
  for (const Use& use : root.node->uses)
    separate = separate && use.node->kind == NodeKind::contract && use.node->dims == root.node->dims &&
               injective(use) && std::is_sorted(use.index.begin(), use.index.end(), [](const Index& a, const Index& b) {
                 return a.label() < b.label();
               });
  if (!separate) {
    emit(buffer, root.node, true, root.label);
    return;
  }
  for (const Use& use : root.node->uses) {
    const Node& n = *use.node;
    emit(buffer, m_.p.graph.contract(n.uses, n.dims, n.summed, n.number * use.coefficient, n.sum_batch), true,
         root.label);
  }
}

void PhaseLowering::lower(const Phase& phase) {
  count_uses(phase);
  // An assignment must not change what a later one still reads: those that are read go last, through a copy if need be.
  std::vector<Root> roots = phase.roots;
  std::stable_sort(roots.begin(), roots.end(), [&](const Root& a, const Root& b) {
    auto reads = [&](const Root& by, const Root& of) {
      if (of.kind != RootKind::assign) return false;
      for (Ref n : postorder({by.node}))
        if (n->kind == NodeKind::leaf && n->tensor == of.tensor) return true;
      return false;
    };
    return a.kind == RootKind::assign && reads(a, b) && !reads(b, a);
  });
  std::vector<std::pair<int, int>> late;  // buffer to copy -> from
  std::unordered_set<int> assigned;
  for (const Root& root : roots) {
    if (root.node->is_zero() && root.kind == RootKind::gather) continue;
    if (root.kind == RootKind::gather && root.node->kind == NodeKind::constant) continue;
    const int buffer = m_.tensor_buffer(root.tensor, root.time);
    if (root.kind == RootKind::assign) {
      bool read_later = false;
      for (const Root& other : roots)
        if (&other > &root)
          for (Ref n : postorder({other.node}))
            read_later = read_later || (n->kind == NodeKind::leaf && n->tensor == root.tensor);
      if (read_later || !assigned.insert(buffer).second) {
        const int copy = materialise(
            root.node->kind == NodeKind::leaf || root.node->kind == NodeKind::constant
                ? m_.p.graph.map(Op::add, {whole(root.node), {m_.p.graph.constant(0), {}, 1}}, root.node->dims)
                : root.node);
        late.emplace_back(buffer, copy);
        continue;
      }
    }
    label_ = root.label;
    if (root.kind == RootKind::gather) {
      gather(buffer, root);
      continue;
    }
    emit(buffer, root.node, false, root.label);
    // What was stored can be read from there by the phase's other equations.
    const bool kept = root.kind == RootKind::store && root.node->kind != NodeKind::leaf &&
                      root.node->kind != NodeKind::constant && root.node->batched && !structural(root.node);
    if (kept) buffer_.emplace(root.node, buffer);
  }
  for (const auto& [to, from] : late) {
    Nest nest;
    const Extent size = m_.out.module.buffers[to].size;
    const Place at = Index::of(nest.add("i", size));
    nest.s.outer = 1;
    nest.s.out = access(nest, to, {size}, {at});
    nest.s.value = load_at(nest, from, {size}, {at});
    nest.s.label = "assign";
    finish(nest);
  }
}

}  // namespace eligo::compiler::lowering
