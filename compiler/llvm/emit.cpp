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

llvm::Function* declare(llvm::Module& out, const std::string& name, const std::vector<llvm::Type*>& arguments) {
  if (llvm::Function* known = out.getFunction(name)) return known;
  auto* const type = llvm::FunctionType::get(llvm::Type::getVoidTy(out.getContext()), arguments, false);
  auto* const function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, out);
  function->setDSOLocal(true);  // all objects of a program are linked next to each other
  function->addFnAttr(llvm::Attribute::NoUnwind);
  return function;
}

// A nest: void name(ptr buffer0, ptr buffer1, ..., i64 examples).
llvm::Function* declare(llvm::Module& out, const Types& types, const Outlined::Nest& nest) {
  std::vector<llvm::Type*> arguments(nest.buffers.size(), llvm::PointerType::get(out.getContext(), 0));
  arguments.push_back(types.index(1));
  return declare(out, nest.name, arguments);
}

class StatementEmitter {
 public:
  StatementEmitter(llvm::Module& out, const Types& types, const Outlined::Nest& nest)
      : nest_(nest),
        types_(types),
        function_(declare(out, types, nest)),
        entry_builder_(out.getContext()),
        b_(out.getContext()) {
    const std::string bits = std::to_string(types.target.vector_bits);
    function_->addFnAttr("prefer-vector-width", bits);
    function_->addFnAttr("min-legal-vector-width", bits);
#ifdef ELIGO_SANITIZE_ADDRESS
    function_->addFnAttr(llvm::Attribute::SanitizeAddress);
#endif
    for (std::size_t i = 0; i < nest.buffers.size(); ++i)
      function_->getArg(static_cast<unsigned>(i))->setName(nest.buffers[i].name);
    function_->getArg(static_cast<unsigned>(nest.buffers.size()))->setName("examples");
    llvm::BasicBlock* const entry = llvm::BasicBlock::Create(out.getContext(), "entry", function_);
    entry_builder_.SetInsertPoint(entry);
    b_.SetInsertPoint(llvm::BasicBlock::Create(out.getContext(), "body", function_));
  }

  void run() {
    llvm::BasicBlock* const body = b_.GetInsertBlock();
    const Scope scope{b_,
                      types_,
                      nest_.buffers,
                      [this](int i) { return function_->getArg(static_cast<unsigned>(i)); },
                      [this](std::size_t n, std::int64_t vectors) { return scratch(n, vectors); },
                      function_->getArg(static_cast<unsigned>(nest_.buffers.size()))};
    for (const Nest& nest : normal_form(nest_.statement)) NestEmitter(scope, nest).emit();
    b_.CreateRetVoid();
    entry_builder_.CreateBr(body);
  }

 private:
  // Nests of a statement follow one another: the n-th piece is the same memory for all, as large as the largest.
  Value* scratch(std::size_t n, std::int64_t vectors) {
    llvm::AllocaInst*& p = scratch_[n];
    llvm::Constant* const size = llvm::ConstantInt::get(types_.index(1), static_cast<std::uint64_t>(vectors));
    if (!p) p = entry_builder_.CreateAlloca(types_.real(types_.lanes()), size, "tile");
    if (llvm::cast<llvm::ConstantInt>(p->getArraySize())->getSExtValue() < vectors) p->setOperand(0, size);
    return p;
  }

  const Outlined::Nest& nest_;
  const Types& types_;
  llvm::Function* function_;
  Builder entry_builder_, b_;  // memory for tiles; everything else
  std::map<std::size_t, llvm::AllocaInst*> scratch_;
};

// A function of the module calls its nests one after another.
void emit_calls(llvm::Module& out, const std::vector<loops::Buffer>& buffers, const Types& types,
                const Outlined& outlined, const Outlined::Function& function) {
  llvm::Type* const pointer = llvm::PointerType::get(out.getContext(), 0);
  llvm::Function* const f = declare(out, function.name, {pointer, types.index(1)});
  f->getArg(0)->setName("buffers");
  f->getArg(1)->setName("examples");
  Builder b(llvm::BasicBlock::Create(out.getContext(), "entry", f));
  std::map<int, Value*> pointers;
  const auto start_of = [&](int buffer) {
    Value*& p = pointers[buffer];
    if (p) return p;
    Value* const place = b.CreateConstGEP1_64(pointer, f->getArg(0), static_cast<std::uint64_t>(buffer));
    return p = b.CreateLoad(pointer, place, buffers[static_cast<std::size_t>(buffer)].name);
  };
  for (const Outlined::Call& call : function.calls) {
    const Outlined::Nest& nest = outlined.nests[call.nest];
    Values arguments;
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      const auto [buffer, offset] = call.arguments[i];
      const bool integers = nest.buffers[i].element == loops::Element::int32;
      llvm::Type* const element = integers ? types.gathered(1) : types.real(1);
      arguments.push_back(b.CreateConstGEP1_64(element, start_of(buffer), static_cast<std::uint64_t>(offset)));
    }
    arguments.push_back(f->getArg(1));
    b.CreateCall(declare(out, types, nest), arguments)->setDoesNotThrow();
  }
  b.CreateRetVoid();
}

}  // namespace

std::unique_ptr<llvm::Module> emit(llvm::LLVMContext& context, const loops::Module& module, const Outlined& outlined,
                                   const Part& part, loops::DType dtype, const Target& target) {
  auto out = std::make_unique<llvm::Module>(module.name, context);
  const Types types(context, dtype, target);
  for (const std::size_t f : part.functions) emit_calls(*out, module.buffers, types, outlined, outlined.functions[f]);
  for (const std::size_t nest : part.nests) StatementEmitter(*out, types, outlined.nests[nest]).run();
  return out;
}

}  // namespace eligo::compiler::codegen
