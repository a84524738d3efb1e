// What a node of the finished graph is, as a short formula without indices: how the blocks of an equation are made of
// diagonals, matrices, identities and outer products. For people; no stage reads it.
//
//   J   diag(1 - net.h[t]²) · net.W
//   e   [s, A]  I ⊗ net.h[t-1]
//
// Flags (which steps exist) are left out, so is what does not fit a line.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "compiler/ir/program.h"
#include "compiler/ir/value.h"

namespace eligo::compiler {

struct Formula {
  struct Part {
    std::string block;  // "[c, h]": of an equation over bundles; otherwise empty
    std::string text;
  };
  std::vector<Part> parts;       // empty: zero
  std::set<std::string> shared;  // tensors in them that all examples share, and that are at least matrices
};

// `axes`: those of the equation, one for each axis of the node; may be empty where it has no bundles.
Formula formula_of(const Program& program, Ref node, const std::vector<Axis>& axes);

}  // namespace eligo::compiler
