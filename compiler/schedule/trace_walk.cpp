#include "compiler/schedule/trace_walk.h"

#include <algorithm>
#include <utility>

namespace eligo::compiler {
namespace {

constexpr const char* nonlinear = "it is not linear in itself";
constexpr const char* coefficients = "its coefficients differ from column to column";
constexpr const char* mixed = "it moves values from column to column";

}  // namespace

TraceWalk::TraceWalk(Program& program, int tensor, const std::map<BlockKey, Ref>& reads, std::vector<bool> is_column,
                     BlockKey column, std::vector<Extent> dims)
    : p_(program),
      g_(program.graph),
      tensor_(tensor),
      is_column_(std::move(is_column)),
      column_(std::move(column)),
      dims_(std::move(dims)) {
  for (const auto& [key, node] : reads) {
    reads_[node] = key;
    reaches_[node] = true;
  }
}

TraceWalk::Columns TraceWalk::columns_of(const BlockKey& key) const {
  const std::vector<Axis>& axes = p_.tensors[tensor_].axes;
  Columns columns;
  int next = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t rank = axes[i].bundle ? axes[i].bundle->members[static_cast<std::size_t>(key[i])].dims.size() : 1;
    for (std::size_t d = 0; d < rank; ++d) columns.push_back(is_column_[i] ? next++ : -1);
  }
  return columns;
}

bool TraceWalk::reaches(Ref node) {
  if (auto known = reaches_.find(node); known != reaches_.end()) return known->second;
  bool found = node->kind == NodeKind::leaf && node->tensor == tensor_ && reads_.contains(node);
  for (const Use& use : node->uses) found = reaches(use.node) || found;
  return reaches_[node] = found;
}

bool TraceWalk::mentions_columns(const Use& use, const Columns& columns) {
  for (const Index& index : use.index)
    for (const Index::Term& term : index.terms)
      if (term.label < static_cast<int>(columns.size()) && columns[static_cast<std::size_t>(term.label)] >= 0)
        return true;
  return false;
}

bool TraceWalk::inner_columns(Ref node, std::size_t i, const Columns& columns, Columns& inner) const {
  const Use& use = node->uses[i];
  std::size_t found = 0;
  for (const Index& index : use.index) {
    int column = -1;
    for (const Index::Term& term : index.terms) {
      if (term.label >= static_cast<int>(columns.size()) || columns[static_cast<std::size_t>(term.label)] < 0) continue;
      if (!index.is_label()) return false;
      column = columns[static_cast<std::size_t>(term.label)];
    }
    if (column >= 0 && std::find(inner.begin(), inner.end(), column) != inner.end()) return false;
    inner.push_back(column);
    found += column >= 0;
  }
  const auto all =
      static_cast<std::size_t>(std::count_if(columns.begin(), columns.end(), [](int column) { return column >= 0; }));
  return found == all;
}

void TraceWalk::walk(Ref node, const Columns& columns, Ref u) {
  if (auto key = reads_.find(node); key != reads_.end()) return read(key->second, columns, u);
  if (!reaches(node)) return add(node, columns, u);
  switch (node->kind) {
    case NodeKind::stop: return walk(node->uses[0].node, columns, u);
    case NodeKind::sum:
      for (std::size_t i = 0; i < node->uses.size(); ++i) walk_use(node, i, {}, node->uses[i].coefficient, columns, u);
      return;
    case NodeKind::contract: return walk_product(node, columns, u);
    case NodeKind::map: return walk_map(node, columns, u);
    case NodeKind::jvp: return walk_tangent(node, columns, u);
    default: throw NotTransposable(nonlinear, 3);
  }
}

// Where the trace itself is read: at the columns that are walked, each in its place.
void TraceWalk::read(const BlockKey& key, const Columns& columns, Ref u) {
  BlockKey column, state;
  for (std::size_t i = 0; i < key.size(); ++i) (is_column_[i] ? column : state).push_back(key[i]);
  if (column != column_ || columns != columns_of(key)) throw NotTransposable(mixed, 1);
  states[state].push_back(whole(u));
}

// What operand i receives of the node's cotangent: Σ over the node's other labels of u, the other factors, and where
// the operand was read.
Ref TraceWalk::handed(Ref node, std::size_t i, const std::vector<Use>& others, double coefficient,
                      const Columns& columns, const Columns& inner, Ref u) {
  const Use& use = node->uses[i];
  std::vector<Extent> dims, summed;
  std::vector<int> place(use.index.size(), -1), output(static_cast<std::size_t>(node->labels()), -1);
  for (std::size_t a = 0; a < use.index.size(); ++a) {
    if (inner[a] >= 0) continue;
    place[a] = static_cast<int>(dims.size());
    dims.push_back(use.node->dims[a]);
    // Read by a label of its own: the label is the axis.
    if (!use.index[a].is_label() || dims.back() != node->extent(use.index[a].label())) continue;
    int& label = output[static_cast<std::size_t>(use.index[a].label())];
    if (label < 0) label = std::exchange(place[a], -1);
  }
  std::vector<Index> moved;  // by label of the node
  Use received{u, {}, 1};
  for (int l = 0; l < node->labels(); ++l) {
    const bool column = l < node->rank() && columns[static_cast<std::size_t>(l)] >= 0;
    if (column) {
      moved.push_back(Index::at(0));
      continue;
    }
    const int label = output[static_cast<std::size_t>(l)];
    moved.push_back(Index::of(label >= 0 ? label : static_cast<int>(dims.size() + summed.size())));
    if (label < 0) summed.push_back(node->extent(l));
    if (l < node->rank()) received.index.push_back(moved.back());
  }
  std::vector<Use> factors = {received};
  for (Use other : others) {
    for (Index& index : other.index) index = substitute(index, moved);
    other.coefficient = 1;
    factors.push_back(other);
  }
  for (std::size_t a = 0; a < use.index.size(); ++a) {
    if (place[a] < 0) continue;
    std::vector<Extent> small, strides;
    Use embed{nullptr, {Index::of(place[a])}, 1};
    for (const Index::Term& term : use.index[a].terms) {
      small.push_back(node->extent(term.label));
      strides.push_back(term.stride);
      embed.index.push_back(moved[static_cast<std::size_t>(term.label)]);
    }
    embed.node = g_.embed(use.node->dims[a], use.index[a].offset, small, strides);
    factors.push_back(embed);
  }
  return g_.contract(factors, dims, summed, coefficient);
}

void TraceWalk::walk_use(Ref node, std::size_t i, const std::vector<Use>& others, double coefficient,
                         const Columns& columns, Ref u) {
  Columns inner;
  const bool aligned = inner_columns(node, i, columns, inner);
  for (const Use& other : others)
    if (mentions_columns(other, columns)) throw NotTransposable(coefficients, 2);
  if (aligned) return walk(node->uses[i].node, inner, handed(node, i, others, coefficient, columns, inner, u));
  if (reaches(node->uses[i].node)) throw NotTransposable(mixed, 1);
  // A term that is the same for all columns, or reads across them: as it stands.
  std::vector<Use> factors = others;
  factors.push_back(node->uses[i]);
  factors.back().coefficient = 1;
  add_plainly(g_.contract(factors, node->dims, node->summed, coefficient), columns, u);
}

void TraceWalk::walk_product(Ref node, const Columns& columns, Ref u) {
  if (node->sum_batch) throw NotTransposable("it sums over the batch");
  std::size_t through = node->uses.size();
  std::vector<Use> others;
  for (std::size_t i = 0; i < node->uses.size(); ++i) {
    if (!reaches(node->uses[i].node)) {
      others.push_back(node->uses[i]);
    } else if (through != node->uses.size()) {
      throw NotTransposable(nonlinear, 3);
    } else {
      through = i;
    }
  }
  walk_use(node, through, others, node->number, columns, u);
}

void TraceWalk::walk_map(Ref node, const Columns& columns, Ref u) {
  const auto& uses = node->uses;
  const auto only = [&](std::size_t i) {
    for (std::size_t k = 0; k < uses.size(); ++k)
      if (k != i && reaches(uses[k].node)) throw NotTransposable(nonlinear, 3);
  };
  const Op op = node->op;
  if (op == Op::neg) {
    walk_use(node, 0, {}, -1, columns, u);
  } else if (op == Op::add || op == Op::sub) {
    walk_use(node, 0, {}, 1, columns, u);
    walk_use(node, 1, {}, op == Op::add ? 1 : -1, columns, u);
  } else if (op == Op::mul) {
    const std::size_t i = reaches(uses[0].node) ? 0 : 1;
    only(i);
    walk_use(node, i, {uses[1 - i]}, 1, columns, u);
  } else if (op == Op::div) {
    only(0);
    Use inverse = whole(g_.map(Op::recip, {whole(uses[1].node)}, uses[1].node->dims));
    inverse.index = uses[1].index;
    walk_use(node, 0, {inverse}, 1, columns, u);
  } else {
    throw NotTransposable(nonlinear, 3);
  }
}

// d(a)/d(b_k) . v_k: what a receives goes to each b_k, and on to what v_k reads.
void TraceWalk::walk_tangent(Ref node, const Columns& columns, Ref u) {
  Ref a = node->uses[0].node;
  if (reaches(a)) throw NotTransposable(nonlinear, 3);
  for (int i = 0; i < node->rank(); ++i)
    if ((columns[static_cast<std::size_t>(i)] >= 0) != (i >= a->rank())) throw NotTransposable(mixed, 1);
  for (std::size_t k = 1; k < node->uses.size(); ++k) {
    Ref v = node->uses[k].node;
    const int inner_rank = node->cuts[k - 1]->rank();
    Columns inner(static_cast<std::size_t>(inner_rank), -1);
    inner.insert(inner.end(), columns.begin() + a->rank(), columns.end());
    walk(v, inner, g_.vjp({{a, u}}, node->cuts, static_cast<int>(k) - 1, node->own));
  }
}

void TraceWalk::add(Ref node, const Columns& columns, Ref u) {
  if (node->is_zero()) return;
  if (!add_through(node, columns, u)) add_plainly(node, columns, u);
}

// On to a Jacobian inside, which a cotangent is better pushed through than multiplied by.
bool TraceWalk::add_through(Ref node, const Columns& columns, Ref u) {
  const auto is_column = [](int column) { return column >= 0; };
  if (node->kind == NodeKind::jac) {
    Ref a = node->uses[0].node;
    for (int i = 0; i < node->rank(); ++i)
      if (columns[static_cast<std::size_t>(i)] != (i < a->rank() ? -1 : i - a->rank())) return false;
    if (node->rank() - a->rank() != static_cast<int>(dims_.size())) return false;
    added.push_back(whole(g_.vjp({{a, u}}, node->cuts, node->wrt, node->own)));
    return true;
  }
  if (node->kind == NodeKind::jvp) {
    Ref a = node->uses[0].node;
    for (int i = 0; i < node->rank(); ++i)
      if (is_column(columns[static_cast<std::size_t>(i)]) != (i >= a->rank())) return false;
    walk_tangent(node, columns, u);
    return true;
  }
  if (node->kind == NodeKind::sum) {
    for (std::size_t i = 0; i < node->uses.size(); ++i) walk_use(node, i, {}, node->uses[i].coefficient, columns, u);
    return true;
  }
  if (node->kind != NodeKind::contract || node->sum_batch) return false;
  for (std::size_t i = 0; i < node->uses.size(); ++i) {
    Columns inner;
    if (!inner_columns(node, i, columns, inner) || std::none_of(inner.begin(), inner.end(), is_column)) continue;
    std::vector<Use> others;
    for (std::size_t k = 0; k < node->uses.size(); ++k)
      if (k != i) others.push_back(node->uses[k]);
    for (const Use& other : others)
      if (mentions_columns(other, columns)) return false;
    add(node->uses[i].node, inner, handed(node, i, others, node->number, columns, inner, u));
    return true;
  }
  return false;
}

void TraceWalk::add_plainly(Ref node, const Columns& columns, Ref u) {
  const auto rank = static_cast<int>(dims_.size());
  Use received{u, {}, 1}, own{node, {}, 1};
  std::vector<Extent> summed;
  for (int i = 0; i < node->rank(); ++i) {
    const int column = columns[static_cast<std::size_t>(i)];
    if (column >= 0) {
      own.index.push_back(Index::of(column));
      continue;
    }
    own.index.push_back(Index::of(rank + static_cast<int>(summed.size())));
    received.index.push_back(own.index.back());
    summed.push_back(node->dims[static_cast<std::size_t>(i)]);
  }
  added.push_back(whole(g_.contract({received, own}, dims_, summed)));
}

}  // namespace eligo::compiler
