#include "compiler/reference/interpreter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <span>
#include <stdexcept>
#include <unordered_map>

#include "compiler/ir/masks.h"

namespace eligo::compiler {
namespace {

// value + derivative * ε, to be nested for derivatives of derivatives. A value that does not depend on what a derivative
// is taken by has none: nothing is added for it, which is not the same as adding 0 times an infinite partial derivative.
template <class T>
struct Dual {
  T v{};
  T d{};
  bool moves = false;  // whether there is a d
  Dual() = default;
  Dual(double x) : v(x), d(0.0) {}  // NOLINT: numbers are constants
  Dual(T value, T tangent) : v(value), d(tangent), moves(true) {}

  static Dual constant(T value) {
    Dual out;
    out.v = value;
    return out;
  }
  void add(const T& tangent) {
    d = moves ? d + tangent : tangent;
    moves = true;
  }
};
template <class T>
Dual<T> operator+(const Dual<T>& a, const Dual<T>& b) {
  Dual<T> out = Dual<T>::constant(a.v + b.v);
  if (a.moves) out.add(a.d);
  if (b.moves) out.add(b.d);
  return out;
}
template <class T>
Dual<T> operator-(const Dual<T>& a, const Dual<T>& b) {
  Dual<T> out = Dual<T>::constant(a.v - b.v);
  if (a.moves) out.add(a.d);
  if (b.moves) out.add(T(0.0) - b.d);
  return out;
}
template <class T>
Dual<T> operator*(const Dual<T>& a, const Dual<T>& b) {
  Dual<T> out = Dual<T>::constant(a.v * b.v);
  if (b.moves) out.add(a.v * b.d);
  if (a.moves) out.add(a.d * b.v);
  return out;
}

double primal(double x) { return x; }
template <class T>
double primal(const Dual<T>& x) {
  return primal(x.v);
}

// The largest value, from all places that attain it: they share its derivative evenly.
double shared(const std::vector<double>& best) { return best[0]; }
template <class T>
Dual<T> shared(const std::vector<Dual<T>>& best) {
  std::vector<T> values;
  for (const Dual<T>& x : best) values.push_back(x.v);
  Dual<T> out = Dual<T>::constant(shared(values));
  for (const Dual<T>& x : best)
    if (x.moves) out.add(T(1.0 / static_cast<double>(best.size())) * x.d);
  return out;
}

double apply(Op op, const double* x) { return op_evaluate(op, x); }

// f(x) and f'(x) dx. An operand that was not chosen adds nothing. Each f' is written out here although the operations'
// rows have it too: kernels are made of those, and a fault of one would else be one of their reference as well.
template <class T>
Dual<T> apply(Op op, const Dual<T>* x) {
  T values[3] = {x[0].v, T(0.0), T(0.0)};
  for (int i = 1; i < op_arity(op); ++i) values[i] = x[i].v;
  const T y = apply(op, values);
  const T one(1.0), zero(0.0), a = x[0].v;
  auto f = [&](Op o, const T& z) { return apply(o, &z); };
  Dual<T> out = Dual<T>::constant(y);
  auto times = [&](int i, const T& partial) {
    if (x[i].moves) out.add(partial * x[i].d);
  };
  const double pa = primal(a), pb = op_arity(op) > 1 ? primal(x[1].v) : 0, pc = op_arity(op) > 2 ? primal(x[2].v) : 0;
  switch (op) {
    case Op::neg: times(0, T(-1.0)); break;
    case Op::exp: times(0, y); break;
    case Op::log: times(0, f(Op::recip, a)); break;
    case Op::sqrt: times(0, T(0.5) * f(Op::recip, y)); break;
    case Op::recip: times(0, zero - y * y); break;
    case Op::abs:
      if (pa != 0) times(0, T(pa > 0 ? 1.0 : pa < 0 ? -1.0 : pa));
      break;
    case Op::tanh: times(0, one - y * y); break;
    case Op::sigmoid: times(0, y * (one - y)); break;
    case Op::softplus: times(0, f(Op::sigmoid, a)); break;
    case Op::relu:
      if (!(pa <= 0)) times(0, one);
      break;
    case Op::square: times(0, T(2.0) * a); break;
    case Op::add:
      times(0, one);
      times(1, one);
      break;
    case Op::sub:
      times(0, one);
      times(1, T(-1.0));
      break;
    case Op::mul:
      times(0, x[1].v);
      times(1, a);
      break;
    case Op::div: {
      const T r = f(Op::recip, x[1].v);
      times(0, r);
      times(1, zero - y * r);
      break;
    }
    case Op::pow: {
      const T pair[2] = {a, x[1].v - one};
      if (pb != 0) times(0, x[1].v * apply(Op::pow, pair));
      if (!(pa == 0 && pb >= 0)) times(1, y * f(Op::log, a));
      break;
    }
    case Op::max:
    case Op::min: {
      const bool larger = op == Op::max;
      const T share(pa == pb ? 0.5 : 1.0);
      if (!(larger ? pa < pb : pa > pb)) times(0, share);
      if (!(larger ? pb < pa : pb > pa)) times(1, share);
      break;
    }
    case Op::clamp:
      if (pa >= pb && pa <= pc) times(0, one);
      if (pb < pc && pa < pb) times(1, one);
      if (pa > pc || pc < pb) times(2, one);
      break;
    case Op::select: times(pa != 0 ? 1 : 2, one); break;
    case Op::sin: times(0, f(Op::cos, a)); break;
    case Op::cos: times(0, zero - f(Op::sin, a)); break;
    case Op::atan: times(0, f(Op::recip, one + a * a)); break;
    case Op::expm1: times(0, f(Op::exp, a)); break;
    case Op::log1p: times(0, f(Op::recip, one + a)); break;
    case Op::erf: times(0, T(2 * std::numbers::inv_sqrtpi) * f(Op::exp, zero - a * a)); break;
    case Op::sign:  // flat where they are smooth
    case Op::step:
    case Op::mask:
    case Op::lt:
    case Op::le:
    case Op::gt:
    case Op::ge:
    case Op::eq:
    case Op::ne: break;
  }
  return out;
}

struct Memory {
  Program* program;
  Resolver* where;
  std::int64_t example;
  std::uint64_t* branches = nullptr;  // where it is kept which way comparisons and kinked functions went
  std::optional<double> not_finite = {};  // what sums and products are that are not; its sign is that of zeros
};

void set_primal(double& x, double to) { x = to; }
template <class T>
void set_primal(Dual<T>& x, double to) {
  set_primal(x.v, to);
}

void note_branch(std::uint64_t* branches, std::uint64_t way) {
  if (branches != nullptr) *branches = (*branches ^ (way + 0x9e3779b97f4a7c15ULL)) * 0x100000001b3ULL;
}

std::uint64_t side(double x) { return std::isnan(x) ? 3 : x > 0 ? 2 : x < 0 ? 1 : 0; }

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
bool advance(std::vector<Extent>& at, const std::vector<Extent>& dims) {
  for (std::size_t i = dims.size(); i-- > 0;) {
    if (++at[i] < dims[i]) return true;
    at[i] = 0;
  }
  return false;
}

std::int64_t position(const Use& use, const std::vector<Extent>& at) {
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

bool is_cut(const Program& p, Ref leaf, Ref cut) {
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

// The value of what a derivative is taken of, with the leaves that it is taken by moved.
class Moved : public Plain {
 public:
  Moved(const Memory& memory, Ref derivative, const std::set<Ref>& followed, const Moves& moves)
      : Plain(memory), node_(derivative), followed_(followed), moves_(moves) {}

  std::vector<double> leaf(Ref node) override {
    Program& p = *memory().program;
    for (Ref cut : node_->cuts) {
      if (!is_cut(p, node, cut)) continue;
      std::vector<double> value = Plain::leaf(node);
      if (auto move = moves_.find(cut); move != moves_.end())
        for (std::size_t i = 0; i < value.size(); ++i) value[i] += move->second[i];
      return value;
    }
    return followed_.contains(node) ? evaluate(p.definition(node->tensor, node->time)) : Plain::leaf(node);
  }

  std::vector<double> held(Ref stop) override {
    Plain unmoved({memory().program, memory().where, memory().example});
    return unmoved.evaluate(stop);
  }

 private:
  Ref node_;
  const std::set<Ref>& followed_;
  const Moves& moves_;
};

class Interpreter : public PhaseRunner {
 public:
  explicit Interpreter(std::shared_ptr<Program> program) : program_(std::move(program)) {}
  bool concurrent() const override { return false; }  // moves definitions in time as it meets them

  void run(int number, Resolver& where, std::int64_t examples, void*, const void*) const override {
    const Phase& phase = program_->phases[number];
    std::vector<std::pair<const Root*, std::vector<double>>> assigned;
    for (const Root& root : phase.roots) {
      if (root.kind == RootKind::assign) {
        Plain evaluator({program_.get(), &where, 0});
        assigned.emplace_back(&root, evaluator.evaluate(root.node));
        continue;
      }
      auto* out = static_cast<double*>(where.resolve(root.tensor, root.time));
      const std::int64_t size = program_->tensors[root.tensor].size();
      if (root.kind == RootKind::gather) {
        gather(root.node, 1, where, examples, {out, out + size});
        continue;
      }
      for (std::int64_t b = 0; b < examples; ++b) {
        Plain evaluator({program_.get(), &where, b});
        const std::vector<double>& value = evaluator.evaluate(root.node);
        for (std::int64_t i = 0; i < size; ++i) out[b * size + i] = value[value.size() == 1 ? 0 : i];
      }
    }
    for (const auto& [root, value] : assigned) {  // all right sides have read the old values
      auto* out = static_cast<double*>(where.resolve(root->tensor, root->time));
      const std::int64_t size = program_->tensors[root->tensor].size();
      for (std::int64_t i = 0; i < size; ++i) out[i] = value[value.size() == 1 ? 0 : i];
    }
  }

 private:
  // Adds the examples up, then scales: a mean overflows where its sum does.
  void gather(Ref node, double scale, Resolver& where, std::int64_t examples, std::span<double> out) const {
    const bool terms = node->kind == NodeKind::sum && std::all_of(node->uses.begin(), node->uses.end(), [&](const Use& use) {
                         return is_whole(use, node->dims);
                       });
    if (terms) {
      for (const Use& use : node->uses) gather(use.node, scale * use.coefficient, where, examples, out);
      return;
    }
    if (node->kind == NodeKind::contract && node->sum_batch) {
      std::vector<Use> rest;
      scale *= node->number;
      for (const Use& use : node->uses) {
        const bool scales = use.node->rank() == 0 && !use.node->batched && !is_structural(*program_, use.node);
        if (scales) scale *= interpret(*program_, use.node, where, 0)[0];
        else rest.push_back(use);
      }
      node = program_->graph.contract(rest, node->dims, node->summed, 1, true);
    }
    std::vector<double> total(out.size(), 0);
    for (std::int64_t b = 0; b < examples; ++b) {
      const std::vector<double> value = interpret(*program_, node, where, b);
      for (std::size_t i = 0; i < out.size(); ++i) total[i] += value[value.size() == 1 ? 0 : i];
    }
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += scale * total[i];
  }

  std::shared_ptr<Program> program_;
};

}  // namespace

std::unique_ptr<PhaseRunner> make_interpreter(std::shared_ptr<Program> program) {
  return std::make_unique<Interpreter>(std::move(program));
}

std::vector<double> interpret(Program& program, Ref node, Resolver& where, std::int64_t example,
                              std::optional<double> not_finite) {
  Plain evaluator({&program, &where, example, nullptr, not_finite});
  return evaluator.evaluate(node);
}

namespace {

// Finds what a derivative's operands are made of.
class Survey {
 public:
  Survey(Program& program, Ref derivative) : p_(program), node_(derivative) {}

  Numerator run() {
    const std::size_t stride = node_->kind == NodeKind::vjp ? 2 : node_->uses.size();
    for (std::size_t k = 0; k < node_->uses.size(); k += stride) collect(node_->uses[k].node);
    if (!out_.followed.empty()) out_.steps.insert(node_->own);
    return std::move(out_);
  }

 private:
  // The number of the cut that a leaf is; -1: it is none.
  int cut_of(Ref leaf) const {
    for (std::size_t k = 0; k < node_->cuts.size(); ++k)
      if (is_cut(p_, leaf, node_->cuts[k])) return static_cast<int>(k);
    return -1;
  }
  bool is_meant(int cut) const {
    return node_->kind == NodeKind::jvp ? cut + 1 < static_cast<int>(node_->uses.size()) : cut == node_->wrt;
  }
  Ref equation(Ref leaf) { return leaf->time == node_->own ? p_.definition(leaf->tensor, leaf->time) : nullptr; }

  // Whether a node changes when the leaves that are meant do.
  bool moves(Ref node) {
    if (auto known = moves_.find(node); known != moves_.end()) return known->second;
    bool any = false;
    if (node->kind == NodeKind::leaf) {
      const int cut = cut_of(node);
      Ref followed = cut < 0 ? equation(node) : nullptr;
      any = cut >= 0 ? is_meant(cut) : followed != nullptr && moves(followed);
    }
    for (const Use& use : node->uses) any = moves(use.node) || any;
    return moves_[node] = any;
  }

  void collect(Ref node) {
    if (!seen_.insert(node).second) return;
    if (node->kind == NodeKind::leaf) {
      const bool follow = cut_of(node) < 0 && moves(node);
      (follow ? out_.followed : out_.reads).insert(node);
      if (follow) collect(equation(node));
    }
    if (node->kind == NodeKind::jac || node->kind == NodeKind::vjp || node->kind == NodeKind::jvp)
      out_.steps.insert(node->own);
    for (const Use& use : node->uses) collect(use.node);
  }

  Program& p_;
  Ref node_;
  std::unordered_map<Ref, bool> moves_;
  std::set<Ref> seen_;
  Numerator out_;
};

}  // namespace

Numerator numerator_of(Program& program, Ref derivative) { return Survey(program, derivative).run(); }

std::vector<double> interpret_moved(Program& program, Ref derivative, const Numerator& numerator, Ref operand,
                                    Resolver& where, std::int64_t example, const Moves& moves,
                                    std::uint64_t* branches) {
  Moved evaluator({&program, &where, example, branches}, derivative, numerator.followed, moves);
  return evaluator.evaluate(operand);
}

}  // namespace eligo::compiler
