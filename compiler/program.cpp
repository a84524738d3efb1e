#include "compiler/program.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace eligo::compiler {

Extent Tensor::size() const {
  Extent n = 1;
  for (Extent d : dims) n *= d;
  return n;
}

int Facts::find(const std::string& wanted) const {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].name == wanted) return static_cast<int>(i);
  return -1;
}

const Phase* Program::phase(const std::string& wanted) const {
  for (const Phase& p : phases)
    if (p.name == wanted) return &p;
  return nullptr;
}

Ref Program::leaf(int tensor, TimeRef time) {
  const Tensor& t = tensors[tensor];
  return graph.leaf(tensor, time, t.dims, t.batched);
}

Ref Program::definition(int tensor, TimeRef time) {
  auto found = definitions.find(tensor);
  if (found == definitions.end()) return nullptr;
  if (time == TimeRef{When::t, 0}) return found->second;
  Ref& moved = shifted_[{tensor, {static_cast<int>(time.base), time.offset}}];
  if (!moved) moved = shift(*this, found->second, time);
  return moved;
}

std::vector<Ref> leaves_of(Program& program, Ref root) { return leaves_of(program, std::vector<Ref>{root}); }

std::vector<Ref> leaves_of(Program& program, std::vector<Ref> roots) {
  std::vector<Ref> leaves;
  std::unordered_set<Ref> seen;
  while (!roots.empty()) {
    const std::vector<Ref> next = std::exchange(roots, {});
    for (Ref node : postorder(next)) {
      if (!seen.insert(node).second) continue;
      if (node->kind == NodeKind::leaf) leaves.push_back(node);
      const bool lazy = node->kind == NodeKind::jac || node->kind == NodeKind::vjp || node->kind == NodeKind::jvp;
      if (!lazy) continue;
      roots.insert(roots.end(), node->cuts.begin(), node->cuts.end());
      const std::map<int, Ref> equations = program.definitions;
      for (const auto& [tensor, equation] : equations) {
        roots.push_back(program.leaf(tensor, node->own));
        roots.push_back(program.definition(tensor, node->own));
      }
    }
  }
  return leaves;
}

Ref shift(Program& program, Ref root, TimeRef time) {
  std::unordered_map<Ref, Ref> moved;
  for (Ref node : postorder({root})) {
    if (node->kind == NodeKind::leaf) {
      const bool at_t = node->time.base == When::t;
      moved[node] = at_t ? program.leaf(node->tensor, time.shifted(node->time.offset)) : node;
      continue;
    }
    std::vector<Use> uses = node->uses;
    for (Use& use : uses) use.node = moved.at(use.node);
    moved[node] = program.graph.rebuild(node, std::move(uses));
  }
  return moved.at(root);
}

}  // namespace eligo::compiler
