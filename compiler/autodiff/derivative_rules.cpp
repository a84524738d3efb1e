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

// The expressions of an operation's partial derivative as nodes, over the node's own labels.
class NodeBuilder : public PartialBuilder {
 public:
  NodeBuilder(Graph& graph, Ref node, const ValueOf& value) : g_(graph), node_(node), value_(value) {}

  PartialTerm operand(int i) override { return keep(value_use(node_->uses[static_cast<std::size_t>(i)], value_)); }
  PartialTerm result() override { return keep(whole(value_(node_))); }
  PartialTerm number(double value) override { return keep({g_.constant(value), {}, 1}); }
  PartialTerm apply(Op op, std::initializer_list<PartialTerm> operands) override {
    std::vector<Use> uses;
    for (const PartialTerm term : operands) uses.push_back(use(term));
    return keep(whole(g_.map(op, std::move(uses), node_->dims)));
  }
  PartialTerm sum(std::initializer_list<Scaled> terms) override {
    std::vector<Use> uses;
    for (const Scaled& t : terms) {
      uses.push_back(use(t.term));
      uses.back().coefficient = t.coefficient;
    }
    return keep(whole(g_.sum(uses, node_->dims)));
  }

  const Use& use(PartialTerm term) const { return made_[static_cast<std::size_t>(term.number)]; }

 private:
  PartialTerm keep(Use use) {
    made_.push_back(std::move(use));
    return {static_cast<int>(made_.size()) - 1};
  }

  Graph& g_;
  Ref node_;
  const ValueOf& value_;
  std::vector<Use> made_;
};

std::optional<LocalDerivative> of_map(Graph& g, Ref node, std::size_t i, const ValueOf& value) {
  const Partial& partial = operation(node->op).partials[i];
  if (partial.kind == Partial::Kind::flat) return std::nullopt;
  NodeBuilder builder(g, node, value);
  const Factors product = partial.rule(builder);
  LocalDerivative out{{}, product.coefficient};
  for (const PartialTerm factor : product.terms) out.factors.push_back(builder.use(factor));
  return out;
}

// The places that attain a maximum share its derivative evenly; all do where it is NaN.
LocalDerivative maximum(Graph& g, Ref node, const ValueOf& value) {
  std::vector<Extent> all = node->dims;
  all.insert(all.end(), node->summed.begin(), node->summed.end());
  Ref below = g.map(Op::lt, {value_use(node->uses[0], value), whole(value(node))}, all);
  Ref attains = g.map(Op::eq, {whole(below), {g.constant(0), {}, 1}}, all);
  Ref hits = g.map(Op::mask, {whole(attains)}, all);
  Ref count = g.contract({whole(hits)}, node->dims, node->summed);
  return {{whole(hits), whole(g.map(Op::recip, {whole(count)}, node->dims))}, 1};
}

}  // namespace

std::optional<LocalDerivative> local(Program& program, Ref node, std::size_t i, const ValueOf& value) {
  Graph& g = program.graph;
  switch (node->kind) {
    case NodeKind::map: return of_map(g, node, i, value);
    case NodeKind::sum: return LocalDerivative{{}, node->uses[i].coefficient};
    case NodeKind::maximum: return maximum(g, node, value);
    case NodeKind::contract: {
      LocalDerivative partial{{}, node->number};
      for (std::size_t j = 0; j < node->uses.size(); ++j)
        if (j != i) partial.factors.push_back(value_use(node->uses[j], value));
      return partial;
    }
    case NodeKind::leaf:  // these have no operands that a derivative goes through, or are replaced before
    case NodeKind::constant:
    case NodeKind::embed:
    case NodeKind::wire:
    case NodeKind::stop:
    case NodeKind::jac:
    case NodeKind::vjp:
    case NodeKind::jvp: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace eligo::compiler
