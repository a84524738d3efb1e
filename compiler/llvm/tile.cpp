#include "compiler/llvm/tile.h"

#include <algorithm>

#include "compiler/llvm/math.h"

namespace eligo::compiler::codegen {

using llvm::Value;
using loops::ValueKind;
using loops::ValuePtr;

namespace {
bool is_product(const loops::Value& v) { return v.kind == ValueKind::apply && (v.op == Op::mul || v.op == Op::square); }
bool has_reduce(const loops::Value& v) {
  return is_reduce(v) || std::any_of(v.args.begin(), v.args.end(), [](const ValuePtr& a) { return has_reduce(*a); });
}

bool has_work(const loops::Value& v) {
  return is_reduce(v) || (v.kind == ValueKind::apply && op_is_expensive(v.op)) ||
         std::any_of(v.args.begin(), v.args.end(), [](const ValuePtr& a) { return has_work(*a); });
}
}  // namespace

LoopSet Frame::inside() const {
  LoopSet set = 0;
  for (const int l : bound) set |= loop_bit(l);
  return set;
}

TileEmitter::TileEmitter(const Scope& scope, const Nest& nest, const Plan& plan)
    : scope_(scope), b_(scope.b), types_(scope.types), nest_(nest), plan_(plan) {}

void TileEmitter::prepare(const Frame& frame) {
  prepared_.clear();
  const std::function<void(const ValuePtr&)> visit = [&](const ValuePtr& v) {
    if (!has_work(*v)) return;
    if (depends(*v) & ~frame.inside())
      for (const ValuePtr& a : v->args) visit(a);
    else evaluate(v, frame, prepared_);
  };
  visit(nest_.value);
}

void TileEmitter::emit(const Frame& frame) {
  Known known = prepared_;
  if (plan_.prefetch) prefetch(places(nest_.out, frame), 0, true);
  if (plan_.compact && frame.row.count * frame.column.count > 1) finish_compactly(frame, known);
  else finish(frame, known);
}

Grid TileEmitter::shape(const Frame& frame, LoopSet loops) const {
  Grid g;
  if (loops & loop_bit(frame.row.loop)) g.rows = frame.row.count;
  if (loops & loop_bit(frame.column.loop)) g.columns = frame.column.count;
  g.cells.resize(static_cast<std::size_t>(g.rows * g.columns));
  return g;
}

Grid TileEmitter::map(llvm::ArrayRef<const Grid*> operands, const CellOp& op) {
  Grid g;
  int lanes = 1;
  for (const Grid* x : operands) {
    g.rows = std::max(g.rows, x->rows);
    g.columns = std::max(g.columns, x->columns);
    for (const Value* v : x->cells) lanes = std::max(lanes, lanes_of(v));
  }
  g.cells.resize(static_cast<std::size_t>(g.rows * g.columns));
  // each scalar is spread over a vector once, for all the cells that use it
  std::vector<Grid> wide;
  for (const Grid* x : operands) {
    wide.push_back(*x);
    for (Value*& v : wide.back().cells) v = splat(b_, v, lanes);
  }
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      Values x;
      for (const Grid& w : wide) x.push_back(w.cell(r, c));
      g.cell(r, c) = op(x);
    }
  return g;
}

Grid TileEmitter::multiply(const Grid& x, const Grid& y) {
  return map({&x, &y}, [&](llvm::ArrayRef<Value*> v) { return b_.CreateFMul(v[0], v[1]); });
}

Grid TileEmitter::constant(double value) const {
  Grid g;
  g.cells = {llvm::ConstantFP::get(types_.real(1), value)};
  return g;
}

Grid TileEmitter::evaluate(const ValuePtr& v, const Frame& frame, Known& known) {
  if (v->kind == ValueKind::constant) return constant(v->constant);
  if (const auto it = known.find(v.get()); it != known.end()) return it->second;
  Grid g;
  switch (v->kind) {
    case ValueKind::load:
      if (const auto it = packed_.find(v.get()); it != packed_.end())
        g = load_packed(*it->second.first, it->second.second, frame);
      else g = load(v->access, frame);
      break;
    case ValueKind::apply: g = apply(*v, frame, known); break;
    case ValueKind::reduce:
    case ValueKind::reduce_max: g = reduce(*v, frame, known, nullptr); break;
    case ValueKind::constant: break;
  }
  return known[v.get()] = g;
}

int TileEmitter::continuing_sum(const loops::Value& v, const Frame& frame) {
  if (v.kind != ValueKind::apply || v.op != Op::add) return -1;
  for (const int i : {1, 0}) {
    const loops::Value &sum = *v.args[static_cast<std::size_t>(i)], &other = *v.args[static_cast<std::size_t>(1 - i)];
    if (sum.kind == ValueKind::reduce && !has_own_lane(sum, frame) && has_reduce(other)) return i;
  }
  return -1;
}

// Sums are computed before the other operands: what stays in registers while a sum runs is lost to its tile.
Grid TileEmitter::apply(const loops::Value& v, const Frame& frame, Known& known) {
  if (const int sum = continuing_sum(v, frame); sum >= 0) {
    const Grid start = evaluate(v.args[static_cast<std::size_t>(1 - sum)], frame, known);
    return reduce(*v.args[static_cast<std::size_t>(sum)], frame, known, &start);
  }
  for (const ValuePtr& a : v.args)
    if (has_reduce(*a)) evaluate(a, frame, known);

  if (v.op == Op::add || v.op == Op::sub) {
    for (const std::size_t p : {0u, 1u}) {
      if (!is_product(*v.args[p])) continue;
      const loops::Value& product = *v.args[p];
      const Grid x = evaluate(product.args[0], frame, known), y = evaluate(product.args.back(), frame, known);
      const Grid z = evaluate(v.args[1 - p], frame, known);
      return map({&x, &y, &z}, [&](llvm::ArrayRef<Value*> o) {
        Value* const first = v.op == Op::sub && p == 1 ? b_.CreateFNeg(o[0]) : o[0];
        Value* const last = v.op == Op::sub && p == 0 ? b_.CreateFNeg(o[2]) : o[2];
        return multiply_add(b_, types_.target, first, o[1], last);
      });
    }
  }
  std::vector<Grid> args;
  for (const ValuePtr& a : v.args) args.push_back(evaluate(a, frame, known));
  std::vector<const Grid*> operands;
  for (const Grid& a : args) operands.push_back(&a);
  return map(operands, [&](llvm::ArrayRef<Value*> x) { return emit_op(b_, types_.target, v.op, x); });
}

}  // namespace eligo::compiler::codegen
