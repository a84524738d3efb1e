// The work of `lower`, shared by its files: one object for the module, one for each phase.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "compiler/ir/cost_model.h"
#include "compiler/loops/build.h"
#include "compiler/lower/lower.h"

namespace eligo::compiler::lowering {

using loops::Access;
using loops::apply;
using loops::constant;
using loops::largest;
using loops::Statement;
using loops::sum;
using loops::Value;
using loops::ValueKind;
using loops::ValuePtr;

std::vector<Extent> row_major(const std::vector<Extent>& dims);
std::string identifier(const std::string& text);
bool structural(Ref node);  // an identity, block, one-hot or wire
bool is_reduction(Ref node);
bool has_structure(Ref node);
bool assembled(Ref node);        // some terms touch only some places of the sum they are in
bool injective(const Use& use);  // each axis is read by a label of its own

// `all` in another order; an empty order leaves it.
template <class T>
std::vector<T> ordered(const std::vector<T>& all, const std::vector<int>& order) {
  if (order.empty()) return all;
  std::vector<T> out;
  for (int i : order) out.push_back(all[static_cast<std::size_t>(i)]);
  return out;
}

constexpr int first_stand_in = 1000;  // numbers above all loops: places that a wiring gives

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
  PhaseLowering(ModuleLowering& module, std::string name, bool hoist)
      : m_(module), name_(std::move(name)), hoist_(hoist) {}

  void lower(const Phase& phase);
  loops::Function function() { return {name_, std::move(statements_), {}}; }
  std::int64_t per_example = 0, in_all = 0;

  // A node's value in a buffer of its own (computed at most once), its axes in the order `order_` has for it.
  int materialise(Ref node);
  // A parameter's values with its axes in this order. Axes from number `row` on are one row of the copy.
  struct Layout {
    std::vector<int> order;
    int row = 0;
    auto operator<=>(const Layout&) const = default;
    std::vector<Extent> strides(const std::vector<Extent>& dims) const;
    Extent size(const std::vector<Extent>& dims) const { return strides(dims)[0] * dims[static_cast<std::size_t>(order[0])]; }
  };
  int transposed(Ref leaf, const Layout& layout);

 private:
  // One statement under construction: loops by label of the node being emitted.
  struct Nest {
    Statement s;
    int batch = -1;
    std::vector<int> reducing;  // loops of the reduce that is being built, empty outside
    struct Matrix {             // a load of a parameter that may be moved to a transposed copy
      std::shared_ptr<Value> load;
      Ref leaf;
      std::vector<Index> at;
    };
    std::vector<Matrix> matrices;
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
  void emit_whole(int buffer, Ref node, bool accumulate, const std::string& label, const std::vector<int>& order = {});
  void emit_structured(int buffer, const std::vector<Extent>& dims, const Use& use, bool accumulate,
                       const std::string& label);
  void clear(int buffer, const std::string& label);
  void gather(int buffer, const Root& root);
  static bool fills(Ref node);
  static bool same_places(const Use& a, const Use& b);
  static std::size_t tiles(Ref node, std::vector<Use>& terms);

  ValuePtr build(Nest& nest, Ref node, const std::vector<Place>& at);
  static std::pair<double, double> points_of(const Nest& nest, const std::unordered_set<int>& loops);
  std::vector<Use> joined(const Nest& nest, const std::vector<Use>& factors, const std::vector<Place>& labels);
  ValuePtr build_product(Nest& nest, const std::vector<Use>& factors, double coefficient,
                         const std::vector<Place>& labels);
  std::pair<std::vector<Use>, std::vector<Use>> split_scalars(const std::vector<Use>& factors, bool sum_batch,
                                                              const std::vector<int>& over,
                                                              const std::vector<Place>& labels) const;
  struct Factors;
  ValuePtr build_mask(Nest& nest, const Use& use, const std::vector<Place>& at);
  void add_factor(Nest& nest, const Use& use, const std::vector<Place>& labels, Factors& to);
  ValuePtr scaled(Nest& nest, ValuePtr value, const std::vector<Use>& scalars, double coefficient,
                  const std::vector<Place>& labels);
  ValuePtr load_at(Nest& nest, int buffer, const std::vector<Extent>& dims, const std::vector<Place>& at);
  ValuePtr load_leaf(Nest& nest, Ref leaf, const std::vector<Place>& at);
  ValuePtr load_kept(Nest& nest, Ref node, const std::vector<Place>& at);
  // Where things lie: lower_layout.cpp
  std::vector<int> order_of(Ref node);
  void choose_layouts(Nest& nest);
  Layout layout_of(const Nest& nest, const Nest::Matrix& matrix);
  Access access(Nest& nest, int buffer, const std::vector<Extent>& dims, const std::vector<Place>& at);
  Access strided(Nest& nest, int buffer, const std::vector<Extent>& strides, const std::vector<Place>& at);
  void finish(Nest& nest);
  int dense(Ref embed);

  ModuleLowering& m_;
  std::string name_;
  bool hoist_;
  std::vector<Statement> statements_;
  std::unordered_map<Ref, int> uses_;
  std::unordered_map<Ref, int> buffer_;              // materialised
  std::unordered_map<Ref, std::vector<int>> order_;  // of those: the axes as they lie, where not in the node's order
  std::unordered_map<Ref, std::vector<int>> found_order_;  // by order_of
  std::unordered_map<Ref, bool> parameters_only_;
  std::map<std::pair<Ref, Layout>, int> transposed_;
  std::unordered_map<Ref, int> dense_;
  struct Gather {
    Ref wire;
    std::vector<Place> at;
  };
  int next_stand_in_ = first_stand_in;
  std::map<int, Gather> gathers_;   // loop standing for a wire's target -> how to find it
  std::unordered_set<Ref> active_;  // being given a buffer, or have one
  std::string label_;
};

}  // namespace eligo::compiler::lowering
