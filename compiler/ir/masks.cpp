#include "compiler/ir/masks.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace eligo::compiler {
bool is_mask(const Program& program, Ref node) {
  if (node->kind == NodeKind::leaf) return program.tensors[static_cast<std::size_t>(node->tensor)].is_mask();
  return node->kind == NodeKind::map && node->op == Op::mask;
}

bool is_complement_of_flag(const Program& program, Ref node) {
  if (node->kind != NodeKind::sum || node->uses.size() != 2) return false;
  int ones = 0, flags = 0;
  for (const Use& use : node->uses) {
    ones += use.node->is_number(1) && use.coefficient == 1;
    flags += use.node->kind == NodeKind::leaf && is_mask(program, use.node) && use.coefficient == -1;
  }
  return ones == 1 && flags == 1;
}

bool is_structural(const Program& program, Ref node) {
  return node->kind == NodeKind::embed || node->kind == NodeKind::wire || is_mask(program, node);
}

bool stays_finite(Program& program, Ref node) {
  if (const auto known = program.known_finite.find(node); known != program.known_finite.end()) return known->second;
  bool finite = node->kind != NodeKind::map || !operation(node->op).may_leave_finite;
  program.known_finite[node] = finite;  // for fields that read themselves a step before
  if (node->kind == NodeKind::leaf) {
    const auto kept = program.definitions.find(node->tensor);
    const bool field = program.tensors[static_cast<std::size_t>(node->tensor)].kind == TensorKind::field;
    if (field && kept != program.definitions.end()) finite = stays_finite(program, kept->second);
  }
  if (!(node->kind == NodeKind::map && operation(node->op).zero_or_one))
    for (const Use& use : node->uses) finite = finite && stays_finite(program, use.node);
  return program.known_finite[node] = finite;
}

namespace {

using Known = std::unordered_map<Ref, bool>;  // a graph's nodes are shared: each is asked once

bool always_finite(const Program& program, Ref node, Known& known) {
  if (const auto found = known.find(node); found != known.end()) return found->second;
  const auto of_operands = [&] {
    return known[node] = std::all_of(node->uses.begin(), node->uses.end(),
                                     [&](const Use& use) { return always_finite(program, use.node, known); });
  };
  switch (node->kind) {
    case NodeKind::embed:
    case NodeKind::wire: return true;
    case NodeKind::constant: return std::isfinite(node->number);
    case NodeKind::leaf: return is_mask(program, node);
    case NodeKind::map:
      if (operation(node->op).zero_or_one) return true;
      if (operation(node->op).may_leave_finite) return false;
      [[fallthrough]];
    case NodeKind::contract:
    case NodeKind::sum:
    case NodeKind::maximum: return of_operands();
    default: return false;
  }
}

}  // namespace

bool always_finite(const Program& program, Ref node) {
  Known known;
  return always_finite(program, node, known);
}

}  // namespace eligo::compiler
