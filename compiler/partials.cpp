#include "compiler/partials.h"

namespace eligo::compiler {
namespace {

using ValueOf = std::function<Ref(Ref)>;

Use value_use(const Use& use, const ValueOf& value) {
  Use result = use;
  result.node = value(use.node);
  result.coefficient = 1;
  return result;
}

// f'(x) in terms of the operands x, y and the result, which has usually been kept.
class MapPartial {
 public:
  MapPartial(Graph& graph, Ref node, const ValueOf& value) : g_(graph), node_(node), value_(value) {}

  std::optional<Partial> operator()(std::size_t i) {
    switch (node_->op) {
      case Op::neg: return scaled(-1);
      case Op::exp: return of(result());
      case Op::log: return of(apply(Op::recip, {x(0)}));
      case Op::sqrt: return of(apply(Op::recip, {result()}), 0.5);
      case Op::recip: return of(apply(Op::square, {result()}), -1);
      case Op::abs: return of(apply(Op::sign, {x(0)}));
      case Op::tanh: return of(add({{number(1), 1}, {apply(Op::square, {result()}), -1}}));
      case Op::sigmoid: return of(add({{result(), 1}, {apply(Op::square, {result()}), -1}}));
      case Op::softplus: return of(apply(Op::sigmoid, {x(0)}));
      case Op::relu: return of(apply(Op::step, {result()}));
      case Op::square: return of(x(0), 2);
      case Op::add: return scaled(1);
      case Op::sub: return scaled(i == 0 ? 1 : -1);
      case Op::mul: return of(x(1 - i));
      case Op::div: return divide(i);
      case Op::pow: return power(i);
      case Op::max: return extremum(i, Op::gt);
      case Op::min: return extremum(i, Op::lt);
      case Op::select:
        if (i == 0) return std::nullopt;
        return of(apply(Op::select, {x(0), number(i == 1 ? 1 : 0), number(i == 1 ? 0 : 1)}));
      default: return std::nullopt;  // sign, step and comparisons are flat
    }
  }

 private:
  struct Scaled {
    Use use;
    double factor;
  };
  Use x(std::size_t i) { return value_use(node_->uses[i], value_); }
  Use result() { return whole(value_(node_)); }
  Use number(double v) { return {g_.constant(v), {}, 1}; }
  Use apply(Op op, std::vector<Use> args) { return whole(g_.map(op, std::move(args), node_->dims)); }
  Use add(const std::vector<Scaled>& terms) {
    std::vector<Use> uses;
    for (const Scaled& t : terms) {
      uses.push_back(t.use);
      uses.back().coefficient = t.factor;
    }
    return whole(g_.sum(uses, node_->dims));
  }
  static Partial scaled(double c) { return {{}, c}; }
  static Partial of(Use use, double c = 1) { return {{std::move(use)}, c}; }

  std::optional<Partial> divide(std::size_t i) {
    const Use inverse = apply(Op::recip, {x(1)});
    if (i == 0) return of(inverse);
    return Partial{{result(), inverse}, -1};
  }

  std::optional<Partial> power(std::size_t i) {
    if (i == 0) {
      const Use less = add({{x(1), 1}, {number(1), -1}});
      return Partial{{x(1), apply(Op::pow, {x(0), less})}, 1};
    }
    const Use safe = apply(Op::select, {apply(Op::gt, {x(0), number(0)}), x(0), number(1)});
    return Partial{{result(), apply(Op::log, {safe})}, 1};
  }

  // Where both are equal each gets half.
  std::optional<Partial> extremum(std::size_t i, Op wins) {
    return of(add({{apply(wins, {x(i), x(1 - i)}), 1}, {apply(Op::eq, {x(i), x(1 - i)}), 0.5}}));
  }

  Graph& g_;
  Ref node_;
  const ValueOf& value_;
};

// The places that attain a maximum share its derivative evenly.
Partial maximum(Graph& g, Ref node, const ValueOf& value) {
  std::vector<Extent> all = node->dims;
  all.insert(all.end(), node->summed.begin(), node->summed.end());
  Ref hits = g.map(Op::eq, {value_use(node->uses[0], value), whole(value(node))}, all);
  Ref count = g.contract({whole(hits)}, node->dims, node->summed);
  return {{whole(hits), whole(g.map(Op::recip, {whole(count)}, node->dims))}, 1};
}

}  // namespace

std::optional<Partial> local(Program& program, Ref node, std::size_t i, const ValueOf& value) {
  Graph& g = program.graph;
  switch (node->kind) {
    case NodeKind::map: return MapPartial(g, node, value)(i);
    case NodeKind::sum: return Partial{{}, node->uses[i].coefficient};
    case NodeKind::maximum: return maximum(g, node, value);
    case NodeKind::contract: {
      Partial partial{{}, node->number};
      for (std::size_t j = 0; j < node->uses.size(); ++j)
        if (j != i) partial.factors.push_back(value_use(node->uses[j], value));
      return partial;
    }
    default: return std::nullopt;
  }
}

}  // namespace eligo::compiler
