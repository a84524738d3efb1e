#include "compiler/prune.h"

#include <unordered_set>

namespace eligo::compiler {

void prune(Program& program) {
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
}

}  // namespace eligo::compiler
