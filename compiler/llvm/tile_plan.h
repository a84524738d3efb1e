// How a statement's loops are laid onto registers. One tile of the output is computed at a time:
//
//   for <around>: for <column tiles>: for <row tiles>:
//     rows x columns accumulators stay in registers while the loops of each reduce run;
//     then the rest of the expression is computed on them and stored
//
// Columns are `lanes` wide where an output loop suits vectors. Where none does (scalars, sums along contiguous memory),
// columns are scalars of an output loop, and each sum uses the vectors along a loop of its own.
//
// What changes the order of a sum (the vector loops) follows from the statement and the target alone; rows do not.
#pragma once

#include <vector>

#include "compiler/llvm/nest.h"
#include "compiler/llvm/target.h"

namespace eligo::compiler::codegen {

struct Plan {
  std::vector<int> around;  // output loops outside of the tile, outermost first
  int lane = -1;            // output loop along vectors
  int column = -1;          // output loop along the tile's columns: `lane` if there is one
  int columns = 1;
  int row = -1;  // output loop along the tile's rows
  int rows = 1;
  bool compact = false;  // finish the tile in a loop over its vectors, not unrolled
  // Loads that are copied for each column tile, to a piece of memory from which all of its rows load vectors: those
  // along no vector, but contiguous along a loop of their sum, transposed; and vectors that lie far apart, each on a
  // page of its own.
  struct Packed {
    const loops::Value* load;
    int loop;  // the sum's
    bool transposed;
  };
  std::vector<Packed> packed;
  std::int64_t chunk = 0;  // examples at a time, where a statement adds up over all of them; 0: all
  bool prefetch = false;   // fetch the next columns' operands, and the output, before they are needed
  // Rows of a matrix, each on a page of its own, are fetched before the sum that walks them comes to them.
  struct Ahead {
    const loops::Value* sum;
    const loops::Access* access;
    std::int64_t elements;  // from what a step loads to what it fetches
  };
  std::vector<Ahead> ahead;
  bool one_body = false;   // one masked loop instead of a full one and a masked end
};

// The lanes of the last vector of a loop: fewer than all where that is faster.
int narrow_lanes(const Target& target, int lanes, std::int64_t trips);

// The value must be the nest's own: the plan points into it.
Plan make_plan(const Nest& nest, const Target& target, int bytes);

// Where no output loop is along vectors: the loop of `reduce` that is, or -1; and how many accumulators share it.
struct SumPlan {
  int lane = -1;
  int columns = 1;
};
SumPlan plan_sum(const Nest& nest, const loops::Value& reduce, const Plan& plan, const Target& target, int bytes);

}  // namespace eligo::compiler::codegen
