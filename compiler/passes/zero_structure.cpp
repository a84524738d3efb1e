#include "compiler/passes/zero_structure.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <unordered_map>

#include <fmt/core.h>

#include "compiler/ir/recurrence_blocks.h"
#include "compiler/ir/rewrite.h"
#include "compiler/passes/simplify.h"

namespace eligo::compiler {
namespace {

// Sets of numbers that are the same.
class Classes {
 public:
  explicit Classes(int size) : parent_(static_cast<std::size_t>(size)) { std::iota(parent_.begin(), parent_.end(), 0); }
  int of(int x) const {
    while (parent_[static_cast<std::size_t>(x)] != x) x = parent_[static_cast<std::size_t>(x)];
    return x;
  }
  bool join(int a, int b) {
    a = of(a);
    b = of(b);
    if (a == b) return false;
    parent_[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
    return true;
  }
  bool trivial() const {
    for (std::size_t i = 0; i < parent_.size(); ++i)
      if (parent_[i] != static_cast<int>(i)) return false;
    return true;
  }
  bool operator==(const Classes& other) const {
    for (std::size_t i = 0; i < parent_.size(); ++i)
      if (of(static_cast<int>(i)) != other.of(static_cast<int>(i))) return false;
    return true;
  }

 private:
  std::vector<int> parent_;
};

// Axes of simplified nodes that must agree where the node is other than zero.
class Ties {
 public:
  const Classes& of(Ref root) {
    for (Ref node : postorder({root}))
      if (!known_.contains(node)) known_.emplace(node, find(node));
    return known_.at(root);
  }

 private:
  Classes find(Ref node) {
    Classes none(node->rank());
    if (node->kind == NodeKind::embed && node->is_identity()) {
      none.join(0, 1);
      return none;
    }
    if (node->kind == NodeKind::contract) return product(node);
    if (node->kind == NodeKind::sum) return common(node, node->uses);
    if (node->kind == NodeKind::map) return map(node);
    return none;
  }

  // What the ties of an operand say of the labels that it is read by.
  void joined(const Use& use, Classes& labels) {
    const Classes& ties = known_.at(use.node);
    for (int i = 0; i < use.node->rank(); ++i) {
      const int j = ties.of(i);
      if (i == j || !use.index[static_cast<std::size_t>(i)].is_label() ||
          !use.index[static_cast<std::size_t>(j)].is_label())
        continue;
      labels.join(use.index[static_cast<std::size_t>(i)].label(), use.index[static_cast<std::size_t>(j)].label());
    }
  }

  Classes product(Ref node) {
    Classes labels(node->labels());
    for (const Use& use : node->uses) joined(use, labels);
    Classes result(node->rank());
    for (int i = 0; i < node->rank(); ++i)
      for (int j = 0; j < i; ++j)
        if (labels.of(i) == labels.of(j)) result.join(i, j);
    return result;
  }

  // Terms of a sum: what all of them say. A sum without terms is zero, of which anything holds.
  Classes common(Ref node, const std::vector<Use>& terms) {
    std::optional<std::vector<Classes>> all;
    std::vector<Classes> each;
    for (const Use& use : terms) {
      each.emplace_back(node->labels());
      joined(use, each.back());
    }
    Classes result(node->rank());
    for (int i = 0; i < node->rank(); ++i)
      for (int j = 0; j < i; ++j)
        if (node->dims[static_cast<std::size_t>(i)] == node->dims[static_cast<std::size_t>(j)] &&
            std::all_of(each.begin(), each.end(), [&](const Classes& c) { return c.of(i) == c.of(j); }))
          result.join(i, j);
    return result;
  }

  // An operation is zero where all its operands are, if it makes zero of zeros.
  Classes map(Ref node) {
    double x[3] = {};
    std::vector<Use> operands;
    for (std::size_t i = 0; i < node->uses.size(); ++i) {
      if (node->uses[i].node->kind == NodeKind::constant) x[i] = node->uses[i].node->number;
      else operands.push_back(node->uses[i]);
    }
    if (operands.empty() || op_evaluate(node->op, x) != 0) return Classes(node->rank());
    return common(node, operands);
  }

  std::unordered_map<Ref, Classes> known_;
};

struct Block {
  std::vector<int> key;
  std::vector<Axis> axes;  // one per index
  std::vector<Extent> dims;
  Ref value = nullptr;  // its part of the recurrence's right side
  int tensor = -1;      // that stands for it
  bool zero = true;     // assumed, until a round shows otherwise
  Classes ties{0};
};

struct Recurrence {
  int tensor = -1;
  std::vector<Block> blocks;
};

class Structure {
 public:
  explicit Structure(Program& program) : p_(program), g_(program.graph) {}

  void run() {
    std::map<int, std::vector<const Root*>> stores;
    for (Phase& phase : p_.phases)
      for (Root& root : phase.roots)
        if (root.kind == RootKind::store && p_.tensors[root.tensor].kind == TensorKind::forward)
          stores[root.tensor].push_back(&root);
    for (const auto& [tensor, roots] : stores)
      if (roots.size() == 1) consider(*roots[0]);
    if (recurrences_.empty()) return;
    while (!proved()) {}
    p_.tensors.resize(tensors_);  // those of the proof have served
    for (Recurrence& r : recurrences_) choose(r);
    rewrite();
  }

 private:
  // A recurrence that might have structure: every reader takes it block by block.
  void consider(const Root& root) {
    const Tensor& t = p_.tensors[root.tensor];
    Recurrence r{root.tensor, {}};
    bool may = false;
    const auto blocks = cut_blocks(root.node, t.axes);
    for (const auto& [key, read] : reads_.at(root.tensor, root.time)) {
      const auto found = blocks.find(key);
      Ref node = found == blocks.end() ? g_.constant(0) : found->second;
      Block b;
      b.key = key;
      b.axes = block_axes(t.axes, key);
      for (const Axis& a : b.axes) b.dims.push_back(a.extent);
      b.value = node;
      b.ties = Classes(static_cast<int>(b.dims.size()));
      for (std::size_t i = 0; i < b.dims.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
          if (b.dims[i] == b.dims[j] && b.dims[i] > 1)
            may = b.ties.join(static_cast<int>(i), static_cast<int>(j)) || may;
      if (node->dims != b.dims && node->rank() != 0) return;
      r.blocks.push_back(std::move(b));
    }
    may = may || r.blocks.size() > 1;  // one of them may be zero
    if (blocks.empty() || !may || !reads_.only(r.tensor, times_[r.tensor])) return;
    for (Block& b : r.blocks) {
      b.tensor = static_cast<int>(p_.tensors.size());
      Tensor stands = p_.tensors[r.tensor];
      stands.dims = b.dims;
      stands.axes = b.axes;
      p_.tensors.push_back(std::move(stands));
    }
    recurrences_.push_back(std::move(r));
  }

  // What stands for a block where it is read: the identities that are assumed, times the tensor. `small`: the tensor
  // has one axis for all that are tied.
  Ref stand_in(const Block& b, TimeRef time, bool small) {
    if (b.zero) return g_.sum({}, b.dims);
    const int rank = static_cast<int>(b.dims.size());
    std::vector<Use> factors;
    std::vector<Extent> dims;
    Use own{nullptr, {}, 1};
    for (int i = 0; i < rank; ++i) {
      const int same = b.ties.of(i);
      if (same != i)
        factors.push_back({g_.identity(b.dims[static_cast<std::size_t>(i)]), {Index::of(same), Index::of(i)}, 1});
      if (small && same != i) continue;
      dims.push_back(b.dims[static_cast<std::size_t>(i)]);
      own.index.push_back(Index::of(i));
    }
    own.node = g_.leaf(b.tensor, time, dims, p_.tensors[b.tensor].batched);
    factors.push_back(own);
    return factors.size() == 1 ? own.node : g_.contract(factors, b.dims, {});
  }

  Rewritten stand_ins(bool small) {
    Rewritten map;
    for (const Recurrence& r : recurrences_)
      for (TimeRef time : times_[r.tensor])
        for (const Block& b : r.blocks) map[reads_.at(r.tensor, time).at(b.key)] = stand_in(b, time, small);
    return map;
  }

  Ref substitute_in(Ref root, Rewritten& map) {
    return compiler::rewrite(g_, root, map,
                             [&](Ref node, std::vector<Use> uses) { return g_.rebuild(node, std::move(uses)); });
  }

  // One round: whether all that is assumed was found again. What was not is assumed no longer.
  bool proved() {
    Rewritten map = stand_ins(false);
    bool all = true;
    Ties ties;
    std::vector<Ref> values;
    for (Recurrence& r : recurrences_)
      for (Block& b : r.blocks) values.push_back(substitute_in(b.value, map));
    values = simplify(p_, values);
    auto next = values.begin();
    for (Recurrence& r : recurrences_)
      for (Block& b : r.blocks) {
        Ref value = *next++;
        if (value->is_zero()) continue;
        if (b.zero) {
          b.zero = all = false;
          continue;  // its identities are tried in the next round
        }
        if (b.ties.trivial()) continue;
        Classes still(static_cast<int>(b.dims.size()));
        if (value->rank() != 0) {
          const Classes& found = ties.of(value);
          for (int i = 0; i < static_cast<int>(b.dims.size()); ++i)
            for (int j = 0; j < i; ++j)
              if (b.ties.of(i) == b.ties.of(j) && found.of(i) == found.of(j)) still.join(i, j);
        }
        if (still == b.ties) continue;
        b.ties = still;
        all = false;
      }
    g_.origin = {};
    return all;
  }

  // Recurrences without structure stay as they are.
  void choose(Recurrence& r) {
    bool any = false;
    for (const Block& b : r.blocks) any = any || b.zero || !b.ties.trivial();
    if (any) return;
    r.blocks.clear();
  }

  void rewrite() {
    std::erase_if(recurrences_, [](const Recurrence& r) { return r.blocks.empty(); });
    if (recurrences_.empty()) return;
    for (Recurrence& r : recurrences_) settle(r);
    Rewritten map = stand_ins(true);
    for (Phase& phase : p_.phases) {
      std::vector<Root> roots;
      for (Root& root : phase.roots) {
        const auto r = std::find_if(recurrences_.begin(), recurrences_.end(), [&](const Recurrence& x) {
          return root.kind == RootKind::store && x.tensor == root.tensor;
        });
        if (r == recurrences_.end()) {
          root.node = substitute_in(root.node, map);
          roots.push_back(root);
          continue;
        }
        for (const Block& b : r->blocks)
          if (!b.zero)
            roots.push_back(
                {RootKind::store, b.tensor, root.time, diagonal(b, substitute_in(b.value, map)), root.label});
      }
      phase.roots = std::move(roots);
    }
    g_.origin = {};
  }

  // A tensor for each block; the first takes the place of the whole, which nothing reads any more.
  void settle(Recurrence& r) {
    const Tensor whole_tensor = p_.tensors[r.tensor];
    bool first = true;
    for (Block& b : r.blocks) {
      if (b.zero) continue;
      Tensor t = whole_tensor;
      t.name = fmt::format("{}[{}]", whole_tensor.name, block_name(whole_tensor.axes, b.key));
      t.dims.clear();
      t.axes.clear();
      for (std::size_t i = 0; i < b.dims.size(); ++i) {
        if (b.ties.of(static_cast<int>(i)) != static_cast<int>(i)) continue;
        t.dims.push_back(b.dims[i]);
        t.axes.push_back(b.axes[i]);
      }
      b.tensor = first ? r.tensor : static_cast<int>(p_.tensors.size());
      if (first) p_.tensors[r.tensor] = std::move(t);
      else p_.tensors.push_back(std::move(t));
      first = false;
    }
    if (first) p_.tensors[r.tensor].dims.clear();  // it is zero
  }

  // The block where tied indices agree.
  Ref diagonal(const Block& b, Ref value) {
    std::vector<Index> index;
    std::vector<Extent> dims;
    std::vector<int> label(b.dims.size(), -1);
    for (std::size_t i = 0; i < b.dims.size(); ++i) {
      const auto same = static_cast<std::size_t>(b.ties.of(static_cast<int>(i)));
      if (same == i) {
        label[i] = static_cast<int>(dims.size());
        dims.push_back(b.dims[i]);
      }
      index.push_back(Index::of(label[same]));
    }
    if (value->rank() == 0) index.clear();
    return g_.contract({Use{value, index, 1}}, dims, {});
  }

  Program& p_;
  Graph& g_;
  std::size_t tensors_ = p_.tensors.size();
  std::vector<Recurrence> recurrences_;
  BlockReads reads_{p_};
  std::map<int, std::set<TimeRef>> times_;
};

}  // namespace

void infer_zero_structure(Program& program) { Structure(program).run(); }

}  // namespace eligo::compiler
