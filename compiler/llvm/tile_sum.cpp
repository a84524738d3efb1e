// Sums and maxima over loops: the register-blocked matrix products, and everything of that form. The accumulators of a
// tile are carried through the loops as SSA values; a step loads each operand once for all the cells that use it.
#include <algorithm>
#include <limits>

#include "compiler/llvm/math.h"
#include "compiler/llvm/tile.h"

namespace eligo::compiler::codegen {

using llvm::Value;
using loops::ValueKind;
using loops::ValuePtr;

Grid TileEmitter::reduce(const loops::Value& v, const Frame& frame, Known& known, const Grid* start) {
  LoopSet over = 0;
  for (const int l : v.over) over |= loop_bit(l);
  hoist(v.args[0], over, frame, known);
  if (has_own_lane(v, frame))
    if (const SumPlan plan = plan_sum(nest_, v, plan_, types_.target, types_.bytes); plan.lane >= 0)
      return reduce_along(plan, v, frame, known);

  const bool largest = v.kind == ValueKind::reduce_max;
  const LoopSet loops = depends(*v.args[0]);
  Grid sums = shape(frame, loops);
  const Grid zero = constant(largest ? -std::numeric_limits<double>::infinity() : 0);
  for (Value*& cell : sums.cells) cell = splat(b_, zero.cells[0], width(frame, loops));
  if (start) sums = map({&sums, start}, [](llvm::ArrayRef<Value*> x) { return x[1]; });
  return run_loops(v, 0, nullptr, frame, known, std::move(sums));
}

// Whether a sum is the same in all lanes of the frame: its own loops may be along vectors then.
bool TileEmitter::has_own_lane(const loops::Value& sum, const Frame& frame) {
  return frame.lane < 0 || !(depends(sum) & loop_bit(frame.lane));
}

// With vectors along one of the sum's own loops: partial sums in the lanes, added up at the end. Where the target has
// no masks, the end of the loop goes on from there one by one.
Grid TileEmitter::reduce_along(const SumPlan& plan, const loops::Value& v, const Frame& frame, const Known& known) {
  const bool largest = v.kind == ValueKind::reduce_max;
  const double start = largest ? -std::numeric_limits<double>::infinity() : 0;
  const bool columns = frame.column.loop < 0;
  const auto inside = [&](int count, int lanes) {
    Frame f = frame;
    f.lane = plan.lane;
    f.lanes = lanes;
    f.mask = nullptr;
    if (columns) f.column = {plan.lane, count, lanes};
    return f;
  };
  const int count = columns ? plan.columns : 1;
  const NestLoop& loop = nest_.loops[static_cast<std::size_t>(plan.lane)];
  Grid sums = shape(inside(count, types_.lanes()), depends(*v.args[0]));
  for (Value*& cell : sums.cells) cell = llvm::ConstantFP::get(types_.real(types_.lanes()), start);

  const std::vector<Segment> segments = vector_segments(b_, types_, loop, scope_.examples, count, false);
  bool whole = true;  // `sums` still has a cell per column and lane
  for (Segment s : segments) {
    if (s.lanes == 1) {
      if (whole) sums = across(sums, columns, largest);
      whole = false;
      s.trips = b_.CreateMul(s.trips, types_.index_constant(s.count));
      s.count = 1;
      sums = run_loops(v, 0, &s, inside(1, 1), known, std::move(sums));
      continue;
    }
    Grid part = sums;  // of the first columns only, in the last segments
    if (columns) {
      part.columns = s.count;
      part.cells.resize(static_cast<std::size_t>(part.rows * s.count));
      for (int r = 0; r < part.rows; ++r)
        for (int c = 0; c < s.count; ++c) part.cell(r, c) = sums.cell(r, c);
    }
    part = run_loops(v, 0, &s, inside(s.count, s.lanes), known, std::move(part));
    for (int r = 0; r < part.rows; ++r)
      for (int c = 0; c < part.columns; ++c) sums.cell(r, c) = part.cell(r, c);
  }
  return whole ? across(sums, columns, largest) : sums;
}

// The rest of the sum's loops, from number `depth` on. `vectors` cuts the loop that `frame` has vectors along, if that
// is one of them.
Grid TileEmitter::run_loops(const loops::Value& v, std::size_t depth, const Segment* vectors, const Frame& frame,
                            const Known& known, Grid sums) {
  if (depth == v.over.size()) return step(v, frame, known, sums);
  const int loop = v.over[depth];
  Segment s{types_.index_constant(0),
            trip_count(b_, types_, nest_.loops[static_cast<std::size_t>(loop)], scope_.examples)};
  const bool along = vectors && loop == frame.lane;
  if (along) s = *vectors;
  Grid result = sums;
  result.cells = emit_loop(b_, s.begin, s.trips, s.step(), sums.cells, [&](Value* i, const Values& carried) {
    Frame inner = frame;
    inner.enter(loop, i);
    if (along && s.end)
      inner.mask =
          mask_before(b_, types_, s.lanes, b_.CreateAdd(i, types_.index_constant((s.count - 1) * s.lanes)), s.end);
    Grid now = sums;
    now.cells = carried;
    return run_loops(v, depth + 1, vectors, inner, known, std::move(now)).cells;
  });
  return result;
}

// One point of the sum's loops.
Grid TileEmitter::step(const loops::Value& v, const Frame& frame, Known known, const Grid& sums) {
  // First of all: LLVM moves no load past them, and would keep all operands of the step in registers at once.
  for (const Plan::Ahead& ahead : plan_.ahead)
    if (ahead.sum == &v && frame.lanes > 1) prefetch(places(*ahead.access, frame), ahead.elements, false);
  Grid next;
  if (v.kind == ValueKind::reduce_max) {
    const Grid x = evaluate(v.args[0], frame, known);
    next = map({&sums, &x}, [&](llvm::ArrayRef<Value*> o) { return emit_op(b_, types_.target, Op::max, o); });
  } else {
    next = add_to(sums, v.args[0], false, frame, known);
  }
  const bool masked = frame.mask && std::find(v.over.begin(), v.over.end(), frame.lane) != v.over.end();
  if (!masked) return next;
  for (int r = 0; r < next.rows; ++r)
    for (int c = 0; c < next.columns; ++c)
      if (Value* const mask = frame.mask_of(c))
        next.cell(r, c) = b_.CreateSelect(mask, next.cell(r, c), sums.cell(r, c));
  return next;
}

// sums + body, or sums - body, term by term.
Grid TileEmitter::add_to(Grid sums, const ValuePtr& body, bool negative, const Frame& frame, Known& known) {
  if (body->kind == ValueKind::apply && !known.contains(body.get())) {
    if (body->op == Op::neg) return add_to(std::move(sums), body->args[0], !negative, frame, known);
    if (body->op == Op::add || body->op == Op::sub) {
      sums = add_to(std::move(sums), body->args[0], negative, frame, known);
      return add_to(std::move(sums), body->args[1], negative != (body->op == Op::sub), frame, known);
    }
    if (body->op == Op::mul || body->op == Op::square) return add_product(sums, body, negative, frame, known);
  }
  const Grid x = evaluate(body, frame, known);
  return map({&sums, &x}, [&](llvm::ArrayRef<Value*> o) {
    return negative ? b_.CreateFSub(o[0], o[1]) : b_.CreateFAdd(o[0], o[1]);
  });
}

// The factors of one term: first those that are the same in all lanes, then the others, the last product fused with the
// sum. What is squared is one factor, taken twice: a scale in it may be there to keep the square from overflowing.
Grid TileEmitter::add_product(const Grid& sums, const ValuePtr& body, bool negative, const Frame& frame, Known& known) {
  std::vector<Grid> scalars, vectors;
  const std::function<void(const ValuePtr&)> collect = [&](const ValuePtr& v) {
    const bool computed = v->kind == ValueKind::apply && !known.contains(v.get());
    if (computed && v->op == Op::mul) {
      collect(v->args[0]);
      collect(v->args[1]);
      return;
    }
    const bool square = computed && v->op == Op::square;
    Grid g = evaluate(square ? v->args[0] : v, frame, known);
    std::vector<Grid>& to = depends(*v) & loop_bit(frame.lane) ? vectors : scalars;
    if (square) to.push_back(g);
    to.push_back(std::move(g));
  };
  collect(body);
  const auto product = [&](std::vector<Grid>& factors, std::size_t leave) {
    while (factors.size() > leave) {
      Grid last = std::move(factors.back());
      factors.pop_back();
      factors.back() = multiply(factors.back(), last);
    }
  };
  product(scalars, vectors.empty() ? 2 : 1);
  product(vectors, scalars.empty() ? 2 : 1);
  std::vector<Grid> two = std::move(scalars);
  for (Grid& g : vectors) two.push_back(std::move(g));
  return map({&two[0], &two[1], &sums}, [&](llvm::ArrayRef<Value*> o) {
    return multiply_add(b_, types_.target, negative ? b_.CreateFNeg(o[0]) : o[0], o[1], o[2]);
  });
}

// The lanes of each cell, and its row's columns if told so, added up pairwise.
Grid TileEmitter::across(const Grid& sums, bool columns, bool largest) {
  const auto combine = [&](Value* x, Value* y) {
    return largest ? emit_op(b_, types_.target, Op::max, {x, y}) : b_.CreateFAdd(x, y);
  };
  Grid g = sums;
  if (columns) {
    g.columns = 1;
    g.cells.resize(static_cast<std::size_t>(g.rows));
    for (int r = 0; r < sums.rows; ++r) {
      Values row;
      for (int c = 0; c < sums.columns; ++c) row.push_back(sums.cell(r, c));
      for (; row.size() > 1; row.resize((row.size() + 1) / 2))
        for (std::size_t c = 0; c < row.size() / 2; ++c) row[c] = combine(row[c], row[row.size() - 1 - c]);
      g.cell(r, 0) = row[0];
    }
  }
  for (Value*& cell : g.cells) {
    for (int lanes = lanes_of(cell); lanes > 1; lanes /= 2) {
      llvm::SmallVector<int, 16> low, high;
      for (int l = 0; l < lanes / 2; ++l) low.push_back(l), high.push_back(l + lanes / 2);
      cell = combine(b_.CreateShuffleVector(cell, low), b_.CreateShuffleVector(cell, high));
    }
    if (cell->getType()->isVectorTy()) cell = b_.CreateExtractElement(cell, std::uint64_t{0});
  }
  return g;
}

// Parts of a sum's body that do not depend on its loops are computed before them.
void TileEmitter::hoist(const ValuePtr& v, LoopSet over, const Frame& frame, Known& known) {
  if (v->kind == ValueKind::constant || known.contains(v.get())) return;
  const LoopSet loops = depends(*v);
  if (!(loops & over) && !(loops & ~frame.inside())) {
    evaluate(v, frame, known);
    return;
  }
  for (const ValuePtr& a : v->args) hoist(a, over, frame, known);
}

}  // namespace eligo::compiler::codegen
