// Loads and stores of a tile.
#include <algorithm>

#include "compiler/llvm/tile.h"

namespace eligo::compiler::codegen {
namespace {

using llvm::Value;
using loops::Access;

std::int64_t stride_of(const Access& a, int l) { return l < 0 ? 0 : a.stride[static_cast<std::size_t>(l)]; }

// Σ stride * loop over the loops we are in, outermost first, so that what an inner loop adds comes last.
Value* position(Builder& b, const Types& types, const std::vector<std::int64_t>& stride, const Frame& frame) {
  Value* sum = types.index_constant(0);
  for (const int l : frame.bound) {
    const std::int64_t s = stride[static_cast<std::size_t>(l)];
    Value* const at = frame.at[static_cast<std::size_t>(l)];
    if (s != 0) sum = b.CreateAdd(sum, b.CreateMul(at, types.index_constant(s)));
  }
  return sum;
}

}  // namespace

// One pointer per cell; a vector of pointers where the lanes are not neighbours in memory.
Grid TileEmitter::places(const Access& access, const Frame& frame) {
  const loops::Buffer& buffer = scope_.buffers[static_cast<std::size_t>(access.buffer)];
  llvm::Type* const element = buffer.element == loops::Element::int32 ? types_.gathered(1) : types_.real(1);
  Grid index;
  if (access.gather >= 0) {
    Access through;
    through.buffer = access.gather;
    through.offset = access.gather_offset;
    through.stride = access.gather_loops;
    index = load_elements(through, frame, types_.gathered(1));
  }
  Value* const origin =
      b_.CreateGEP(element, scope_.pointer(access.buffer), position(b_, types_, access.stride, frame));
  const std::int64_t lane_stride = frame.lanes > 1 ? stride_of(access, frame.lane) : 0;

  Grid g = shape(frame, loops_of(access));
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      const std::int64_t offset = access.offset + r * frame.row.step * stride_of(access, frame.row.loop) +
                                  c * frame.column.step * stride_of(access, frame.column.loop);
      Value* place = b_.CreateGEP(element, origin, types_.index_constant(offset));
      bool vector = lane_stride != 0 && lane_stride != 1;
      if (access.gather >= 0) {
        Value* i = index.cell(r, c);
        const int lanes = lanes_of(i);
        i = b_.CreateMul(b_.CreateSExt(i, types_.index(lanes)),
                         splat(b_, types_.index_constant(access.gather_stride), lanes));
        place = b_.CreateGEP(element, place, i);
        vector = vector || lanes > 1;
      }
      if (vector && lane_stride != 0)
        place = b_.CreateGEP(element, place, ramp(types_.index(frame.lanes), lane_stride));
      g.cell(r, c) = place;
    }
  return g;
}

Grid TileEmitter::load_elements(const Access& access, const Frame& frame, llvm::Type* scalar) {
  Grid g = places(access, frame);
  if (plan_.prefetch && frame.lanes > 1 && frame.column.loop == frame.lane &&
      !(loops_of(access) & loop_bit(frame.row.loop)))
    prefetch(g, frame.column.count * frame.column.step * stride_of(access, frame.lane), false);
  const llvm::Align align(scalar->getScalarSizeInBits() / 8);
  const bool contiguous = frame.lanes > 1 && stride_of(access, frame.lane) == 1;
  llvm::Type* const vector = llvm::FixedVectorType::get(scalar, static_cast<unsigned>(std::max(frame.lanes, 1)));
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      Value*& cell = g.cell(r, c);
      Value* const mask = frame.mask_of(c);
      llvm::Constant* const zero = llvm::Constant::getNullValue(vector);
      if (lanes_of(cell) > 1) cell = b_.CreateMaskedGather(vector, cell, align, mask, zero);
      else if (!contiguous) cell = b_.CreateAlignedLoad(scalar, cell, align);
      else if (mask) cell = b_.CreateMaskedLoad(vector, cell, align, mask, zero);
      else cell = b_.CreateAlignedLoad(vector, cell, align);
    }
  return g;
}

// What lies `ahead` reals behind each place; for a write, the place itself, before its values are known.
void TileEmitter::prefetch(const Grid& places, std::int64_t ahead, bool write) {
  for (Value* place : places.cells) {
    if (lanes_of(place) > 1) continue;
    place = b_.CreateGEP(types_.real(1), place, types_.index_constant(ahead));
    b_.CreateIntrinsic(llvm::Intrinsic::prefetch, {place->getType()},
                       {place, b_.getInt32(write), b_.getInt32(3), b_.getInt32(1)});
  }
}

Grid TileEmitter::load(const Access& access, const Frame& frame) {
  if (scope_.buffers[static_cast<std::size_t>(access.buffer)].element == loops::Element::real)
    return load_elements(access, frame, types_.real(1));
  Grid g = load_elements(access, frame, types_.gathered(1));
  for (Value*& v : g.cells) v = b_.CreateSIToFP(v, types_.real(lanes_of(v)));
  return g;
}

void TileEmitter::store(const Frame& frame, const Grid& grid) {
  const Grid place = places(nest_.out, frame);
  const llvm::Align align(static_cast<std::uint64_t>(types_.bytes));
  for (int r = 0; r < frame.row.count; ++r)
    for (int c = 0; c < frame.column.count; ++c) {
      Value* const to = place.cell(r, c);
      Value* const value = splat(b_, grid.cell(r, c), frame.lanes);
      Value* const mask = frame.mask_of(c);
      if (lanes_of(to) > 1) b_.CreateMaskedScatter(value, to, align, mask);
      else if (mask) b_.CreateMaskedStore(value, to, align, mask);
      else b_.CreateAlignedStore(value, to, align);
    }
}

void TileEmitter::finish(const Frame& frame, Known& known) { store(frame, evaluate(nest_.value, frame, known)); }

// The tile's sums go to memory; a loop over its cells reads them, computes the rest of the expression and stores it.
// The rest is long (elementary functions): unrolled over the tile it would be most of the code.
void TileEmitter::finish_compactly(const Frame& frame, Known& known) {
  std::vector<loops::ValuePtr> sums;
  collect_sums(nest_.value, frame, sums);
  std::vector<Grid> grids;
  std::vector<llvm::Value*> memory;
  for (std::size_t s = 0; s < sums.size(); ++s) {
    grids.push_back(evaluate(sums[s], frame, known));
    memory.push_back(scope_.scratch(s, types_.target.vector_registers));
    const Grid& g = grids.back();
    for (std::size_t i = 0; i < g.cells.size(); ++i)
      b_.CreateStore(g.cells[i], b_.CreateConstGEP1_64(g.cells[i]->getType(), memory[s], i));
  }
  const auto index = [&](std::int64_t i) { return types_.index_constant(i); };
  emit_loop(b_, index(0), index(frame.row.count), 1, [&](Value* r) {
    emit_loop(b_, index(0), index(frame.column.count), 1, [&](Value* c) {
      Frame cell = frame;
      const auto move = [&](TileAxis& axis, Value* by) {
        if (axis.loop >= 0) {
          Value*& at = cell.at[static_cast<std::size_t>(axis.loop)];
          at = b_.CreateAdd(at, b_.CreateMul(by, index(axis.step)));
        }
        axis.count = 1;
      };
      move(cell.row, r);
      move(cell.column, c);
      if (frame.mask && frame.column.count > 1) {
        Value* const last = b_.CreateICmpEQ(c, index(frame.column.count - 1));
        cell.mask = b_.CreateOr(frame.mask, splat(b_, b_.CreateNot(last), frame.lanes));
      }
      Known here = prepared_;
      for (std::size_t s = 0; s < sums.size(); ++s) {
        const Grid& g = grids[s];
        Value* at = g.rows > 1 ? b_.CreateMul(r, index(g.columns)) : index(0);
        if (g.columns > 1) at = b_.CreateAdd(at, c);
        llvm::Type* const type = g.cells[0]->getType();
        Grid one;
        one.cells = {b_.CreateLoad(type, b_.CreateGEP(type, memory[s], at))};
        here[sums[s].get()] = one;
      }
      finish(cell, here);
    });
  });
}

void TileEmitter::collect_sums(const loops::ValuePtr& v, const Frame& frame, std::vector<loops::ValuePtr>& sums) {
  if (is_reduce(*v) || continuing_sum(*v, frame) >= 0) {
    if (std::find(sums.begin(), sums.end(), v) == sums.end()) sums.push_back(v);
    return;
  }
  for (const loops::ValuePtr& a : v->args) collect_sums(a, frame, sums);
}

}  // namespace eligo::compiler::codegen
