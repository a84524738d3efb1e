#include "compiler/passes/cost.h"

#include "compiler/passes/contraction_order.h"

namespace eligo::compiler {

Cost cost_of_node(Ref node, std::int64_t batch) {
  Cost cost;
  const auto examples = static_cast<double>(node->batched || node->sum_batch ? batch : 1);
  double points = static_cast<double>(node->size());
  double inner = points;
  for (Extent e : node->summed) inner *= static_cast<double>(e);
  switch (node->kind) {
    case NodeKind::map: cost.operations = points * op_cost(node->op); break;
    case NodeKind::contract: {
      int factors = 0;
      for (const Use& use : node->uses) factors += use.node->kind != NodeKind::embed && use.node->rank() > 0;
      const bool scaling = node->summed.empty() && !node->sum_batch;
      cost.operations = inner * (scaling ? std::max(factors - 1, 0) : 2.0 * std::max(factors - 1, 1));
      break;
    }
    case NodeKind::sum: cost.operations = points * static_cast<double>(node->uses.size()); break;
    case NodeKind::maximum: cost.operations = inner; break;
    default: return cost;
  }
  cost.operations *= examples;
  cost.words = points * (node->sum_batch ? 1 : examples);
  for (const Use& use : node->uses)
    if (use.node->kind != NodeKind::embed)
      cost.words += static_cast<double>(use.node->size()) * (use.node->batched ? examples : 1);
  return cost;
}

double cost_of(Program& program, Ref root, std::int64_t batch) {
  double total = 0;
  for (Ref node : postorder({order_contractions(program, root, batch)})) total += cost_of_node(node, batch).weight();
  return total;
}

}  // namespace eligo::compiler
