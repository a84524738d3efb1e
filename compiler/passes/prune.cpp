#include "compiler/passes/prune.h"

#include <unordered_map>
#include <unordered_set>

#include "compiler/ir/rewrite.h"
#include "compiler/passes/simplify.h"

namespace eligo::compiler {
namespace {

// Where fields are read: how often, and whether only by the step that computes them.
struct Readers {
  int count = 0;
  bool same_step = true;
  Root* only = nullptr;
};

std::unordered_map<int, Readers> readers_of(Program& program) {
  std::unordered_map<int, Readers> readers;
  for (Phase& phase : program.phases)
    for (Root& root : phase.roots)
      for (Ref node : postorder({root.node})) {
        const auto read = [&](Ref leaf) {
          if (leaf->kind != NodeKind::leaf || program.tensors[leaf->tensor].kind != TensorKind::field) return;
          Readers& r = readers[leaf->tensor];
          ++r.count;
          r.same_step = r.same_step && phase.is(PhaseKind::step) && leaf->time == TimeRef{When::t, 0};
          r.only = &root;
        };
        for (const Use& use : node->uses) read(use.node);
        if (node == root.node) read(node);
      }
  return readers;
}

// A field that one place of its own step reads needs no memory: it is computed there.
bool fuse(Program& program) {
  auto readers = readers_of(program);
  for (Phase& phase : program.phases)
    for (std::size_t i = 0; i < phase.roots.size(); ++i) {
      const Root root = phase.roots[i];
      const bool field = root.kind == RootKind::store && program.tensors[root.tensor].kind == TensorKind::field;
      if (!field || !phase.is(PhaseKind::step) || root.tensor == program.loss) continue;
      const Readers& r = readers[root.tensor];
      if (r.count != 1 || !r.same_step || r.only->node->kind == NodeKind::leaf) continue;
      if (root.node->dims != program.tensors[root.tensor].dims) continue;
      const auto inlined = [&](Ref node) {
        return node->kind == NodeKind::leaf && node->tensor == root.tensor ? root.node : nullptr;
      };
      r.only->node = simplify(program, substitute_nodes(program.graph, r.only->node, inlined));
      phase.roots.erase(phase.roots.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
  return false;
}

}  // namespace

void prune(Program& program) {
  // What has no elements, a trace over the parameters of a net that has none, is not computed.
  for (Phase& phase : program.phases)
    std::erase_if(phase.roots, [&](const Root& root) { return program.tensors[root.tensor].size() == 0; });
  for (bool changed = true; changed;) {
    changed = false;
    std::unordered_set<int> read = {program.loss};
    for (const Phase& phase : program.phases)
      for (const Root& root : phase.roots)
        for (Ref node : postorder({root.node}))
          if (node->kind == NodeKind::leaf && (node->tensor != root.tensor || node->time != root.time))
            read.insert(node->tensor);
    for (Phase& phase : program.phases)
      changed = std::erase_if(phase.roots,
                              [&](const Root& root) {
                                return root.kind == RootKind::store &&
                                       program.tensors[root.tensor].kind == TensorKind::field &&
                                       !read.contains(root.tensor);
                              }) > 0 ||
                changed;
  }
  while (fuse(program)) {
  }
}

}  // namespace eligo::compiler
