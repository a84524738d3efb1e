// A recurrence over bundles is stored flat, and made and read block by block: one block for each choice of members
// (net.h and g.A of e[s, θ]). Passes that ask what is in a recurrence ask its blocks.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/ir/program.h"
#include "compiler/ir/value.h"

namespace eligo::compiler {

using BlockKey = std::vector<int>;  // a member for each axis; 0 for an axis that is no bundle

// The axes of a block: a bundle's are those of its member.
std::vector<Axis> block_axes(const std::vector<Axis>& axes, const BlockKey& key);

// The blocks from which a value was flattened; nothing if it was made in another way.
std::map<BlockKey, Ref> cut_blocks(Ref flat, const std::vector<Axis>& axes);

// "h, W": the members of a block.
std::string block_name(const std::vector<Axis>& axes, const BlockKey& key);

// The nodes by which recurrences are read.
class BlockReads {
 public:
  explicit BlockReads(Program& program) : p_(program), v_(program.graph) {}

  // A tensor's blocks at a time.
  const std::map<BlockKey, Ref>& at(int tensor, TimeRef time);
  // Whether everything that reads the tensor does so by such nodes; then `times` has those at which it is read.
  bool only(int tensor, std::set<TimeRef>& times);

 private:
  Program& p_;
  Values v_;
  std::map<std::pair<int, TimeRef>, std::map<BlockKey, Ref>> known_;
};

}  // namespace eligo::compiler
