#include "compiler/autodiff/derivative_rules.h"

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
      case Op::abs: return Partial{{mask(x(0)), apply(Op::sign, {x(0)})}, 1};
      case Op::tanh: return of(add({{number(1), 1}, {apply(Op::square, {result()}), -1}}));
      case Op::sigmoid: return of(add({{result(), 1}, {apply(Op::square, {result()}), -1}}));
      case Op::softplus: return of(apply(Op::sigmoid, {x(0)}));
      case Op::relu: return of(mask(result()));
      case Op::square: return of(x(0), 2);
      case Op::add: return scaled(1);
      case Op::sub: return scaled(i == 0 ? 1 : -1);
      case Op::mul: return of(x(1 - i));
      case Op::div: return divide(i);
      case Op::pow: return power(i);
      case Op::max: return extremum(i, Op::lt);
      case Op::min: return extremum(i, Op::gt);
      case Op::clamp: return clamp(i);
      case Op::select:
        if (i == 0) return std::nullopt;
        return of(i == 1 ? mask(x(0)) : unless(x(0)));
      default: return std::nullopt;  // sign, step, mask and comparisons are flat
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
  // Whether an operand has been chosen: where not, what is behind it contributes nothing, whatever its numbers.
  Use mask(Use condition) { return apply(Op::mask, {std::move(condition)}); }
  Use unless(Use condition) { return mask(apply(Op::eq, {std::move(condition), number(0)})); }
  static Partial scaled(double c) { return {{}, c}; }
  static Partial of(Use use, double c = 1) { return {{std::move(use)}, c}; }

  std::optional<Partial> divide(std::size_t i) {
    const Use inverse = apply(Op::recip, {x(1)});
    if (i == 0) return of(inverse);
    return Partial{{result(), inverse}, -1};
  }

  // Nothing by the base where the exponent is 0, and by the exponent where the power stays 0.
  std::optional<Partial> power(std::size_t i) {
    if (i == 0) {
      const Use less = add({{x(1), 1}, {number(1), -1}});
      return Partial{{mask(x(1)), x(1), apply(Op::pow, {x(0), less})}, 1};
    }
    const Use flat = apply(Op::mul, {apply(Op::eq, {x(0), number(0)}), apply(Op::ge, {x(1), number(0)})});
    return Partial{{unless(flat), result(), apply(Op::log, {x(0)})}, 1};
  }

  // Where both are equal each gets half. NaN is not below anything.
  std::optional<Partial> extremum(std::size_t i, Op loses) {
    const Use tie = apply(Op::select, {apply(Op::eq, {x(0), x(1)}), number(0.5), number(1)});
    return Partial{{unless(apply(loses, {x(i), x(1 - i)})), tie}, 1};
  }

  // Inside, bounds included, it is the operand; beyond, the bound. The upper one counts if they are the wrong way round.
  std::optional<Partial> clamp(std::size_t i) {
    if (i == 0) return Partial{{mask(apply(Op::ge, {x(0), x(1)})), mask(apply(Op::le, {x(0), x(2)}))}, 1};
    if (i == 1) return Partial{{mask(apply(Op::lt, {x(1), x(2)})), mask(apply(Op::lt, {x(0), x(1)}))}, 1};
    return of(mask(apply(Op::max, {apply(Op::gt, {x(0), x(2)}), apply(Op::lt, {x(2), x(1)})})));
  }

  Graph& g_;
  Ref node_;
  const ValueOf& value_;
};

// The places that attain a maximum share its derivative evenly; all do where it is NaN.
Partial maximum(Graph& g, Ref node, const ValueOf& value) {
  std::vector<Extent> all = node->dims;
  all.insert(all.end(), node->summed.begin(), node->summed.end());
  Ref below = g.map(Op::lt, {value_use(node->uses[0], value), whole(value(node))}, all);
  Ref attains = g.map(Op::eq, {whole(below), {g.constant(0), {}, 1}}, all);
  Ref hits = g.map(Op::mask, {whole(attains)}, all);
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
