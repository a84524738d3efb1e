// A cotangent pulled through one block of a linear trace, with the trace's columns left out.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/ir/recurrence_blocks.h"

namespace eligo::compiler {

// Why a recurrence cannot be transposed, as the end of a sentence: "its coefficients differ from column to column".
class NotTransposable : public std::runtime_error {
 public:
  // `depth`: of several reasons, one for each choice of columns, the deepest is told.
  explicit NotTransposable(const std::string& what, int depth_ = 0) : std::runtime_error(what), depth(depth_) {}
  int depth;
};

class TraceWalk {
 public:
  // `reads`: the nodes by which the trace is read; `is_column`: by axis of the trace; `column`: the members of the
  // columns that are walked, one per column axis; `dims`: their extents.
  TraceWalk(Program& program, int tensor, const std::map<BlockKey, Ref>& reads, std::vector<bool> is_column,
            BlockKey column, std::vector<Extent> dims);

  using Columns = std::vector<int>;  // for each axis of a node: which column it is, or -1
  // The columns of a block of the trace.
  Columns columns_of(const BlockKey& key) const;
  // What `node` hands to what it reads of the trace, and what it adds on its own, when it receives `cotangent`, whose
  // axes are those of the node that are no columns.
  void pull(Ref node, const Columns& columns, Ref cotangent) { walk(node, columns, cotangent); }

  std::map<BlockKey, std::vector<Use>> states;  // by the members of the other axes: cotangents of the trace's blocks
  std::vector<Use> added;                       // terms over the columns

 private:
  void walk(Ref node, const Columns& columns, Ref u);
  void walk_use(Ref node, std::size_t i, const std::vector<Use>& others, double coefficient, const Columns& columns,
                Ref u);
  void walk_product(Ref node, const Columns& columns, Ref u);
  void walk_map(Ref node, const Columns& columns, Ref u);
  void walk_tangent(Ref node, const Columns& columns, Ref u);
  void read(const BlockKey& key, const Columns& columns, Ref u);
  void add(Ref node, const Columns& columns, Ref u);
  bool add_through(Ref node, const Columns& columns, Ref u);
  void add_plainly(Ref node, const Columns& columns, Ref u);
  bool reaches(Ref node);
  // The columns of operand i, if each is read by a column of the node; empty optional otherwise.
  bool inner_columns(Ref node, std::size_t i, const Columns& columns, Columns& inner) const;
  Ref handed(Ref node, std::size_t i, const std::vector<Use>& others, double coefficient, const Columns& columns,
             const Columns& inner, Ref u);
  static bool mentions_columns(const Use& use, const Columns& columns);

  Program& p_;
  Graph& g_;
  int tensor_;
  std::unordered_map<Ref, BlockKey> reads_;
  std::vector<bool> is_column_;
  BlockKey column_;
  std::vector<Extent> dims_;
  std::unordered_map<Ref, bool> reaches_;
};

}  // namespace eligo::compiler
