#include "compiler/llvm/emit.h"

#include <llvm/IR/Module.h>

#include <algorithm>
#include <map>

#include "compiler/ir/cost_model.h"
#include "compiler/llvm/tile.h"
#include "compiler/llvm/tile_costs.h"

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

// A function of the module calls its nests one after another; those of a fusion in each trip of its loop.
class FunctionEmitter {
 public:
  FunctionEmitter(llvm::Module& out, const std::vector<loops::Buffer>& buffers, const Types& types,
                  const Outlined& outlined, const Outlined::Function& function)
      : out_(out),
        buffers_(buffers),
        types_(types),
        outlined_(outlined),
        function_(function),
        pointer_(llvm::PointerType::get(out.getContext(), 0)),
        f_(declare(out, function.name, {pointer_, types.index(1)})),
        b_(llvm::BasicBlock::Create(out.getContext(), "entry", f_)) {
    f_->getArg(0)->setName("buffers");
    f_->getArg(1)->setName("examples");
  }

  void run() {
    auto fusion = function_.fusions.begin();
    for (std::size_t i = 0; i < function_.calls.size();) {
      if (fusion == function_.fusions.end() || static_cast<std::size_t>(fusion->first) != i) {
        call(function_.calls[i++], {}, f_->getArg(1));
        continue;
      }
      trips(*fusion);
      i += static_cast<std::size_t>(fusion->count);
      ++fusion;
    }
    b_.CreateRetVoid();
  }

 private:
  // Where a trip is, and the examples that its calls take.
  struct Trip {
    Value *number = nullptr, *first = nullptr;
    const std::vector<int>* local = nullptr;
  };

  Value* start_of(int buffer) {
    Value*& p = starts_[buffer];
    if (p) return p;
    Value* const place = b_.CreateConstGEP1_64(pointer_, f_->getArg(0), static_cast<std::uint64_t>(buffer));
    return p = b_.CreateLoad(pointer_, place, buffers_[static_cast<std::size_t>(buffer)].name);
  }

  void trips(const loops::Fusion& fusion) {
    for (int k = 0; k < fusion.count; ++k)  // before the loop, since what follows it uses them, too
      for (const Outlined::Argument& a : function_.calls[static_cast<std::size_t>(fusion.first + k)].arguments)
        start_of(a.buffer);
    emit_loop(b_, types_.index_constant(0), types_.index_constant(fusion.trips), 1, [&](Value* number) {
      prefetch(fusion, number);
      const auto calls = [&](Value* first, Value* examples) {
        for (int k = 0; k < fusion.count; ++k)
          call(function_.calls[static_cast<std::size_t>(fusion.first + k)], {number, first, &fusion.local}, examples);
      };
      Value* const all = f_->getArg(1);
      if (fusion.examples == 0) return calls(nullptr, all);
      Value* const some = types_.index_constant(fusion.examples);
      Value* const parts = b_.CreateUDiv(b_.CreateAdd(all, types_.index_constant(fusion.examples - 1)), some);
      emit_loop(b_, types_.index_constant(0), parts, fusion.examples, [&](Value* first) {
        calls(first, b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(all, first), some));
      });
    });
  }

  // Rows of the next trip: each example has one of its own, a page or more from its neighbour, which the processor does
  // not foresee.
  void prefetch(const loops::Fusion& fusion, Value* number) {
    std::map<int, std::int64_t> steps;
    for (int k = 0; k < fusion.count; ++k)
      for (const Outlined::Argument& a : function_.calls[static_cast<std::size_t>(fusion.first + k)].arguments) {
        const loops::Buffer& buffer = buffers_[static_cast<std::size_t>(a.buffer)];
        const bool local = std::find(fusion.local.begin(), fusion.local.end(), a.buffer) != fusion.local.end();
        const bool far = buffer.size * types_.bytes >= cost_model::far_rows;
        if (buffer.batched && !local && a.step > 0 && far) steps.emplace(a.buffer, a.step);
      }
    for (const auto& [buffer, step] : steps) {
      const std::int64_t size = buffers_[static_cast<std::size_t>(buffer)].size, line = tile_costs::line / types_.bytes;
      Value* const next = b_.CreateMul(b_.CreateAdd(number, types_.index_constant(1)), types_.index_constant(step));
      emit_loop(b_, types_.index_constant(0), f_->getArg(1), 1, [&, buffer = buffer, step = step](Value* example) {
        Value* const at = b_.CreateAdd(b_.CreateMul(example, types_.index_constant(size)), next);
        for (std::int64_t place = 0; place < step + line - 1; place += line) {
          Value* const row = b_.CreateGEP(types_.real(1), start_of(buffer),
                                          b_.CreateAdd(at, types_.index_constant(std::min(place, step - 1))));
          b_.CreateIntrinsic(llvm::Type::getVoidTy(b_.getContext()), llvm::Intrinsic::prefetch,
                             {row, b_.getInt32(0), b_.getInt32(2), b_.getInt32(1)});
        }
      });
    }
  }

  // The address of an argument: what is local to a trip always lies in one place.
  Value* address(const Outlined::Argument& argument, const loops::Buffer& buffer, const Trip& trip) {
    llvm::Type* const element = buffer.element == loops::Element::int32 ? types_.gathered(1) : types_.real(1);
    Value* at = b_.CreateConstGEP1_64(element, start_of(argument.buffer), static_cast<std::uint64_t>(argument.offset));
    if (!trip.number) return at;
    if (argument.step != 0)
      at = b_.CreateGEP(element, at, b_.CreateMul(trip.number, types_.index_constant(argument.step)));
    const bool local = std::find(trip.local->begin(), trip.local->end(), argument.buffer) != trip.local->end();
    if (trip.first && buffer.batched && !local)
      at = b_.CreateGEP(element, at, b_.CreateMul(trip.first, types_.index_constant(buffer.size)));
    return at;
  }

  void call(const Outlined::Call& call, const Trip& trip, Value* examples) {
    const Outlined::Nest& nest = outlined_.nests[call.nest];
    Values arguments;
    for (const Outlined::Argument& a : call.arguments)
      arguments.push_back(address(a, buffers_[static_cast<std::size_t>(a.buffer)], trip));
    arguments.push_back(examples);
    b_.CreateCall(declare(out_, types_, nest), arguments)->setDoesNotThrow();
  }

  llvm::Module& out_;
  const std::vector<loops::Buffer>& buffers_;
  const Types& types_;
  const Outlined& outlined_;
  const Outlined::Function& function_;
  llvm::Type* pointer_;
  llvm::Function* f_;
  Builder b_;
  std::map<int, Value*> starts_;
};

}  // namespace

std::unique_ptr<llvm::Module> emit(llvm::LLVMContext& context, const loops::Module& module, const Outlined& outlined,
                                   const Part& part, loops::DType dtype, const Target& target) {
  auto out = std::make_unique<llvm::Module>(module.name, context);
  const Types types(context, dtype, target);
  for (const std::size_t f : part.functions)
    FunctionEmitter(*out, module.buffers, types, outlined, outlined.functions[f]).run();
  for (const std::size_t nest : part.nests) StatementEmitter(*out, types, outlined.nests[nest]).run();
  return out;
}

}  // namespace eligo::compiler::codegen
