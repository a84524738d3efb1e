// Evaluates graphs node by node for one example, in numbers of any kind: plain ones, or dual ones for derivatives.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "compiler/ir/masks.h"
#include "compiler/ir/phase_runner.h"
#include "compiler/reference/dual.h"

namespace eligo::compiler::reference {

struct Memory {
  Program* program;
  Resolver* where;
  std::int64_t example;
  std::uint64_t* branches = nullptr;  // where it is kept which way comparisons and kinked functions went
  std::optional<double> not_finite = {};  // what sums and products are that are not; its sign is that of zeros
};

inline void set_primal(double& x, double to) { x = to; }
template <class T>
void set_primal(Dual<T>& x, double to) {
  set_primal(x.v, to);
}

inline void note_branch(std::uint64_t* branches, std::uint64_t way) {
  if (branches != nullptr) *branches = (*branches ^ (way + 0x9e3779b97f4a7c15ULL)) * 0x100000001b3ULL;
}

inline std::uint64_t side(double x) { return std::isnan(x) ? 3 : x > 0 ? 2 : x < 0 ? 1 : 0; }

// The side of its kink on which an operation is, if it has one.
template <class T>
void note_kink(std::uint64_t* branches, Op op, const T* x) {
  switch (operation(op).kink) {
    case Kink::none: return;
    case Kink::at_zero: return note_branch(branches, side(primal(x[0])));
    case Kink::where_equal: return note_branch(branches, side(primal(x[0]) - primal(x[1])));
    case Kink::at_bounds:
      note_branch(branches, side(primal(x[0]) - primal(x[1])));
      return note_branch(branches, side(primal(x[0]) - primal(x[2])));
  }
}

template <class T>
class Evaluator;

// Steps `at` through all values below `dims`, last fastest; false after the last.
inline bool advance(std::vector<Extent>& at, const std::vector<Extent>& dims) {
  for (std::size_t i = dims.size(); i-- > 0;) {
    if (++at[i] < dims[i]) return true;
    at[i] = 0;
  }
  return false;
}

inline std::int64_t position(const Use& use, const std::vector<Extent>& at) {
  std::int64_t p = 0;
  for (std::size_t i = 0; i < use.index.size(); ++i) {
    Extent x = use.index[i].offset;
    for (const Index::Term& t : use.index[i].terms) x += t.stride * at[t.label];
    p = p * use.node->dims[i] + x;
  }
  return p;
}

// What every level shares: the node kinds that are arithmetic.
template <class T>
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  explicit Evaluator(const Memory& memory) : memory_(memory) {}
  virtual std::vector<T> leaf(Ref node) = 0;
  // What a stop holds: the value alone.
  virtual std::vector<T> held(Ref stop) {
    std::vector<T> v = values_.at(stop->uses[0].node);
    for (T& x : v) x = T(primal(x));
    return v;
  }

  const std::vector<T>& evaluate(Ref root) {
    for (Ref node : order(root))
      if (!values_.contains(node)) values_[node] = compute(node);
    return values_.at(root);
  }
  const Memory& memory() const { return memory_; }

 private:
  // Operands of lazy derivatives are evaluated by their own evaluators.
  std::vector<Ref> order(Ref root) {
    if (values_.contains(root)) return {};
    std::vector<Ref> all = postorder({root});
    return all;
  }

  std::vector<T> compute(Ref node) {
    std::vector<T> out = by_kind(node);
    const bool sum_or_product = node->kind == NodeKind::sum || node->kind == NodeKind::contract ||
                                (node->kind == NodeKind::map && (node->op == Op::add || node->op == Op::sub ||
                                                                 node->op == Op::mul || node->op == Op::div));
    if (!memory_.not_finite || !sum_or_product) return out;
    for (T& x : out) {
      if (!std::isfinite(primal(x))) set_primal(x, *memory_.not_finite);
      else if (primal(x) == 0) set_primal(x, std::copysign(0.0, *memory_.not_finite));
    }
    return out;
  }

  std::vector<T> by_kind(Ref node) {
    switch (node->kind) {
      case NodeKind::leaf: return leaf(node);
      case NodeKind::constant: return {T(node->number)};
      case NodeKind::map: return map(node);
      case NodeKind::contract: return contract(node);
      case NodeKind::sum: return sum(node);
      case NodeKind::embed: return embed(node);
      case NodeKind::wire: return wire(node);
      case NodeKind::maximum: return maximum(node);
      case NodeKind::stop: return held(node);
      case NodeKind::jac: return jac(node);
      case NodeKind::vjp: return vjp(node);
      case NodeKind::jvp: return jvp(node);
    }
    return {};
  }

  std::vector<T> map(Ref node) {
    std::vector<T> out;
    std::vector<Extent> at(node->dims.size(), 0);
    do {
      T x[3];
      for (std::size_t i = 0; i < node->uses.size(); ++i)
        x[i] = values_.at(node->uses[i].node)[position(node->uses[i], at)];
      if (memory_.branches != nullptr) note_kink(memory_.branches, node->op, x);
      out.push_back(apply(node->op, x));
    } while (advance(at, node->dims));
    return out;
  }

  std::vector<T> contract(Ref node) {
    std::vector<T> out;
    std::vector<Extent> all = node->dims;
    all.insert(all.end(), node->summed.begin(), node->summed.end());
    std::vector<Extent> outer(node->dims.size(), 0);
    do {
      T total(0.0);
      std::vector<Extent> inner(node->summed.size(), 0), at = outer;
      at.resize(all.size());
      do {
        std::copy(inner.begin(), inner.end(), at.begin() + static_cast<std::ptrdiff_t>(outer.size()));
        T term(1.0);
        bool masked = false;  // behind a mask that is 0 anything goes
        for (const Use& use : node->uses)
          masked = masked || (is_structural(*memory_.program, use.node) &&
                              primal(values_.at(use.node)[position(use, at)]) == 0);
        if (masked) continue;
        for (const Use& use : node->uses) term = term * values_.at(use.node)[position(use, at)];
        total = node->summed.empty() ? term : total + term;  // a product alone keeps the sign of its zero
      } while (advance(inner, node->summed));
      out.push_back(node->number == 1 ? total : T(node->number) * total);
    } while (advance(outer, node->dims));
    return out;
  }

  std::vector<T> sum(Ref node) {
    std::vector<T> out;
    std::vector<Extent> at(node->dims.size(), 0);
    do {
      std::optional<T> total;
      for (const Use& use : node->uses) {
        const T& value = values_.at(use.node)[position(use, at)];
        const T term = use.coefficient == 1 ? value : T(use.coefficient) * value;
        total = total ? *total + term : term;
      }
      out.push_back(total.value_or(T(0.0)));
    } while (advance(at, node->dims));
    return out;
  }

  std::vector<T> embed(Ref node) {
    std::vector<T> out;
    std::vector<Extent> at(node->dims.size(), 0);
    do {
      Extent i = node->offset;
      for (std::size_t k = 0; k < node->strides.size(); ++k) i += node->strides[k] * at[k + 1];
      out.push_back(T(at[0] == i ? 1.0 : 0.0));
    } while (advance(at, node->dims));
    return out;
  }

  std::vector<T> wire(Ref node) {
    const auto* table =
        static_cast<const std::int32_t*>(memory_.where->resolve(node->uses[0].node->tensor, node->uses[0].node->time));
    std::vector<T> out;
    const Extent targets = node->dims.back();
    const std::int64_t rows = node->size() / targets;
    for (std::int64_t r = 0; r < rows; ++r)
      for (Extent v = 0; v < targets; ++v) out.push_back(T(table[r] == v ? 1.0 : 0.0));
    return out;
  }

  // The derivative of a maximum is shared evenly by the places that attain it, by all where one is NaN.
  std::vector<T> maximum(Ref node) {
    std::vector<T> out;
    std::vector<Extent> outer(node->dims.size(), 0);
    const auto& operand = values_.at(node->uses[0].node);
    do {
      double most = -std::numeric_limits<double>::infinity();
      const auto each = [&](auto&& visit) {
        std::vector<Extent> inner(node->summed.size(), 0), at = outer;
        at.resize(node->dims.size() + node->summed.size());
        do {
          std::copy(inner.begin(), inner.end(), at.begin() + static_cast<std::ptrdiff_t>(outer.size()));
          visit(operand[position(node->uses[0], at)], inner);
        } while (advance(inner, node->summed));
      };
      each([&](const T& x, const auto&) {
        if (!(primal(x) <= most)) most = std::isnan(most) ? most : primal(x);
      });
      std::vector<T> best;
      each([&](const T& x, const std::vector<Extent>& inner) {
        if (primal(x) < most) return;
        if (std::isnan(primal(x))) best.insert(best.begin(), x);  // whose value counts
        else best.push_back(x);
        for (Extent i : inner) note_branch(memory_.branches, static_cast<std::uint64_t>(i));
      });
      out.push_back(shared(best));
    } while (advance(outer, node->dims));
    return out;
  }

  std::vector<T> jac(Ref node);
  std::vector<T> vjp(Ref node);
  std::vector<T> jvp(Ref node);

  Memory memory_;
  std::unordered_map<Ref, std::vector<T>> values_;
};

class Plain : public Evaluator<double> {
 public:
  using Evaluator::Evaluator;
  std::vector<double> leaf(Ref node) override {
    const Memory& m = memory();
    const Tensor& t = m.program->tensors[node->tensor];
    if (t.kind == TensorKind::wiring) return std::vector<double>(node->size(), 0.0);  // read by `wire`
    const auto* data = static_cast<const double*>(m.where->resolve(node->tensor, node->time));
    if (t.batched) data += m.example * node->size();
    return {data, data + node->size()};
  }
};

inline bool is_cut(const Program& p, Ref leaf, Ref cut) {
  if (leaf->tensor != cut->tensor) return false;
  return p.tensors[leaf->tensor].kind == TensorKind::param || leaf->time == cut->time;
}

// By cut: the tangents of its places; none for a place that stays.
template <class T>
using Seeds = std::map<Ref, std::vector<std::optional<T>>>;

// One place of a cut alone.
template <class T>
Seeds<T> unit_seed(Ref cut, std::int64_t place) {
  std::vector<std::optional<T>> seed(static_cast<std::size_t>(cut->size()));
  seed[static_cast<std::size_t>(place)] = T(1.0);
  return {{cut, std::move(seed)}};
}

// Values with a tangent: leaves cut loose carry a seed, leaves of the own step follow their equations.
template <class T>
class Tangent : public Evaluator<Dual<T>> {
 public:
  Tangent(Evaluator<T>& below, Ref derivative) : Evaluator<Dual<T>>(below.memory()), below_(below), node_(derivative) {}
  Seeds<T> seeds;

  std::vector<Dual<T>> leaf(Ref node) override {
    const std::vector<T>& value = below_.evaluate(node);
    std::vector<Dual<T>> out;
    for (const T& x : value) out.push_back(Dual<T>::constant(x));
    Program& p = *this->memory().program;
    for (Ref cut : node_->cuts) {
      if (!is_cut(p, node, cut)) continue;
      if (auto seed = seeds.find(cut); seed != seeds.end())
        for (std::size_t i = 0; i < out.size(); ++i)
          if (seed->second[i]) out[i].add(*seed->second[i]);
      return out;
    }
    if (node->time == node_->own)
      if (Ref definition = p.definition(node->tensor, node->time)) {
        const auto& followed = this->evaluate(definition);
        for (std::size_t i = 0; i < out.size(); ++i)
          if (followed[i].moves) out[i].add(followed[i].d);
      }
    return out;
  }

  std::vector<Dual<T>> held(Ref stop) override {
    std::vector<Dual<T>> out;
    for (const T& x : below_.evaluate(stop)) out.push_back(Dual<T>::constant(x));
    return out;
  }

 private:
  Evaluator<T>& below_;
  Ref node_;
};

template <class T>
constexpr int depth = 0;
template <class T>
constexpr int depth<Dual<T>> = depth<T> + 1;

template <class T>
std::vector<std::optional<T>> tangent_of(Evaluator<T>& below, Ref derivative, Ref a, Seeds<T> seeds) {
  if constexpr (depth<T> >= 2) {
    throw std::runtime_error("derivatives nested more than twice");
  } else {
    Tangent<T> t(below, derivative);
    t.seeds = std::move(seeds);
    std::vector<std::optional<T>> out;
    for (const Dual<T>& x : t.evaluate(a)) out.push_back(x.moves ? std::optional<T>(x.d) : std::nullopt);
    return out;
  }
}

template <class T>
std::vector<T> Evaluator<T>::jac(Ref node) {
  Ref a = node->uses[0].node, b = node->cuts[node->wrt];
  const std::int64_t rows = a->size(), columns = b->size();
  std::vector<T> out(rows * columns, T(0.0));
  for (std::int64_t j = 0; j < columns; ++j) {
    const auto column = tangent_of<T>(*this, node, a, unit_seed<T>(b, j));
    for (std::int64_t i = 0; i < rows; ++i) out[i * columns + j] = column[i].value_or(T(0.0));
  }
  return out;
}

template <class T>
std::vector<T> Evaluator<T>::vjp(Ref node) {
  Ref b = node->cuts[node->wrt];
  const std::int64_t columns = b->size(), extra = node->size() / columns;
  std::vector<T> out(extra * columns, T(0.0));
  for (std::int64_t j = 0; j < columns; ++j)
    for (std::size_t k = 0; k < node->uses.size(); k += 2) {
      Ref a = node->uses[k].node;
      const auto column = tangent_of<T>(*this, node, a, unit_seed<T>(b, j));
      const std::vector<T>& u = values_.at(node->uses[k + 1].node);
      const std::int64_t rows = a->size();
      for (std::int64_t x = 0; x < extra; ++x)
        for (std::int64_t i = 0; i < rows; ++i)
          if (column[i]) out[x * columns + j] = out[x * columns + j] + u[x * rows + i] * *column[i];
    }
  return out;
}

template <class T>
std::vector<T> Evaluator<T>::jvp(Ref node) {
  Ref a = node->uses[0].node;
  const std::int64_t rows = a->size(), extra = node->size() / rows;
  std::vector<T> out(rows * extra, T(0.0));
  for (std::int64_t x = 0; x < extra; ++x) {
    Seeds<T> seeds;
    for (std::size_t k = 1; k < node->uses.size(); ++k) {
      Ref cut = node->cuts[k - 1];
      const std::vector<T>& v = values_.at(node->uses[k].node);
      for (std::int64_t i = 0; i < cut->size(); ++i) seeds[cut].push_back(v[i * extra + x]);
    }
    const auto column = tangent_of<T>(*this, node, a, std::move(seeds));
    for (std::int64_t i = 0; i < rows; ++i) out[i * extra + x] = column[i].value_or(T(0.0));
  }
  return out;
}

}  // namespace eligo::compiler::reference
