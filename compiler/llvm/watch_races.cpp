#include "compiler/llvm/watch_races.h"

#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>

#include <vector>

namespace eligo::compiler::codegen {
namespace {

class Watcher {
 public:
  explicit Watcher(llvm::Module& module) : layout_(module.getDataLayout()) {
    llvm::LLVMContext& c = module.getContext();
    word_ = llvm::Type::getInt64Ty(c);
    auto* const type = llvm::FunctionType::get(llvm::Type::getVoidTy(c), {llvm::PointerType::get(c, 0), word_}, false);
    read_ = module.getOrInsertFunction("__tsan_read_range", type);
    write_ = module.getOrInsertFunction("__tsan_write_range", type);
  }

  void watch(llvm::Function& function) {
    std::vector<llvm::Instruction*> all;  // found first: calls are put between them
    for (llvm::Instruction& i : llvm::instructions(function)) all.push_back(&i);
    for (llvm::Instruction* i : all) {
      if (auto* const load = llvm::dyn_cast<llvm::LoadInst>(i))
        plain(*i, load->getPointerOperand(), load->getType(), read_);
      else if (auto* const store = llvm::dyn_cast<llvm::StoreInst>(i))
        plain(*i, store->getPointerOperand(), store->getValueOperand()->getType(), write_);
      else if (auto* const call = llvm::dyn_cast<llvm::IntrinsicInst>(i)) intrinsic(*call);
    }
  }

 private:
  void intrinsic(llvm::IntrinsicInst& call) {
    switch (call.getIntrinsicID()) {
      case llvm::Intrinsic::masked_load:
        return masked(call, call.getArgOperand(0), call.getArgOperand(2), call.getType(), read_);
      case llvm::Intrinsic::masked_store:
        return masked(call, call.getArgOperand(1), call.getArgOperand(3), call.getArgOperand(0)->getType(), write_);
      case llvm::Intrinsic::masked_gather:
        return masked(call, call.getArgOperand(0), call.getArgOperand(2), call.getType(), read_);
      case llvm::Intrinsic::masked_scatter:
        return masked(call, call.getArgOperand(1), call.getArgOperand(3), call.getArgOperand(0)->getType(), write_);
      default: return;
    }
  }

  // Tiles and panels lie on the stack: no other thread knows them.
  static bool own(const llvm::Value* pointer) {
    return llvm::isa<llvm::AllocaInst>(llvm::getUnderlyingObject(pointer));
  }

  llvm::Constant* bytes(llvm::Type* type) const {
    return llvm::ConstantInt::get(word_, layout_.getTypeStoreSize(type).getFixedValue());
  }

  void plain(llvm::Instruction& at, llvm::Value* pointer, llvm::Type* type, llvm::FunctionCallee callee) {
    if (own(pointer)) return;
    llvm::IRBuilder<> b(&at);
    b.CreateCall(callee, {pointer, bytes(type)});
  }

  // Lane by lane; of a lane that is masked out, nothing.
  void masked(llvm::Instruction& at, llvm::Value* pointers, llvm::Value* mask, llvm::Type* type,
              llvm::FunctionCallee callee) {
    const bool vector = pointers->getType()->isVectorTy();
    if (!vector && own(pointers)) return;
    llvm::Type* const element = type->getScalarType();
    llvm::IRBuilder<> b(&at);
    const unsigned lanes = llvm::cast<llvm::FixedVectorType>(type)->getNumElements();
    for (unsigned lane = 0; lane < lanes; ++lane) {
      llvm::Value* const pointer =
          vector ? b.CreateExtractElement(pointers, lane) : b.CreateConstGEP1_64(element, pointers, lane);
      llvm::Value* const touched = b.CreateExtractElement(mask, lane);
      b.CreateCall(callee, {pointer, b.CreateSelect(touched, bytes(element), llvm::ConstantInt::get(word_, 0))});
    }
  }

  const llvm::DataLayout& layout_;
  llvm::Type* word_;
  llvm::FunctionCallee read_, write_;
};

}  // namespace

void watch_races(llvm::Module& module) {
  Watcher watcher(module);
  for (llvm::Function& function : module)
    if (!function.isDeclaration()) watcher.watch(function);
}

}  // namespace eligo::compiler::codegen
