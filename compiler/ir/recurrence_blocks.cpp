#include "compiler/ir/recurrence_blocks.h"

#include <algorithm>

namespace eligo::compiler {
namespace {

bool single(const Axis& axis) { return axis.bundle->members.size() == 1 && axis.bundle->members[0].dims.size() == 1; }

// The member of a bundle that an embed places in the bundle's axis, or -1.
int member_of(const Axis& axis, Ref embed) {
  if (embed->kind != NodeKind::embed || embed->dims[0] != axis.extent) return -1;
  if (!axis.bundle) return embed->is_identity() ? 0 : -1;
  const auto& members = axis.bundle->members;
  for (std::size_t m = 0; m < members.size(); ++m)
    if (members[m].offset == embed->offset &&
        std::equal(members[m].dims.begin(), members[m].dims.end(), embed->dims.begin() + 1, embed->dims.end()))
      return static_cast<int>(m);
  return -1;
}

}  // namespace

std::vector<Axis> block_axes(const std::vector<Axis>& axes, const BlockKey& key) {
  std::vector<Axis> result;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].bundle) {
      const Bundle::Member& m = axes[i].bundle->members[static_cast<std::size_t>(key[i])];
      result.insert(result.end(), m.axes.begin(), m.axes.end());
    } else {
      result.push_back(axes[i]);
    }
  }
  return result;
}

std::map<BlockKey, Ref> cut_blocks(Ref flat, const std::vector<Axis>& axes) {
  bool plain = true;
  for (const Axis& axis : axes) plain = plain && (!axis.bundle || single(axis));
  if (plain) return {{BlockKey(axes.size(), 0), flat}};
  std::vector<Ref> parts = {flat};
  if (flat->kind == NodeKind::sum) {
    parts.clear();
    for (const Use& use : flat->uses) parts.push_back(use.node);
  }
  std::map<BlockKey, Ref> blocks;
  for (Ref part : parts) {
    if (part->kind != NodeKind::contract || part->uses.size() != axes.size() + 1) return {};
    BlockKey key;
    for (std::size_t i = 0; i < axes.size(); ++i) key.push_back(member_of(axes[i], part->uses[i + 1].node));
    if (std::find(key.begin(), key.end(), -1) != key.end() || blocks.contains(key)) return {};
    blocks[key] = part->uses[0].node;
  }
  return blocks;
}

std::string block_name(const std::vector<Axis>& axes, const BlockKey& key) {
  std::string text;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::string full =
        axes[i].bundle ? axes[i].bundle->members[static_cast<std::size_t>(key[i])].name : axes[i].shown;
    text += (text.empty() ? "" : ", ") + full.substr(full.rfind('.') + 1);
  }
  return text;
}

const std::map<BlockKey, Ref>& BlockReads::at(int tensor, TimeRef time) {
  auto& blocks = known_[{tensor, time}];
  if (blocks.empty()) blocks = v_.tensor(p_.leaf(tensor, time), p_.tensors[tensor].axes).blocks;
  return blocks;
}

bool BlockReads::only(int tensor, std::set<TimeRef>& times) {
  std::vector<Ref> stack;
  for (const Phase& phase : p_.phases)
    for (const Root& root : phase.roots) {
      stack.push_back(root.node);
      for (Ref node : postorder({root.node}))
        if (node->kind == NodeKind::leaf && node->tensor == tensor) times.insert(node->time);
    }
  std::set<Ref> allowed, seen;
  for (TimeRef time : times)
    for (const auto& [key, node] : at(tensor, time)) allowed.insert(node);
  while (!stack.empty()) {
    Ref node = stack.back();
    stack.pop_back();
    if (allowed.contains(node) || !seen.insert(node).second) continue;
    if (node->kind == NodeKind::leaf && node->tensor == tensor) return false;
    for (const Use& use : node->uses) stack.push_back(use.node);
  }
  return true;
}

}  // namespace eligo::compiler
