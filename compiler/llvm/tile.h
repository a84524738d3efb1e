// Computes an expression on one tile of the output, in registers: each value is a grid of at most rows x columns cells,
// and a cell is a scalar or a vector of `lanes`. A value that does not depend on the row has one row, and so on, so
// that a load is made once for all the cells that use it.
#pragma once

#include <unordered_map>

#include "compiler/llvm/loop.h"
#include "compiler/llvm/tile_plan.h"

namespace eligo::compiler::codegen {

// `count` neighbours of a loop, `step` apart.
struct TileAxis {
  int loop = -1;
  int count = 1;
  std::int64_t step = 1;
};

// Where in the loops we are, and what the tile looks like there.
struct Frame {
  Values at;               // of each loop: its value in the first row, column and lane; null outside of it
  std::vector<int> bound;  // the loops we are in, outermost first
  TileAxis row, column;
  int lane = -1;  // the loop along vectors; columns may be along it, too
  int lanes = 1;
  llvm::Value* mask = nullptr;  // the lanes in use; of the last column only, where columns are along the lane loop

  void enter(int loop, llvm::Value* value) {
    at[static_cast<std::size_t>(loop)] = value;
    bound.push_back(loop);
  }
  LoopSet inside() const;
  llvm::Value* mask_of(int column_number) const {
    return column.loop == lane && column_number + 1 < column.count ? nullptr : mask;
  }
};

struct Grid {
  int rows = 1, columns = 1;
  Values cells;
  llvm::Value*& cell(int r, int c) {
    return cells[static_cast<std::size_t>((rows == 1 ? 0 : r) * columns + (columns == 1 ? 0 : c))];
  }
  llvm::Value* cell(int r, int c) const { return const_cast<Grid*>(this)->cell(r, c); }
};

// What a function's statements share.
struct Scope {
  Builder& b;
  const Types& types;
  const std::vector<loops::Buffer>& buffers;
  std::function<llvm::Value*(int)> pointer;  // to the first element of a buffer
  std::function<llvm::Value*(std::size_t, std::int64_t)>
      scratch;  // the n-th piece of memory, of that many full vectors
  llvm::Value* examples;
  bool part = false;  // a kernel's examples, some at a time
};

class TileEmitter {
 public:
  TileEmitter(const Scope& scope, const Nest& nest, const Plan& plan);

  // Computes the sums and the long operations that are the same for all tiles of `frame`, once.
  void prepare(const Frame& frame);
  // Copies what the plan packs, for all the tiles of the frame's columns.
  void pack(const Frame& frame);
  // Computes and stores the tile at `frame`.
  void emit(const Frame& frame);

 private:
  using Known = std::unordered_map<const loops::Value*, Grid>;

  Grid evaluate(const loops::ValuePtr& v, const Frame& frame, Known& known);
  Grid apply(const loops::Value& v, const Frame& frame, Known& known);
  Grid constant(double value) const;

  // Loads and stores: tile_memory.cpp
  Grid places(const loops::Access& access, const Frame& frame);
  Grid load(const loops::Access& access, const Frame& frame);
  Grid load_elements(const loops::Access& access, const Frame& frame, llvm::Type* scalar);
  void prefetch(const Grid& places, std::int64_t ahead, bool write);
  void store(const Frame& frame, const Grid& grid);
  void finish(const Frame& frame, Known& known);
  void finish_compactly(const Frame& frame, Known& known);
  void collect_sums(const loops::ValuePtr& v, const Frame& frame, std::vector<loops::ValuePtr>& sums);

  // Copies, transposed or not: tile_pack.cpp
  void copy(const Plan::Packed& packed, llvm::Value* memory, const Frame& frame);
  void pack(const Plan::Packed& packed, llvm::Value* memory, const Frame& frame);
  void pack_block(const loops::Access& access, int loop, llvm::Value* memory, const Frame& frame, llvm::Value* column,
                  llvm::Value* k, llvm::Value* end);
  void pack_one(const loops::Access& access, int loop, llvm::Value* memory, const Frame& frame, llvm::Value* column,
                llvm::Value* k);
  llvm::Value* source(const loops::Access& access, int loop, const Frame& frame, llvm::Value* column, llvm::Value* k);
  Grid load_packed(const Plan::Packed& packed, llvm::Value* memory, const Frame& frame);

  // Sums: tile_sum.cpp
  Grid reduce(const loops::Value& v, const Frame& frame, Known& known, const Grid* start);
  Grid reduce_along(const SumPlan& plan, const loops::Value& v, const Frame& frame, const Known& known);
  Grid run_loops(const loops::Value& v, std::size_t depth, const Segment* vectors, const Frame& frame,
                 const Known& known, Grid sums);
  Grid step(const loops::Value& v, const Frame& frame, Known known, const Grid& sums);
  Grid add_to(Grid sums, const loops::ValuePtr& body, bool negative, const Frame& frame, Known& known);
  Grid add_product(const Grid& sums, const loops::ValuePtr& body, bool negative, const Frame& frame, Known& known);
  Grid across(const Grid& sums, bool columns, bool largest);
  void hoist(const loops::ValuePtr& v, LoopSet over, const Frame& frame, Known& known);
  // Which operand of `v`, a sum, can go on from the value of the other as its start; -1 for none.
  int continuing_sum(const loops::Value& v, const Frame& frame);
  bool has_own_lane(const loops::Value& sum, const Frame& frame);

  LoopSet depends(const loops::Value& v) { return dependence_.of(v); }
  // The shape of a value that depends on `loops`, its cells not yet set; and the width of its cells.
  Grid shape(const Frame& frame, LoopSet loops) const;
  int width(const Frame& frame, LoopSet loops) const {
    return frame.lane >= 0 && (loops & loop_bit(frame.lane)) ? frame.lanes : 1;
  }
  // Cell by cell, operands broadcast to the common shape and width.
  using CellOp = std::function<llvm::Value*(llvm::ArrayRef<llvm::Value*>)>;
  Grid map(llvm::ArrayRef<const Grid*> operands, const CellOp& op);
  Grid multiply(const Grid& x, const Grid& y);

  const Scope& scope_;
  Builder& b_;
  const Types& types_;
  const Nest& nest_;
  const Plan& plan_;
  Dependence dependence_;
  Known prepared_;
  std::unordered_map<const loops::Value*, std::pair<const Plan::Packed*, llvm::Value*>>
      packed_;  // and where they are now
};

}  // namespace eligo::compiler::codegen
