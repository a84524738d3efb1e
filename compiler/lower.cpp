#include "compiler/lower.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "dsl/names.h"

namespace eligo::compiler {
namespace {

using loops::Access;
using loops::Statement;
using loops::Value;
using loops::ValueKind;
using loops::ValuePtr;

std::vector<Extent> row_major(const std::vector<Extent>& dims) {
  std::vector<Extent> strides(dims.size(), 1);
  for (int i = static_cast<int>(dims.size()) - 2; i >= 0; --i) strides[i] = strides[i + 1] * dims[i + 1];
  return strides;
}

std::string identifier(const std::string& text) {
  std::string out;
  for (char c : dsl::ascii(text)) out += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return out;
}

bool structural(Ref node) { return node->kind == NodeKind::embed || node->kind == NodeKind::wire; }

bool is_reduction(Ref node) {
  if (node->kind == NodeKind::maximum) return true;
  return node->kind == NodeKind::contract && (!node->summed.empty() || node->sum_batch);
}

bool has_structure(Ref node) {
  if (structural(node)) return true;
  if (node->kind != NodeKind::contract) return false;
  for (const Use& use : node->uses)
    if (structural(use.node)) return true;
  return false;
}

// Terms that touch only some places of the sum they are in.
bool assembled(Ref node) {
  if (has_structure(node)) return true;
  if (node->kind != NodeKind::sum) return false;
  for (const Use& use : node->uses)
    if (has_structure(use.node)) return true;
  return false;
}

// Each axis is read by a label of its own.
bool injective(const Use& use) {
  std::unordered_set<int> seen;
  for (const Index& index : use.index)
    if (!index.is_label() || !seen.insert(index.label()).second) return false;
  return true;
}

constexpr int free_operations = 3;  // elementwise work that is sooner done again than kept

class PhaseLowering;

// What all phases share: the buffers, and the function that prepares values of parameters alone.
class ModuleLowering {
 public:
  ModuleLowering(Program& program, std::int64_t batch) : p(program), batch_estimate(batch) {}

  Lowered run();

  int tensor_buffer(int tensor, TimeRef time) {
    auto [at, fresh] = tensors_.emplace(std::pair{tensor, time}, static_cast<int>(out.bindings.size()));
    if (fresh) {
      const Tensor& t = p.tensors[tensor];
      std::string name = identifier(t.name);
      if (time.base != When::always) name += "__" + identifier(to_string(time));
      add_buffer(name, t.size(), t.batched, {Binding::Kind::tensor, tensor, time, 0});
      out.module.buffers.back().element = t.kind == TensorKind::wiring ? loops::Element::int32 : loops::Element::real;
    }
    return at->second;
  }

  int add_buffer(const std::string& name, Extent size, bool batched, Binding binding) {
    loops::Buffer b;
    b.name = name;
    for (int n = 2; names_.contains(b.name); ++n) b.name = fmt::format("{}_{}", name, n);
    names_.insert(b.name);
    b.size = size;
    b.batched = batched;
    out.module.buffers.push_back(b);
    out.bindings.push_back(binding);
    return static_cast<int>(out.bindings.size()) - 1;
  }

  int prepared_buffer(const std::string& name, Extent size) {
    const std::int64_t at = out.prepared_elements;
    out.prepared_elements += (size + 15) / 16 * 16;
    return add_buffer(name, size, false, {Binding::Kind::prepared, -1, {}, at});
  }

  Program& p;
  std::int64_t batch_estimate;
  Lowered out;
  std::unique_ptr<PhaseLowering> prepare;

 private:
  std::map<std::pair<int, TimeRef>, int> tensors_;
  std::unordered_set<std::string> names_;
};

class PhaseLowering {
 public:
  PhaseLowering(ModuleLowering& module, std::string name, bool hoist) : m_(module), name_(std::move(name)), hoist_(hoist) {}

  void lower(const Phase& phase);
  loops::Function function() { return {name_, std::move(statements_)}; }
  std::int64_t per_example = 0, in_all = 0;

  // A node's value in a buffer of its own (computed at most once).
  int materialise(Ref node);
  int transposed(Ref leaf, const std::vector<int>& order);

 private:
  // One statement under construction: loops by label of the node being emitted.
  struct Nest {
    Statement s;
    int batch = -1;
    std::vector<int> reducing;  // loops of the reduce that is being built, empty outside
    int add(const std::string& name, Extent extent, bool batched = false) {
      s.loops.push_back({name, extent, batched});
      return static_cast<int>(s.loops.size()) - 1;
    }
  };
  // An affine place in terms of the nest's loops.
  using Place = Index;  // labels are loop numbers

  void count_uses(const Phase& phase);
  bool needs_buffer(Ref node) const;
  bool parameters_only(Ref node);
  int operations(Ref node) const;

  void emit(int buffer, Ref node, bool accumulate, const std::string& label);
  void emit_whole(int buffer, Ref node, bool accumulate, const std::string& label);
  void emit_structured(int buffer, const std::vector<Extent>& dims, const Use& use, bool accumulate, const std::string& label);
  void clear(int buffer, const std::string& label);
  void gather(int buffer, const Root& root);
  static bool fills(Ref node);
  static std::size_t tiles(Ref node, std::vector<Use>& terms);

  ValuePtr build(Nest& nest, Ref node, const std::vector<Place>& at);
  ValuePtr build_product(Nest& nest, const std::vector<Use>& factors, double coefficient, const std::vector<Place>& labels);
  static std::pair<std::vector<Use>, std::vector<Use>> split_scalars(Ref node);
  ValuePtr scaled(Nest& nest, ValuePtr value, const std::vector<Use>& scalars, double coefficient);
  ValuePtr load(Nest& nest, int buffer, const std::vector<Extent>& dims, const std::vector<Place>& at);
  ValuePtr load_leaf(Nest& nest, Ref leaf, const std::vector<Place>& at);
  Access access(Nest& nest, int buffer, const std::vector<Extent>& dims, const std::vector<Place>& at);
  void finish(Nest& nest);
  int dense(Ref embed);

  static ValuePtr constant(double x) {
    auto v = std::make_shared<Value>();
    v->kind = ValueKind::constant;
    v->constant = x;
    return v;
  }
  static ValuePtr apply(Op op, std::vector<ValuePtr> args) {
    auto v = std::make_shared<Value>();
    v->kind = ValueKind::apply;
    v->op = op;
    v->args = std::move(args);
    return v;
  }

  ModuleLowering& m_;
  std::string name_;
  bool hoist_;
  std::vector<Statement> statements_;
  std::unordered_map<Ref, int> uses_;
  std::unordered_map<Ref, int> buffer_;                 // materialised
  std::unordered_map<Ref, bool> parameters_only_;
  std::map<std::pair<Ref, std::vector<int>>, int> transposed_;
  std::unordered_map<Ref, int> dense_;
  struct Gather {
    Ref wire;
    std::vector<Place> at;
  };
  std::map<int, Gather> gathers_;                       // loop standing for a wire's target -> how to find it
  std::string label_;
};

void PhaseLowering::count_uses(const Phase& phase) {
  std::vector<Ref> roots;
  for (const Root& r : phase.roots) roots.push_back(r.node);
  for (Ref node : postorder(roots))
    for (const Use& use : node->uses) ++uses_[use.node];
  for (Ref root : roots) ++uses_[root];
}

int PhaseLowering::operations(Ref node) const {
  switch (node->kind) {
    case NodeKind::leaf:
    case NodeKind::constant: return 0;
    case NodeKind::map:
    case NodeKind::contract:
    case NodeKind::sum: {
      if (is_reduction(node)) return 1000;
      int total = node->kind == NodeKind::map ? op_cost(node->op) : static_cast<int>(node->uses.size()) - 1;
      for (const Use& use : node->uses)
        if (!buffer_.contains(use.node)) total += operations(use.node);
      return total;
    }
    default: return 1000;
  }
}

// Whether a node, where something reads it, is read from memory.
bool PhaseLowering::needs_buffer(Ref node) const {
  if (node->kind == NodeKind::leaf || node->kind == NodeKind::constant || structural(node)) return false;
  if (buffer_.contains(node)) return true;
  if (assembled(node)) return true;
  auto uses = uses_.find(node);
  const bool shared = uses != uses_.end() && uses->second > 1;
  if (is_reduction(node)) return true;  // single uses that fit are melted in by `build`
  return shared && operations(node) > free_operations;
}

bool PhaseLowering::parameters_only(Ref node) {
  if (auto known = parameters_only_.find(node); known != parameters_only_.end()) return known->second;
  bool only = !node->batched && !node->sum_batch;
  if (node->kind == NodeKind::leaf) {
    const TensorKind kind = m_.p.tensors[node->tensor].kind;
    only = node->time.base == When::always && (kind == TensorKind::param || kind == TensorKind::hyper || kind == TensorKind::keep);
  }
  for (const Use& use : node->uses) only = only && parameters_only(use.node);
  return parameters_only_[node] = only;
}

int PhaseLowering::materialise(Ref node) {
  if (auto have = buffer_.find(node); have != buffer_.end()) return have->second;
  if (hoist_ && parameters_only(node)) return buffer_[node] = m_.prepare->materialise(node);
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
  emit(buffer, node, false, label_);
  return buffer_[node] = buffer;
}

Access PhaseLowering::access(Nest& nest, int buffer, const std::vector<Extent>& dims, const std::vector<Place>& at) {
  Access a;
  a.buffer = buffer;
  const std::vector<Extent> strides = row_major(dims);
  for (std::size_t i = 0; i < at.size(); ++i) {
    a.offset += strides[i] * at[i].offset;
    for (const Index::Term& t : at[i].terms) {
      if (auto g = gathers_.find(t.label); g != gathers_.end()) {
        const Gather& gather = g->second;
        Ref table = gather.wire->uses[0].node;
        a.gather = m_.tensor_buffer(table->tensor, {});
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

ValuePtr PhaseLowering::load(Nest& nest, int buffer, const std::vector<Extent>& dims, const std::vector<Place>& at) {
  auto v = std::make_shared<Value>();
  v->kind = ValueKind::load;
  v->access = access(nest, buffer, dims, at);
  return v;
}

// A parameter read across its rows by the loop that will be vectorised is read from a transposed copy.
ValuePtr PhaseLowering::load_leaf(Nest& nest, Ref leaf, const std::vector<Place>& at) {
  const TensorKind kind = m_.p.tensors[leaf->tensor].kind;
  const int fast = nest.s.outer - 1;  // the innermost loop of the store
  const bool matrix = leaf->rank() >= 2 && (kind == TensorKind::param || kind == TensorKind::keep) && fast >= 0 &&
                      nest.s.loops.size() > static_cast<std::size_t>(nest.s.outer);
  if (matrix && !at.back().mentions(fast)) {
    int axis = -1;
    for (std::size_t i = 0; i < at.size(); ++i)
      if (at[i].is_label() && at[i].label() == fast) axis = axis < 0 ? static_cast<int>(i) : -2;
    if (axis >= 0 && nest.s.loops[fast].extent > 1) {
      std::vector<int> order;
      for (int i = 0; i < leaf->rank(); ++i)
        if (i != axis) order.push_back(i);
      order.push_back(axis);
      const int buffer = transposed(leaf, order);
      std::vector<Extent> dims;
      std::vector<Place> moved;
      for (int i : order) {
        dims.push_back(leaf->dims[i]);
        moved.push_back(at[i]);
      }
      return load(nest, buffer, dims, moved);
    }
  }
  return load(nest, m_.tensor_buffer(leaf->tensor, leaf->time), leaf->dims, at);
}

int PhaseLowering::transposed(Ref leaf, const std::vector<int>& order) {
  if (hoist_ && parameters_only(leaf)) return m_.prepare->transposed(leaf, order);
  auto [at, fresh] = transposed_.emplace(std::pair{leaf, order}, -1);
  if (!fresh) return at->second;
  const std::string name = identifier(m_.p.tensors[leaf->tensor].name) + "_t";
  int buffer;
  if (name_ == "prepare") {
    buffer = m_.prepared_buffer(name, leaf->size());
  } else {
    buffer = m_.add_buffer(name, leaf->size(), false, {Binding::Kind::scratch, -1, {}, in_all});
    in_all += (leaf->size() + 15) / 16 * 16;
  }
  Nest nest;
  std::vector<Place> from(order.size()), to;
  std::vector<Extent> dims;
  for (int i : order) {
    const int loop = nest.add(fmt::format("i{}", i), leaf->dims[i]);
    from[i] = Index::of(loop);
    to.push_back(Index::of(loop));
    dims.push_back(leaf->dims[i]);
  }
  nest.s.outer = static_cast<int>(nest.s.loops.size());
  nest.s.out = access(nest, buffer, dims, to);
  nest.s.value = load(nest, m_.tensor_buffer(leaf->tensor, leaf->time), leaf->dims, from);
  nest.s.label = "transposed copy of " + m_.p.tensors[leaf->tensor].name;
  finish(nest);
  return transposed_[{leaf, order}] = buffer;
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
  const std::size_t n = nest.s.loops.size();
  std::function<ValuePtr(const ValuePtr&)> fix = [&](const ValuePtr& v) {
    auto copy = std::make_shared<Value>(*v);
    copy->access.stride.resize(v->kind == ValueKind::load ? n : 0, 0);
    if (copy->access.gather >= 0) copy->access.gather_loops.resize(n, 0);
    for (ValuePtr& a : copy->args) a = fix(a);
    return ValuePtr(copy);
  };
  nest.s.out.stride.resize(n, 0);
  if (nest.s.out.gather >= 0) nest.s.out.gather_loops.resize(n, 0);
  nest.s.value = fix(nest.s.value);
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

// The box of its sum that a term fills completely, an interval per axis; empty if what it touches is no box.
std::vector<std::pair<Extent, Extent>> box_of(const Use& use, const std::vector<Extent>& dims) {
  const Node& n = *use.node;
  if (n.kind != NodeKind::contract || use.index.size() != dims.size()) return {};
  std::vector<std::pair<Extent, Extent>> box(dims.size());
  std::vector<int> readers(n.labels(), 0);  // embeds that tie a label to an axis
  std::vector<const Use*> by(n.rank(), nullptr);
  for (const Use& f : n.uses) {
    if (f.node->kind == NodeKind::wire) return {};
    if (f.node->kind != NodeKind::embed) continue;
    if (!f.index[0].is_label() || f.index[0].label() >= n.rank() || by[f.index[0].label()]) return {};
    by[f.index[0].label()] = &f;
    for (std::size_t k = 1; k < f.index.size(); ++k)
      for (const Index::Term& t : f.index[k].terms) ++readers[t.label];
  }
  for (int axis = 0; axis < n.rank(); ++axis) {
    auto& [low, high] = box[use.index[axis].label()];
    if (!by[axis]) {
      if (readers[axis] > 0) return {};
      low = 0;
      high = n.dims[axis];
      continue;
    }
    const Node& e = *by[axis]->node;
    Extent span = 1, offset = e.offset;
    for (std::size_t k = e.strides.size(); k-- > 0;) {
      const Index& small = by[axis]->index[k + 1];
      if (small.is_constant()) {
        offset += e.strides[k] * small.offset;
        continue;
      }
      const bool own = small.terms.size() == 1 && small.terms[0].stride == 1 && small.terms[0].label >= n.rank() &&
                       readers[small.terms[0].label] == 1;
      if (!own || e.strides[k] != span) return {};
      offset += e.strides[k] * small.offset;
      span *= n.extent(small.terms[0].label);
    }
    low = offset;
    high = offset + span;
  }
  return box;
}

// A product whose wires only say where to read stores to every place.
bool PhaseLowering::fills(Ref node) {
  for (const Use& f : node->uses) {
    if (f.node->kind == NodeKind::embed) return false;
    if (f.node->kind == NodeKind::wire && (!f.index.back().is_label() || f.index.back().label() < node->rank())) return false;
  }
  return node->kind == NodeKind::contract;
}

// Puts terms first whose boxes do not overlap and together make up the whole; how many they are, or 0.
std::size_t PhaseLowering::tiles(Ref node, std::vector<Use>& terms) {
  std::vector<Use> first, rest;
  std::vector<std::vector<std::pair<Extent, Extent>>> boxes;
  Extent volume = 0;
  std::vector<std::pair<Extent, const Use*>> by_size;
  for (const Use& use : terms) {
    Extent size = 0;
    if (const auto box = box_of(use, node->dims); !box.empty()) {
      size = 1;
      for (const auto& [low, high] : box) size *= high - low;
    }
    by_size.emplace_back(size, &use);
  }
  std::stable_sort(by_size.begin(), by_size.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [size, use] : by_size) {
    const auto box = box_of(*use, node->dims);
    bool disjoint = size > 0;
    for (const auto& other : boxes) {
      bool apart = false;
      for (std::size_t d = 0; d < box.size(); ++d)
        apart = apart || box[d].second <= other[d].first || other[d].second <= box[d].first;
      disjoint = disjoint && apart;
    }
    if (disjoint) {
      boxes.push_back(box);
      first.push_back(*use);
      volume += size;
    } else {
      rest.push_back(*use);
    }
  }
  if (volume != node->size()) return 0;
  const std::size_t covering = first.size();
  terms = std::move(first);
  terms.insert(terms.end(), rest.begin(), rest.end());
  return covering;
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

// A term with embeds or wires on its own axes: loops only over the places it touches.
void PhaseLowering::emit_structured(int buffer, const std::vector<Extent>& dims, const Use& use, bool accumulate,
                                    const std::string& label) {
  const Node& n = *use.node;
  std::vector<Use> factors = n.kind == NodeKind::contract ? n.uses : std::vector<Use>{whole(use.node)};
  const double coefficient = (n.kind == NodeKind::contract ? n.number : 1) * use.coefficient;
  const bool sum_batch = n.sum_batch;

  // Loops stand for the destination's axes first; labels of the term are affine in them.
  Nest nest;
  std::vector<std::vector<Index::Term>> none;
  std::vector<Place> label_place(n.labels());
  std::vector<bool> placed(n.labels(), false);
  std::vector<Place> destination(dims.size());
  std::vector<bool> destination_placed(dims.size(), false);
  if (m_.out.module.buffers[buffer].batched) nest.batch = nest.add("b", m_.batch_estimate, true);

  // Which axes of the term an embed or wire determines.
  std::vector<int> by_embed(n.labels(), -1);
  std::vector<bool> absorbed(factors.size(), false);
  for (std::size_t f = 0; f < factors.size(); ++f) {
    if (factors[f].node->kind != NodeKind::embed) continue;
    const Index& big = factors[f].index[0];
    if (!big.is_label() || big.label() >= n.rank() || by_embed[big.label()] >= 0) continue;
    bool simple = true;  // small indices are of labels that no embed determines
    for (std::size_t k = 1; k < factors[f].index.size(); ++k)
      for (const Index::Term& t : factors[f].index[k].terms)
        simple = simple && t.label != big.label() && by_embed[t.label] < 0;
    for (std::size_t g = 0; simple && g < f; ++g)  // nor determines another's
      if (absorbed[g])
        for (std::size_t k = 1; k < factors[g].index.size(); ++k) simple = simple && !factors[g].index[k].mentions(big.label());
    if (!simple) continue;
    by_embed[big.label()] = static_cast<int>(f);
    absorbed[f] = true;
  }
  std::vector<int> by_wire(n.labels(), -1);
  for (std::size_t f = 0; f < factors.size(); ++f) {
    if (factors[f].node->kind != NodeKind::wire) continue;
    const Index& target = factors[f].index.back();
    if (!target.is_label() || by_wire[target.label()] >= 0 || by_embed[target.label()] >= 0) continue;
    by_wire[target.label()] = static_cast<int>(f);
    absorbed[f] = true;
  }
  // Labels that say where a value goes: the destination's own, and the small ones of embeds.
  std::vector<bool> placing(n.labels(), false);
  for (int l = 0; l < n.rank(); ++l) placing[l] = true;
  for (std::size_t f = 0; f < factors.size(); ++f)
    if (absorbed[f] && factors[f].node->kind == NodeKind::embed)
      for (std::size_t k = 1; k < factors[f].index.size(); ++k)
        for (const Index::Term& t : factors[f].index[k].terms) placing[t.label] = true;
  // Outer loops: the destination's own labels, and what embeds and scattering wires read.
  std::vector<bool> outer(n.labels(), false);
  for (int l = 0; l < n.rank(); ++l) outer[l] = by_embed[l] < 0 && by_wire[l] < 0;
  for (std::size_t f = 0; f < factors.size(); ++f) {
    const bool scatters = factors[f].node->kind == NodeKind::wire && absorbed[f] && placing[factors[f].index.back().label()];
    if (!absorbed[f] || (factors[f].node->kind == NodeKind::wire && !scatters)) continue;
    const std::size_t first = factors[f].node->kind == NodeKind::embed ? 1 : 0;
    const std::size_t last = factors[f].node->kind == NodeKind::embed ? factors[f].index.size() : factors[f].index.size() - 1;
    for (std::size_t k = first; k < last; ++k)
      for (const Index::Term& t : factors[f].index[k].terms)
        if (by_embed[t.label] < 0 && by_wire[t.label] < 0) outer[t.label] = true;
  }
  // Indices of the use: the destination's label for each of the term's axes.
  std::vector<int> loop_of(n.labels(), -1);
  for (int l = 0; l < n.labels(); ++l)
    if (outer[l]) {
      loop_of[l] = nest.add(fmt::format("i{}", l), n.extent(l));
      label_place[l] = Index::of(loop_of[l]);
    }
  // Axes of the destination that the term does not have are broadcast.
  std::vector<int> broadcast(dims.size(), -1);
  for (std::size_t d = 0; d < dims.size(); ++d) {
    bool mentioned = false;
    for (const Index& index : use.index) mentioned = mentioned || index.mentions(static_cast<int>(d));
    if (!mentioned) broadcast[d] = nest.add(fmt::format("d{}", d), dims[d]);
  }
  nest.s.outer = static_cast<int>(nest.s.loops.size());
  std::vector<int> reduced;
  for (int l = n.rank(); l < n.labels(); ++l)
    if (!outer[l] && by_wire[l] < 0) {
      loop_of[l] = nest.add(fmt::format("k{}", l), n.extent(l));
      label_place[l] = Index::of(loop_of[l]);
      reduced.push_back(loop_of[l]);
    }
  std::vector<int> virtual_loops;
  for (int l = 0; l < n.labels(); ++l)
    if (by_wire[l] >= 0) {
      const Use& w = factors[by_wire[l]];
      Gather gather{w.node, {}};
      for (std::size_t k = 0; k + 1 < w.index.size(); ++k) gather.at.push_back(substitute(w.index[k], label_place));
      const int stand_in = 1000 + l;
      gathers_[stand_in] = gather;
      virtual_loops.push_back(stand_in);
      label_place[l] = Index::of(stand_in);
    }
  for (int l = 0; l < n.labels(); ++l) {
    if (by_embed[l] >= 0) {
      const Use& e = factors[by_embed[l]];
      std::vector<Index> map = label_place;
      Index place = Index::at(e.node->offset);
      for (std::size_t k = 0; k < e.node->strides.size(); ++k) {
        const Index small = substitute(e.index[k + 1], map);
        place.offset += e.node->strides[k] * small.offset;
        for (Index::Term t : small.terms) place.terms.push_back({t.label, t.stride * e.node->strides[k]});
      }
      label_place[l] = place;
    }
  }
  for (std::size_t d = 0; d < dims.size(); ++d)
    if (broadcast[d] >= 0) destination[d] = Index::of(broadcast[d]);
  for (int axis = 0; axis < n.rank(); ++axis)
    if (use.index[axis].is_label()) destination[use.index[axis].label()] = label_place[axis];
  std::vector<Use> rest;
  for (std::size_t f = 0; f < factors.size(); ++f)
    if (!absorbed[f]) rest.push_back(factors[f]);
  if (sum_batch) {
    nest.batch = nest.add("b", m_.batch_estimate, true);
    reduced.push_back(nest.batch);
  }
  nest.s.out = access(nest, buffer, dims, destination);
  nest.reducing = reduced;
  ValuePtr body = build_product(nest, rest, coefficient, label_place);
  if (!reduced.empty()) {
    auto sum = std::make_shared<Value>();
    sum->kind = ValueKind::reduce;
    sum->over = reduced;
    sum->args = {body};
    body = sum;
  }
  nest.s.value = body;
  bool scatter = nest.s.out.gather >= 0;
  nest.s.accumulate = accumulate || scatter;
  nest.s.label = label;
  finish(nest);
  for (int v : virtual_loops) gathers_.erase(v);
}

void PhaseLowering::emit_whole(int buffer, Ref node, bool accumulate, const std::string& label) {
  Nest nest;
  const loops::Buffer& b = m_.out.module.buffers[buffer];
  if (b.batched) nest.batch = nest.add("b", m_.batch_estimate, true);
  std::vector<Place> at;
  std::vector<Extent> dims = node->dims;
  if (dims.empty() && b.size > 1) dims = {b.size};  // a number stored everywhere
  for (std::size_t i = 0; i < dims.size(); ++i) at.push_back(Index::of(nest.add(fmt::format("i{}", i), dims[i])));
  nest.s.outer = static_cast<int>(nest.s.loops.size());
  nest.s.out = access(nest, buffer, dims, at);
  nest.s.accumulate = accumulate;
  nest.s.label = label;
  if (node->dims.empty()) at.clear();
  if (buffer_.contains(node)) {
    nest.s.value = load(nest, buffer_.at(node), node->dims, at);
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
      auto v = std::make_shared<Value>();
      v->kind = node->kind == NodeKind::maximum ? ValueKind::reduce_max : ValueKind::reduce;
      v->over = over;
      nest.reducing = over;
      if (node->kind == NodeKind::maximum) {
        std::vector<Place> inner;
        for (const Index& index : node->uses[0].index) inner.push_back(substitute(index, labels));
        v->args = {build(nest, node->uses[0].node, inner)};
        nest.reducing.clear();
        nest.s.value = v;
      } else {
        const auto [inside, scalars] = split_scalars(node);
        v->args = {build_product(nest, inside, 1, labels)};
        nest.reducing.clear();
        nest.s.value = scaled(nest, v, scalars, node->number);
      }
    } else {
      nest.s.value = build(nest, node, at);
    }
    uses_[node] = uses;
  }
  finish(nest);
}

// Numbers (of an example, or of all) scale a sum from outside.
std::pair<std::vector<Use>, std::vector<Use>> PhaseLowering::split_scalars(Ref node) {
  std::vector<Use> inside, scalars;
  for (const Use& use : node->uses)
    (use.node->rank() == 0 && (!use.node->batched || !node->sum_batch) ? scalars : inside).push_back(use);
  if (inside.empty()) std::swap(inside, scalars);
  return {inside, scalars};
}

ValuePtr PhaseLowering::scaled(Nest& nest, ValuePtr value, const std::vector<Use>& scalars, double coefficient) {
  if (scalars.empty() && coefficient == 1) return value;
  ValuePtr mask, product;
  for (const Use& use : scalars) {
    const bool masks = use.node->kind == NodeKind::leaf && m_.p.tensors[use.node->tensor].is_mask;
    ValuePtr f = build(nest, use.node, {});
    ValuePtr& into = masks ? mask : product;
    into = into ? apply(Op::mul, {into, f}) : f;
  }
  if (coefficient != 1) product = product ? apply(Op::mul, {product, constant(coefficient)}) : constant(coefficient);
  if (product) value = apply(Op::mul, {value, product});
  return mask ? apply(Op::select, {mask, value, constant(0)}) : value;
}

ValuePtr PhaseLowering::build_product(Nest& nest, const std::vector<Use>& factors, double coefficient,
                                      const std::vector<Place>& labels) {
  ValuePtr product, mask;
  for (const Use& use : factors) {
    std::vector<Place> at;
    for (const Index& index : use.index) at.push_back(substitute(index, labels));
    ValuePtr f;
    if (use.node->kind == NodeKind::embed) f = load(nest, dense(use.node), use.node->dims, at);
    else f = build(nest, use.node, at);
    const bool masks = use.node->kind == NodeKind::leaf && m_.p.tensors[use.node->tensor].is_mask;
    ValuePtr& into = masks ? mask : product;
    into = into ? apply(Op::mul, {into, f}) : f;
  }
  if (!product) {
    if (!mask) return constant(coefficient);
    return coefficient == 1 ? mask : apply(Op::mul, {mask, constant(coefficient)});
  }
  if (coefficient != 1) product = apply(Op::mul, {product, constant(coefficient)});
  // Behind a flag that is 0 anything goes, infinities too.
  return mask ? apply(Op::select, {mask, product, constant(0)}) : product;
}

// A node's value at a place of the nest.
ValuePtr PhaseLowering::build(Nest& nest, Ref node, const std::vector<Place>& at) {
  if (node->kind == NodeKind::constant) return constant(node->number);
  if (node->kind == NodeKind::leaf) return load_leaf(nest, node, at);
  if (node->kind == NodeKind::embed) return load(nest, dense(node), node->dims, at);
  if (auto have = buffer_.find(node); have != buffer_.end()) return load(nest, have->second, node->dims, at);
  // Reading at fewer points than the nest has would repeat the work at each of them.
  std::unordered_set<int> loops;
  for (const Place& p : at)
    for (const Index::Term& t : p.terms) loops.insert(t.label);
  double points = 1, nest_points = 1;
  for (int l : loops) points *= static_cast<double>(l < 1000 ? nest.s.loops[l].extent : 1);
  for (int l = 0; l < nest.s.outer; ++l) nest_points *= static_cast<double>(l == nest.batch ? 1 : nest.s.loops[l].extent);
  for (int l : nest.reducing) nest_points *= static_cast<double>(l == nest.batch ? 1 : nest.s.loops[l].extent);
  const bool inside_reduce = !nest.reducing.empty();
  const bool repeated = points < nest_points;
  const bool melts = !needs_buffer(node) && (!repeated || operations(node) <= free_operations);
  const bool sums_here = node->kind == NodeKind::contract && is_reduction(node) && !node->sum_batch && !has_structure(node) &&
                         uses_[node] <= 1 && !repeated && !inside_reduce && !(hoist_ && parameters_only(node)) &&
                         node->batched == (nest.batch >= 0);
  if (!melts && !sums_here) return load(nest, materialise(node), node->dims, at);
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
      for (const Use& use : node->uses) {
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
      auto v = std::make_shared<Value>();
      v->kind = ValueKind::reduce;
      // A reduce of its own: its loops are not inside those of its neighbours.
      for (Extent e : node->summed) {
        v->over.push_back(nest.add(fmt::format("k{}", nest.s.loops.size()), e));
        labels.push_back(Index::of(v->over.back()));
      }
      const auto [inside, scalars] = split_scalars(node);
      nest.reducing = v->over;
      v->args = {build_product(nest, inside, 1, labels)};
      nest.reducing.clear();
      return scaled(nest, v, scalars, node->number);
    }
    default: return load(nest, materialise(node), node->dims, at);
  }
}

// Each term of what is gathered is added by a statement of its own.
void PhaseLowering::gather(int buffer, const Root& root) {
  bool separate = root.node->kind == NodeKind::sum;
  for (const Use& use : root.node->uses)
    separate = separate && use.node->kind == NodeKind::contract && use.node->dims == root.node->dims && injective(use) &&
               std::is_sorted(use.index.begin(), use.index.end(),
                              [](const Index& a, const Index& b) { return a.label() < b.label(); });
  if (!separate) {
    emit(buffer, root.node, true, root.label);
    return;
  }
  for (const Use& use : root.node->uses) {
    const Node& n = *use.node;
    emit(buffer, m_.p.graph.contract(n.uses, n.dims, n.summed, n.number * use.coefficient, n.sum_batch), true, root.label);
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
        const int copy = materialise(root.node->kind == NodeKind::leaf || root.node->kind == NodeKind::constant
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
    nest.s.value = load(nest, from, {size}, {at});
    nest.s.label = "assign";
    finish(nest);
  }
}

void collect(const ValuePtr& v, std::unordered_set<int>& used) {
  if (v->kind == ValueKind::load) {
    used.insert(v->access.buffer);
    if (v->access.gather >= 0) used.insert(v->access.gather);
  }
  for (const ValuePtr& a : v->args) collect(a, used);
}

Lowered ModuleLowering::run() {
  out.module.name = p.name;
  prepare = std::make_unique<PhaseLowering>(*this, "prepare", false);
  std::vector<loops::Function> functions;
  for (const Phase& phase : p.phases) {
    out.function_of_phase.push_back(-1);
    if (phase.roots.empty()) continue;
    const bool update = phase.name.rfind("update", 0) == 0;
    PhaseLowering lowering(*this, identifier(phase.name), !update);
    lowering.lower(phase);
    loops::Function f = lowering.function();
    if (f.statements.empty()) continue;
    f.name = fmt::format("eligo_{}_{}", identifier(p.name), identifier(phase.name));
    out.function_of_phase.back() = static_cast<int>(functions.size());
    functions.push_back(std::move(f));
    out.scratch.emplace_back(lowering.per_example, lowering.in_all);
  }
  loops::Function prepared = prepare->function();
  if (!prepared.statements.empty()) {
    prepared.name = fmt::format("eligo_{}_prepare", identifier(p.name));
    out.prepare = static_cast<int>(functions.size());
    functions.push_back(std::move(prepared));
    out.scratch.emplace_back(prepare->per_example, prepare->in_all);
  }
  for (const loops::Function& f : functions) {
    std::unordered_set<int> used;
    for (const Statement& s : f.statements) {
      used.insert(s.out.buffer);
      if (s.out.gather >= 0) used.insert(s.out.gather);
      collect(s.value, used);
    }
    out.used.emplace_back(used.begin(), used.end());
    std::sort(out.used.back().begin(), out.used.back().end());
  }
  out.module.functions = std::move(functions);
  return std::move(out);
}

}  // namespace

Lowered lower(Program& program, std::int64_t batch) { return ModuleLowering(program, batch).run(); }

}  // namespace eligo::compiler
