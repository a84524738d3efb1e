#include "compiler/llvm/loop.h"

#include <algorithm>

#include "compiler/llvm/tile_plan.h"

namespace eligo::compiler::codegen {
namespace {

llvm::MDNode* keep_rolled(llvm::LLVMContext& c) {
  llvm::MDNode* const unroll = llvm::MDNode::get(c, llvm::MDString::get(c, "llvm.loop.unroll.disable"));
  llvm::MDNode* const id = llvm::MDNode::getDistinct(c, {nullptr, unroll});
  id->replaceOperandWith(0, id);
  return id;
}

// n of them at a time.
llvm::Value* divide(Builder& b, llvm::Value* x, std::int64_t n) {
  return b.CreateUDiv(x, llvm::ConstantInt::get(x->getType(), static_cast<std::uint64_t>(n)));
}

class Cutter {
 public:
  Cutter(Builder& b, const Types& types, llvm::Value* trips)
      : b_(b), types_(types), begin_(types.index_constant(0)), left_(trips) {}

  // As many full trips of count*lanes as there are left.
  void full(int count, int lanes) {
    Segment s{begin_, nullptr, count, lanes};
    s.trips = divide(b_, left_, s.step());
    take(s);
  }
  // One trip of narrower vectors for the rest, if it is short enough.
  void narrow_rest(int lanes, std::int64_t trips) {
    const int narrow = narrow_lanes(types_.target, lanes, trips);
    if (narrow == lanes) return;
    if (left() >= lanes) full(static_cast<int>(left() / lanes), lanes);
    masked_rest(narrow);
    left_ = types_.index_constant(0);
  }
  // One masked trip for the rest, if any.
  void masked_rest(int lanes) {
    int count = 1;
    llvm::Value* any = b_.CreateZExt(b_.CreateICmpNE(left_, types_.index_constant(0)), types_.index(1));
    if (known()) {
      count = static_cast<int>((left() + lanes - 1) / lanes);
      any = types_.index_constant(count > 0);
    }
    Segment s{begin_, any, count, lanes};
    if (!known() || left() % lanes != 0) s.end = b_.CreateAdd(begin_, left_);
    segments_.push_back(s);
  }
  void one_body(int lanes) {
    llvm::Value* const up = b_.CreateAdd(left_, types_.index_constant(lanes - 1));
    segments_.push_back({begin_, divide(b_, up, lanes), 1, lanes, left_});
  }
  bool known() const { return llvm::isa<llvm::ConstantInt>(left_); }
  std::int64_t left() const { return llvm::cast<llvm::ConstantInt>(left_)->getSExtValue(); }

  std::vector<Segment> result() {
    std::vector<Segment> some;
    for (const Segment& s : segments_) {
      const auto* trips = llvm::dyn_cast<llvm::ConstantInt>(s.trips);
      if (!trips || !trips->isZero()) some.push_back(s);
    }
    return some;
  }

 private:
  void take(const Segment& s) {
    llvm::Value* const done = b_.CreateMul(s.trips, types_.index_constant(s.step()));
    begin_ = b_.CreateAdd(begin_, done);
    left_ = b_.CreateSub(left_, done);
    segments_.push_back(s);
  }

  Builder& b_;
  const Types& types_;
  llvm::Value *begin_, *left_;
  std::vector<Segment> segments_;
};

}  // namespace

Values emit_loop(Builder& b, llvm::Value* begin, llvm::Value* trips, std::int64_t step, const Values& carried,
                 const LoopBody& body) {
  const auto* known = llvm::dyn_cast<llvm::ConstantInt>(trips);
  if (known && known->isZero()) return carried;
  if (known && known->isOne()) return body(begin, carried);

  llvm::LLVMContext& c = b.getContext();
  llvm::BasicBlock* const before = b.GetInsertBlock();
  llvm::Function* const function = before->getParent();
  llvm::BasicBlock* const head = llvm::BasicBlock::Create(c, "loop", function);
  llvm::BasicBlock* const after = llvm::BasicBlock::Create(c, "done", function);
  if (known) b.CreateBr(head);
  else b.CreateCondBr(b.CreateICmpSGT(trips, llvm::ConstantInt::get(trips->getType(), 0)), head, after);

  b.SetInsertPoint(head);
  llvm::PHINode* const i = b.CreatePHI(begin->getType(), 2);
  i->addIncoming(begin, before);
  llvm::PHINode* const left = b.CreatePHI(trips->getType(), 2);
  left->addIncoming(trips, before);
  Values now;
  for (llvm::Value* v : carried) {
    llvm::PHINode* const phi = b.CreatePHI(v->getType(), 2);
    phi->addIncoming(v, before);
    now.push_back(phi);
  }
  const Values next = body(i, now);

  llvm::BasicBlock* const latch = b.GetInsertBlock();
  i->addIncoming(b.CreateAdd(i, llvm::ConstantInt::getSigned(i->getType(), step), "", true, true), latch);
  llvm::Value* const less = b.CreateSub(left, llvm::ConstantInt::get(left->getType(), 1), "", true, true);
  left->addIncoming(less, latch);
  for (std::size_t v = 0; v < now.size(); ++v) llvm::cast<llvm::PHINode>(now[v])->addIncoming(next[v], latch);
  b.CreateCondBr(b.CreateICmpNE(less, llvm::ConstantInt::get(left->getType(), 0)), head, after)
      ->setMetadata(llvm::LLVMContext::MD_loop, keep_rolled(c));

  b.SetInsertPoint(after);
  if (known) return next;
  Values result;
  for (std::size_t v = 0; v < carried.size(); ++v) {
    llvm::PHINode* const phi = b.CreatePHI(carried[v]->getType(), 2);
    phi->addIncoming(carried[v], before);
    phi->addIncoming(next[v], latch);
    result.push_back(phi);
  }
  return result;
}

void emit_loop(Builder& b, llvm::Value* begin, llvm::Value* trips, std::int64_t step,
               const std::function<void(llvm::Value*)>& body) {
  emit_loop(b, begin, trips, step, {}, [&](llvm::Value* i, const Values&) { return body(i), Values{}; });
}

llvm::Value* trip_count(Builder& b, const Types& types, const NestLoop& loop, llvm::Value* examples) {
  if (!loop.at_run_time()) return types.index_constant(loop.extent);
  return b.CreateMul(examples, types.index_constant(loop.per_example));
}

std::vector<Segment> vector_segments(Builder& b, const Types& types, const NestLoop& loop, llvm::Value* examples,
                                     int count, bool one_body, bool narrow) {
  Cutter cut(b, types, trip_count(b, types, loop, examples));
  const int lanes = types.lanes();
  if (one_body) {
    cut.one_body(lanes);
    return cut.result();
  }
  cut.full(count, lanes);
  if (narrow && types.target.masks && cut.known()) cut.narrow_rest(lanes, loop.extent);
  if (types.target.masks && cut.known()) {
    cut.masked_rest(lanes);
    return cut.result();
  }
  if (cut.known() && count > 1 && cut.left() >= lanes) cut.full(static_cast<int>(cut.left() / lanes), lanes);
  if (!cut.known() && count > 1) cut.full(1, lanes);
  if (types.target.masks) cut.masked_rest(lanes);
  else cut.full(cut.known() ? static_cast<int>(std::max<std::int64_t>(1, cut.left())) : 1, 1);
  return cut.result();
}

std::vector<Segment> scalar_segments(Builder& b, const Types& types, const NestLoop& loop, llvm::Value* examples,
                                     int count) {
  Cutter cut(b, types, trip_count(b, types, loop, examples));
  cut.full(count, 1);
  if (cut.known() && cut.left() > 0) cut.full(static_cast<int>(cut.left()), 1);
  if (!cut.known() && count > 3) cut.full((count + 2) / 3, 1);
  if (!cut.known() && count > 1) cut.full(1, 1);
  return cut.result();
}

llvm::Value* mask_before(Builder& b, const Types& types, int lanes, llvm::Value* at, llvm::Value* end) {
  llvm::Value* const left = b.CreateTrunc(b.CreateSub(end, at), types.integer(1));
  return b.CreateICmpULT(ramp(types.integer(lanes), 1), splat(b, left, lanes));
}

}  // namespace eligo::compiler::codegen
