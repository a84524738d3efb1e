#include "compiler/llvm/emit.h"

#include <llvm/IR/Module.h>

#include <map>

#include "compiler/llvm/tile.h"

namespace eligo::compiler::codegen {
namespace {

using llvm::Value;

class NestEmitter {
 public:
  NestEmitter(const Scope& scope, const Nest& nest)
      : scope_(scope),
        b_(scope.b),
        nest_(nest),
        plan_(make_plan(nest_, scope.types.target, scope.types.bytes)),
        tile_(scope, nest_, plan_) {}

  void emit() {
    if (plan_.chunk == 0 || scope_.part) return emit_all();
    const auto index = [&](std::int64_t i) { return scope_.types.index_constant(i); };
    Value* const chunks = b_.CreateUDiv(b_.CreateAdd(scope_.examples, index(plan_.chunk - 1)), index(plan_.chunk));
    emit_loop(b_, index(0), chunks, plan_.chunk, [&](Value* first) {
      Scope part = scope_;
      part.part = true;
      part.examples =
          b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(scope_.examples, first), index(plan_.chunk));
      part.pointer = [&, first](int i) -> Value* {
        const loops::Buffer& buffer = scope_.buffers[static_cast<std::size_t>(i)];
        llvm::Type* const element =
            buffer.element == loops::Element::int32 ? scope_.types.gathered(1) : scope_.types.real(1);
        Value* const all = scope_.pointer(i);
        return buffer.batched ? b_.CreateGEP(element, all, b_.CreateMul(first, index(buffer.size))) : all;
      };
      NestEmitter(part, nest_).emit_all();
    });
  }

 private:
  void emit_all() {
    Frame frame;
    frame.at.assign(nest_.loops.size(), nullptr);
    around(frame, 0);
  }

  const NestLoop& loop(int l) const { return nest_.loops[static_cast<std::size_t>(l)]; }

  void around(const Frame& frame, std::size_t depth) {
    if (depth == plan_.around.size()) return tiles(frame);
    const int l = plan_.around[depth];
    Value* const trips = trip_count(b_, scope_.types, loop(l), scope_.examples);
    emit_loop(b_, scope_.types.index_constant(0), trips, 1, [&](Value* i) {
      Frame inner = frame;
      inner.enter(l, i);
      around(inner, depth + 1);
    });
  }

  void tiles(Frame frame) {
    if (plan_.column >= 0 || plan_.row >= 0) tile_.prepare(frame);
    frame.lane = plan_.lane;
    columns(frame);
  }

  void columns(const Frame& frame) {
    if (plan_.column < 0) return rows(frame);
    const std::vector<Segment> segments =
        plan_.lane >= 0 ? vector_segments(b_, scope_.types, loop(plan_.column), scope_.examples, plan_.columns,
                                          plan_.one_body, true)
                        : scalar_segments(b_, scope_.types, loop(plan_.column), scope_.examples, plan_.columns);
    for (const Segment& s : segments)
      emit_loop(b_, s.begin, s.trips, s.step(), [&](Value* i) {
        Frame inner = frame;
        inner.enter(plan_.column, i);
        inner.column = {plan_.column, s.count, s.lanes};
        inner.lanes = s.lanes;
        if (s.end) {
          Value* const last = b_.CreateAdd(i, scope_.types.index_constant((s.count - 1) * s.lanes));
          inner.mask = mask_before(b_, scope_.types, s.lanes, last, s.end);
        }
        tile_.pack(inner);
        rows(inner);
      });
  }

  void rows(const Frame& frame) {
    if (plan_.row < 0) return tile_.emit(frame);
    for (const Segment& s : scalar_segments(b_, scope_.types, loop(plan_.row), scope_.examples, plan_.rows))
      emit_loop(b_, s.begin, s.trips, s.step(), [&](Value* i) {
        Frame inner = frame;
        inner.enter(plan_.row, i);
        inner.row = {plan_.row, s.count, 1};
        tile_.emit(inner);
      });
  }

  const Scope& scope_;
  Builder& b_;
  const Nest& nest_;
  const Plan plan_;
  TileEmitter tile_;
};

class FunctionEmitter {
 public:
  FunctionEmitter(llvm::Module& out, const loops::Module& module, const Types& types, const std::string& name)
      : module_(module), types_(types), entry_builder_(out.getContext()), b_(out.getContext()) {
    llvm::LLVMContext& c = out.getContext();
    llvm::Type* const pointer = llvm::PointerType::get(c, 0);
    auto* const type = llvm::FunctionType::get(llvm::Type::getVoidTy(c), {pointer, types.index(1)}, false);
    function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, out);
    function_->getArg(0)->setName("buffers");
    function_->getArg(1)->setName("examples");
    function_->addFnAttr(llvm::Attribute::NoUnwind);
    const std::string bits = std::to_string(types.target.vector_bits);
    function_->addFnAttr("prefer-vector-width", bits);
    function_->addFnAttr("min-legal-vector-width", bits);
#ifdef ELIGO_SANITIZE_ADDRESS
    function_->addFnAttr(llvm::Attribute::SanitizeAddress);
#endif
    entry_ = llvm::BasicBlock::Create(c, "entry", function_);
    entry_builder_.SetInsertPoint(entry_);
    b_.SetInsertPoint(llvm::BasicBlock::Create(c, "body", function_));
  }

  void run(const std::vector<loops::Statement>& statements) {
    llvm::BasicBlock* const body = b_.GetInsertBlock();
    const Scope scope{b_,
                      types_,
                      module_.buffers,
                      [this](int i) { return pointer(i); },
                      [this](std::size_t n, std::int64_t vectors) { return scratch(n, vectors); },
                      function_->getArg(1)};
    for (const loops::Statement& s : statements)
      for (const Nest& nest : normal_form(s)) NestEmitter(scope, nest).emit();
    b_.CreateRetVoid();
    entry_builder_.CreateBr(body);
  }

 private:
  Value* pointer(int buffer) {
    Value*& p = pointers_[buffer];
    if (p) return p;
    llvm::Type* const type = llvm::PointerType::get(b_.getContext(), 0);
    Value* const place =
        entry_builder_.CreateConstGEP1_64(type, function_->getArg(0), static_cast<std::uint64_t>(buffer));
    return p = entry_builder_.CreateLoad(type, place, module_.buffers[static_cast<std::size_t>(buffer)].name);
  }

  // Statements follow one another: the n-th piece is the same memory for all of them, as large as the largest.
  Value* scratch(std::size_t n, std::int64_t vectors) {
    llvm::AllocaInst*& p = scratch_[n];
    llvm::Constant* const size = llvm::ConstantInt::get(types_.index(1), static_cast<std::uint64_t>(vectors));
    if (!p) p = entry_builder_.CreateAlloca(types_.real(types_.lanes()), size, "tile");
    if (llvm::cast<llvm::ConstantInt>(p->getArraySize())->getSExtValue() < vectors) p->setOperand(0, size);
    return p;
  }

  const loops::Module& module_;
  const Types& types_;
  llvm::Function* function_;
  llvm::BasicBlock* entry_;
  Builder entry_builder_, b_;  // loads of pointers and memory for tiles; everything else
  std::map<int, Value*> pointers_;
  std::map<std::size_t, llvm::AllocaInst*> scratch_;
};

}  // namespace

std::unique_ptr<llvm::Module> emit(llvm::LLVMContext& context, const loops::Module& module, loops::DType dtype,
                                   const Target& target) {
  auto out = std::make_unique<llvm::Module>(module.name, context);
  const Types types(context, dtype, target);
  for (const loops::Function& f : module.functions) FunctionEmitter(*out, module, types, f.name).run(f.statements);
  return out;
}

}  // namespace eligo::compiler::codegen
