#include "compiler/ir/verify.h"

#include <stdexcept>

#include <fmt/core.h>

#include "compiler/ir/print.h"

namespace eligo::compiler {
namespace {

std::string check_use(const Node& node, const Use& use) {
  if (static_cast<int>(use.index.size()) != use.node->rank())
    return fmt::format("{} indices for an operand of rank {}", use.index.size(), use.node->rank());
  for (int label = 0; label < node.labels(); ++label)
    if (node.extent(label) == 0) return "";  // nothing is read
  for (std::size_t axis = 0; axis < use.index.size(); ++axis) {
    Extent low = use.index[axis].offset, high = low;
    for (const Index::Term& t : use.index[axis].terms) {
      if (t.label < 0 || t.label >= node.labels()) return fmt::format("label {} of {}", t.label, node.labels());
      const Extent reach = t.stride * (node.extent(t.label) - 1);
      (reach < 0 ? low : high) += reach;
    }
    if (low < 0 || high >= use.node->dims[axis])
      return fmt::format("axis {} is read at {}..{}, it has 0..{}", axis, low, high, use.node->dims[axis] - 1);
  }
  return "";
}

std::string check(const Node& node, bool allow_lazy) {
  const bool lazy = node.kind == NodeKind::jac || node.kind == NodeKind::vjp || node.kind == NodeKind::jvp;
  if (lazy) return allow_lazy ? "" : "a lazy derivative is left";
  if (node.kind == NodeKind::stop || node.kind == NodeKind::wire) return "";
  if (node.kind == NodeKind::map && static_cast<int>(node.uses.size()) != op_arity(node.op))
    return fmt::format("{} operands for {}", node.uses.size(), op_name(node.op));
  for (const Use& use : node.uses)
    if (std::string fault = check_use(node, use); !fault.empty()) return fault;
  return "";
}

}  // namespace

void verify(const Program& program, const std::string& stage, bool allow_lazy) {
  for (const Phase& phase : program.phases)
    for (const Root& root : phase.roots) {
      auto fail = [&](const std::string& what) {
        throw std::logic_error(
            fmt::format("internal error after {}: in {} of phase {}: {}", stage, root.label, phase.name(), what));
      };
      const auto there = [&](int tensor) { return tensor >= 0 && tensor < static_cast<int>(program.tensors.size()); };
      if (!there(root.tensor)) fail(fmt::format("tensor {} of {}", root.tensor, program.tensors.size()));
      for (Ref node : postorder({root.node}))
        if (node->kind == NodeKind::leaf && !there(node->tensor))
          fail(fmt::format("tensor {} of {} is read", node->tensor, program.tensors.size()));
        else if (std::string fault = check(*node, allow_lazy); !fault.empty()) fail(fault + " in " + text(program, node));
      const Tensor& t = program.tensors[root.tensor];
      Extent size = 1;
      for (Extent d : root.node->dims) size *= d;
      if (size != t.size() && root.node->rank() != 0)
        fail(fmt::format("{} numbers for {}, which has {}", size, t.name, t.size()));
    }
}

}  // namespace eligo::compiler
