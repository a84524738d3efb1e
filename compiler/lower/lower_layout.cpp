// Where things lie in memory: the order of the axes of what gets a buffer, and transposed copies of parameters.
//
// A loop nest is fast where its innermost output axis is contiguous in what it stores and in what it reads. What is
// computed lies as most of what it is computed from lies, so that pointwise work runs straight through memory, and
// neighbouring axes stay neighbours everywhere and become one loop (slot, q of a sparse net; the gates of an LSTM).
#include <algorithm>

#include <fmt/core.h>

#include "compiler/lower/lowering.h"

namespace eligo::compiler::lowering {

namespace {

bool depends(const Access& a, int loop) {
  const auto at = [&](const std::vector<std::int64_t>& strides) {
    return static_cast<std::size_t>(loop) < strides.size() && strides[static_cast<std::size_t>(loop)] != 0;
  };
  return at(a.stride) || (a.gather >= 0 && at(a.gather_loops));
}

void loads_of(const ValuePtr& v, std::vector<const Value*>& loads) {
  if (v->kind == ValueKind::load) loads.push_back(v.get());
  for (const ValuePtr& a : v->args) loads_of(a, loads);
}

}  // namespace

// The order of a node's axes in the first operand that has them all.
std::vector<int> PhaseLowering::order_of(Ref node) {
  if (const auto kept = order_.find(node); kept != order_.end()) return kept->second;
  if (const auto known = found_order_.find(node); known != found_order_.end()) return known->second;
  std::vector<int> own;
  for (int i = 0; i < node->rank(); ++i) own.push_back(i);
  const bool plain = node->kind == NodeKind::map || node->kind == NodeKind::sum || node->kind == NodeKind::contract ||
                     node->kind == NodeKind::maximum;
  if (node->rank() > 1 && plain && !buffer_.contains(node)) {
    for (const Use& use : node->uses) {
      if (structural(use.node) || use.node->rank() < node->rank()) continue;
      std::vector<int> order;
      for (int axis : order_of(use.node)) {
        const Index& index = use.index[static_cast<std::size_t>(axis)];
        if (index.is_label() && index.label() < node->rank() &&
            std::find(order.begin(), order.end(), index.label()) == order.end())
          order.push_back(index.label());
      }
      if (order.size() < own.size()) continue;
      return found_order_[node] = order;
    }
  }
  return found_order_[node] = own;
}

ValuePtr PhaseLowering::load_kept(Nest& nest, Ref node, const std::vector<Place>& at) {
  const int buffer = materialise(node);
  const auto order = order_.find(node);
  if (order == order_.end()) return load_at(nest, buffer, node->dims, at);
  return load_at(nest, buffer, ordered(node->dims, order->second), ordered(at, order->second));
}

ValuePtr PhaseLowering::load_leaf(Nest& nest, Ref leaf, const std::vector<Place>& at) {
  auto v = std::make_shared<Value>(*load_at(nest, m_.tensor_buffer(leaf->tensor, leaf->time), leaf->dims, at));
  if (leaf->rank() >= 2 && hoist_ && parameters_only(leaf)) nest.matrices.push_back({v, leaf, at});
  return v;
}

// Rows of a power of two of elements, or of a multiple of a large one, would share few sets of a cache: they get a line
// more each.
std::vector<Extent> PhaseLowering::Layout::strides(const std::vector<Extent>& dims) const {
  const std::vector<Extent> laid = ordered(dims, order);
  std::vector<Extent> out = row_major(laid);
  if (row == 0 || out[static_cast<std::size_t>(row) - 1] % cost_model::aliasing_row != 0) return out;
  Extent stride = out[static_cast<std::size_t>(row) - 1] + cost_model::row_padding;
  for (int axis = row - 1; axis >= 0; --axis) {
    out[static_cast<std::size_t>(axis)] = stride;
    stride *= laid[static_cast<std::size_t>(axis)];
  }
  return out;
}

// A parameter read across its rows by the loop that will be vectorised is read from a transposed copy: first the axes
// that another factor of its sum has, too (there is a product of its own for each of their points), then those summed
// over, then the others in the order of the loops. Only where the copy is made when parameters change: one for every
// step would cost more than what reads it, and the kernel transposes in registers then. A few outputs fill no vector:
// their sums run along the rows instead. Rows that would share few sets of a cache are copied, too, transposed or not.
PhaseLowering::Layout PhaseLowering::layout_of(const Nest& nest, const Nest::Matrix& matrix) {
  const int outer = nest.s.outer;
  if (static_cast<std::size_t>(outer) == nest.s.loops.size()) return {};
  int fast = outer - 1;
  while (fast >= 0 && (nest.s.loops[static_cast<std::size_t>(fast)].extent == 1 || fast == nest.batch)) --fast;
  if (fast < 0) return {};

  std::vector<const Value*> loads;
  loads_of(nest.s.value, loads);
  std::vector<bool> shared(static_cast<std::size_t>(outer), false);
  for (const Value* v : loads) {
    bool summed = false, other = true;
    for (std::size_t l = static_cast<std::size_t>(outer); l < nest.s.loops.size(); ++l)
      summed = summed || depends(v->access, static_cast<int>(l));
    for (const Nest::Matrix& m : nest.matrices) other = other && m.load.get() != v;
    for (int l = 0; summed && other && l < outer; ++l)
      shared[static_cast<std::size_t>(l)] = shared[static_cast<std::size_t>(l)] || depends(v->access, l);
  }

  std::vector<int> first, summed, free;
  for (int axis = 0; axis < matrix.leaf->rank(); ++axis) {
    const Index& index = matrix.at[static_cast<std::size_t>(axis)];
    if (!index.is_constant() && !index.is_label()) return {};
    if (index.is_constant() || index.label() >= first_stand_in) first.push_back(axis);
    else if (index.label() >= outer) summed.push_back(axis);
    else (shared[static_cast<std::size_t>(index.label())] ? first : free).push_back(axis);
  }
  const auto label = [&](int axis) { return matrix.at[static_cast<std::size_t>(axis)].label(); };
  std::stable_sort(free.begin(), free.end(), [&](int a, int b) { return label(a) < label(b); });
  if (summed.empty() || free.empty() || label(free.back()) != fast) return {};
  for (std::size_t i = 1; i < free.size(); ++i)  // a diagonal
    if (label(free[i]) == label(free[i - 1])) return {};
  const auto extents = [&](const std::vector<int>& axes) {
    std::int64_t n = 1;
    for (const int axis : axes) n *= matrix.leaf->dims[static_cast<std::size_t>(axis)];
    return n;
  };
  const bool along_rows = matrix.at.back().mentions(fast);
  const bool aliases = extents(free) % cost_model::aliasing_row == 0 && extents(summed) >= cost_model::aliasing_rows;
  if (along_rows ? !aliases : summed.back() != matrix.leaf->rank() - 1) return {};
  if (extents(free) < cost_model::transposed_outputs && extents(summed) > extents(free)) return {};
  Layout layout{first, static_cast<int>(first.size() + summed.size())};
  layout.order.insert(layout.order.end(), summed.begin(), summed.end());
  layout.order.insert(layout.order.end(), free.begin(), free.end());
  return layout;
}

void PhaseLowering::choose_layouts(Nest& nest) {
  for (const Nest::Matrix& m : nest.matrices) {
    const Layout layout = layout_of(nest, m);
    if (layout.order.empty()) continue;
    m.load->access =
        strided(nest, transposed(m.leaf, layout), layout.strides(m.leaf->dims), ordered(m.at, layout.order));
  }
}

int PhaseLowering::transposed(Ref leaf, const Layout& layout) {
  if (hoist_) return m_.prepare->transposed(leaf, layout);
  auto [known, fresh] = transposed_.emplace(std::pair{leaf, layout}, -1);
  if (!fresh) return known->second;
  const std::string& tensor = m_.p.tensors[leaf->tensor].name;
  const bool same_order = std::is_sorted(layout.order.begin(), layout.order.end());
  const int buffer =
      m_.prepared_buffer(identifier(tensor) + (same_order ? "_padded" : "_t"), layout.size(leaf->dims));
  Nest nest;
  std::vector<Place> from(layout.order.size());
  for (int i : layout.order)
    from[static_cast<std::size_t>(i)] = Index::of(nest.add(fmt::format("i{}", i), leaf->dims[i]));
  nest.s.outer = static_cast<int>(nest.s.loops.size());
  nest.s.out = strided(nest, buffer, layout.strides(leaf->dims), ordered(from, layout.order));
  nest.s.value = load_at(nest, m_.tensor_buffer(leaf->tensor, leaf->time), leaf->dims, from);
  nest.s.label = fmt::format("{} copy of {}", same_order ? "padded" : "transposed", tensor);
  finish(nest);
  return transposed_[{leaf, layout}] = buffer;
}

}  // namespace eligo::compiler::lowering
