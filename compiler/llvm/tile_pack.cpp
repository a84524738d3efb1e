// Transposed copies of operands: memory is contiguous along the loop of a sum (k), the vectors lie along the columns. A
// panel of all k and the columns of one tile is copied once, [k][column], and read by every row:
//
//   W[column*J + k]   ->   panel[k*columns + column]
//
// Square blocks are transposed in registers. Columns beyond the end are copies of the last one; no result of theirs is
// kept.
#include <algorithm>

#include "compiler/llvm/tile.h"

namespace eligo::compiler::codegen {
namespace {

using llvm::Value;

// The transpose of each square block, row r of the blocks being rows[r]: log2(rows) rounds of interleaving.
void transpose_blocks(Builder& b, Values& rows, int lanes) {
  const int size = static_cast<int>(rows.size());
  for (int half = 1; half < size; half *= 2) {
    llvm::SmallVector<int, 16> low, high;
    for (int l = 0; l < lanes; ++l) {
      const bool second = l & half;
      low.push_back(second ? lanes + l - half : l);
      high.push_back(second ? lanes + l : l + half);
    }
    for (int r = 0; r < size; ++r) {
      if (r & half) continue;
      Value *&x = rows[static_cast<std::size_t>(r)], *&y = rows[static_cast<std::size_t>(r + half)];
      Value* const first = b.CreateShuffleVector(x, y, low);
      y = b.CreateShuffleVector(x, y, high);
      x = first;
    }
  }
}

}  // namespace

void TileEmitter::pack(const Frame& frame) {
  packed_.clear();
  if (frame.lanes == 1) return;
  std::size_t n = 0;
  for (const Plan::Packed& p : plan_.packed) {
    const NestLoop& loop = nest_.loops[static_cast<std::size_t>(p.loop)];
    const std::int64_t depth = loop.at_run_time() ? plan_.chunk * loop.per_example : loop.extent;
    const std::int64_t padded = (depth + types_.lanes() - 1) / types_.lanes() * types_.lanes();
    Value* const memory = scope_.scratch(8 + n++, padded * plan_.columns);  // apart from finish_compactly's
    if (p.transposed) pack(p, memory, frame);
    else copy(p, memory, frame);
    packed_[p.load] = {&p, memory};
  }
}

// Vectors that lie far apart, one behind the other.
void TileEmitter::copy(const Plan::Packed& packed, Value* memory, const Frame& frame) {
  const NestLoop& loop = nest_.loops[static_cast<std::size_t>(packed.loop)];
  const std::int64_t width = static_cast<std::int64_t>(frame.column.count) * frame.lanes;
  Value* const trips = trip_count(b_, types_, loop, scope_.examples);
  emit_loop(b_, types_.index_constant(0), trips, 1, [&](Value* k) {
    Frame there = frame;
    there.row = TileAxis{};
    there.enter(packed.loop, k);
    const Grid row = load(packed.load->access, there);
    Value* const to = b_.CreateGEP(types_.real(1), memory, b_.CreateMul(k, types_.index_constant(width)));
    for (int c = 0; c < row.columns; ++c)
      b_.CreateAlignedStore(row.cell(0, c), b_.CreateGEP(types_.real(1), to, types_.index_constant(c * frame.lanes)),
                            llvm::Align(static_cast<std::uint64_t>(types_.bytes)));
  });
}

void TileEmitter::pack(const Plan::Packed& packed, Value* memory, const Frame& frame) {
  const loops::Access& access = packed.load->access;
  const NestLoop& loop = nest_.loops[static_cast<std::size_t>(packed.loop)];
  const int block = std::min(4, frame.lanes);
  Value* const zero = types_.index_constant(0);
  const std::int64_t width = static_cast<std::int64_t>(frame.column.count) * frame.lanes;
  for (const Segment& s : vector_segments(b_, types_, loop, scope_.examples, 1, types_.target.masks))
    emit_loop(b_, s.begin, s.trips, s.step(), [&](Value* k) {
      if (s.lanes > 1)
        emit_loop(b_, zero, types_.index_constant(width / block), block,
                  [&](Value* column) { pack_block(access, packed.loop, memory, frame, column, k, s.end); });
      else
        for (int i = 0; i < s.count; ++i)
          emit_loop(b_, zero, types_.index_constant(width), 1, [&](Value* column) {
            pack_one(access, packed.loop, memory, frame, column, b_.CreateAdd(k, types_.index_constant(i)));
          });
    });
}

// Where the element of a column (counted from the tile's first) and a k lies.
Value* TileEmitter::source(const loops::Access& access, int loop, const Frame& frame, Value* column, Value* k) {
  const std::size_t lane = static_cast<std::size_t>(frame.lane);
  const Value* const last = types_.index_constant(nest_.loops[lane].extent - 1);
  Frame there = frame;
  there.at[lane] =
      b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateAdd(frame.at[lane], column), const_cast<Value*>(last));
  there.row = there.column = TileAxis{};
  there.lanes = 1;
  there.enter(loop, k);
  return places(access, there).cells[0];
}

// `block` columns and a vector of k.
void TileEmitter::pack_block(const loops::Access& access, int loop, Value* memory, const Frame& frame, Value* column,
                             Value* k, Value* end) {
  const int lanes = types_.lanes(), block = std::min(4, frame.lanes);
  const bool integers = scope_.buffers[static_cast<std::size_t>(access.buffer)].element == loops::Element::int32;
  const llvm::Align align(static_cast<std::uint64_t>(integers ? 4 : types_.bytes));
  llvm::Type* const type = integers ? types_.gathered(lanes) : types_.real(lanes);
  Value* const mask = end ? mask_before(b_, types_, lanes, k, end) : nullptr;
  Values rows;
  for (int r = 0; r < block; ++r) {
    Value* const from = source(access, loop, frame, b_.CreateAdd(column, types_.index_constant(r)), k);
    Value* v =
        mask ? static_cast<Value*>(b_.CreateMaskedLoad(type, from, align, mask, llvm::Constant::getNullValue(type)))
             : b_.CreateAlignedLoad(type, from, align);
    rows.push_back(integers ? b_.CreateSIToFP(v, types_.real(lanes)) : v);
  }
  transpose_blocks(b_, rows, lanes);
  const std::int64_t width = static_cast<std::int64_t>(frame.column.count) * frame.lanes;
  Value* const to =
      b_.CreateGEP(types_.real(1), memory, b_.CreateAdd(b_.CreateMul(k, types_.index_constant(width)), column));
  for (int l = 0; l < lanes; ++l) {
    llvm::SmallVector<int, 4> part;
    for (int i = 0; i < block; ++i) part.push_back(l / block * block + i);
    Value* const v = b_.CreateShuffleVector(rows[static_cast<std::size_t>(l % block)], part);
    b_.CreateAlignedStore(v, b_.CreateConstGEP1_64(types_.real(1), to, static_cast<std::uint64_t>(l * width)),
                          llvm::Align(static_cast<std::uint64_t>(types_.bytes)));
  }
}

void TileEmitter::pack_one(const loops::Access& access, int loop, Value* memory, const Frame& frame, Value* column,
                           Value* k) {
  const bool integers = scope_.buffers[static_cast<std::size_t>(access.buffer)].element == loops::Element::int32;
  Value* v = b_.CreateLoad(integers ? types_.gathered(1) : types_.real(1), source(access, loop, frame, column, k));
  if (integers) v = b_.CreateSIToFP(v, types_.real(1));
  const std::int64_t width = static_cast<std::int64_t>(frame.column.count) * frame.lanes;
  b_.CreateStore(
      v, b_.CreateGEP(types_.real(1), memory, b_.CreateAdd(b_.CreateMul(k, types_.index_constant(width)), column)));
}

Grid TileEmitter::load_packed(const Plan::Packed& packed, Value* memory, const Frame& frame) {
  Grid g;
  g.columns = frame.column.count;
  const std::int64_t width = static_cast<std::int64_t>(frame.column.count) * frame.lanes;
  llvm::Type* const type = types_.real(frame.lanes);
  Value* const row =
      b_.CreateGEP(types_.real(1), memory,
                   b_.CreateMul(frame.at[static_cast<std::size_t>(packed.loop)], types_.index_constant(width)));
  for (int c = 0; c < g.columns; ++c) {
    Value* const from = b_.CreateGEP(types_.real(1), row, types_.index_constant(c * frame.lanes));
    g.cells.push_back(b_.CreateAlignedLoad(type, from, llvm::Align(static_cast<std::uint64_t>(types_.bytes))));
  }
  return g;
}

}  // namespace eligo::compiler::codegen
