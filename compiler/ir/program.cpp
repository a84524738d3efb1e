#include "compiler/ir/program.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "compiler/ir/rewrite.h"

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

Tensor flag_tensor(Flag flag) {
  Tensor t;
  t.name = row(flag).name;
  t.kind = TensorKind::flag;
  t.flag = flag;
  t.batched = true;
  return t;
}

int Facts::find(Flag flag) const {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].kind == TensorKind::flag && tensors[i].flag == flag) return static_cast<int>(i);
  return -1;
}

const Phase* Program::phase(PhaseKind wanted) const {
  for (const Phase& p : phases)
    if (p.is(wanted)) return &p;
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

namespace {

Ref moved_leaf(Program& program, Ref leaf, TimeRef time) {
  return leaf->time.base == When::t ? program.leaf(leaf->tensor, time.shifted(leaf->time.offset)) : leaf;
}

// A lazy derivative at another time: what it is cut loose from and the step that it follows move along.
Ref moved_derivative(Program& program, Ref node, const std::vector<Use>& uses, TimeRef time) {
  std::vector<Ref> cuts;
  for (Ref cut : node->cuts) cuts.push_back(moved_leaf(program, cut, time));
  const TimeRef own = node->own.base == When::t ? time.shifted(node->own.offset) : node->own;
  if (node->kind == NodeKind::jac) return program.graph.jac(uses[0].node, std::move(cuts), node->wrt, own);
  if (node->kind == NodeKind::vjp) {
    std::vector<std::pair<Ref, Ref>> pairs;
    for (std::size_t i = 0; i < uses.size(); i += 2) pairs.emplace_back(uses[i].node, uses[i + 1].node);
    return program.graph.vjp(std::move(pairs), std::move(cuts), node->wrt, own);
  }
  std::vector<Ref> tangents;
  for (std::size_t k = 1; k < uses.size(); ++k) tangents.push_back(uses[k].node);
  return program.graph.jvp(uses[0].node, std::move(tangents), std::move(cuts), own);
}

}  // namespace

bool is_lazy(NodeKind kind) { return kind == NodeKind::jac || kind == NodeKind::vjp || kind == NodeKind::jvp; }

Root Program::add_field(std::string wanted, Ref node, bool made) {
  while (find(wanted) >= 0) wanted += "_";
  Tensor t;
  t.name = wanted;
  t.kind = TensorKind::field;
  t.made = made;
  t.dims = node->dims;
  t.batched = true;
  t.origin = node->origin;
  tensors.push_back(std::move(t));
  return {RootKind::store, static_cast<int>(tensors.size()) - 1, {When::t, 0}, node, std::move(wanted)};
}

Ref shift(Program& program, Ref root, TimeRef time) {
  return rewrite(program.graph, root, [&](Ref node, std::vector<Use> uses) {
    if (node->kind == NodeKind::leaf) return moved_leaf(program, node, time);
    if (is_lazy(node->kind)) return moved_derivative(program, node, uses, time);
    return program.graph.rebuild(node, std::move(uses));
  });
}

}  // namespace eligo::compiler
