// Object files into this process: LLVM's linker alone, without what makes code.
#include "compiler/llvm/link.h"

#include <fmt/core.h>
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/DebugObjectManagerPlugin.h>
#include <llvm/ExecutionEngine/Orc/EPCDebugObjectRegistrar.h>
#include <llvm/ExecutionEngine/Orc/ExecutionUtils.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/Support/MemoryBuffer.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <stdexcept>

namespace eligo::compiler {
namespace {

[[noreturn]] void fail(const char* what, llvm::Error error) {
  throw std::runtime_error(fmt::format("{}: {}", what, llvm::toString(std::move(error))));
}

template <class T>
T value_of(llvm::Expected<T> value, const char* what) {
  if (!value) fail(what, value.takeError());
  return std::move(*value);
}

void check(llvm::Error error, const char* what) {
  if (error) fail(what, std::move(error));
}

class LinkedKernels : public Kernels {
 public:
  LinkedKernels(const std::vector<std::string>& objects, const std::vector<std::string>& names)
      : session_(value_of(llvm::orc::SelfExecutorProcessControl::Create(), "no linker")),
        layer_(session_, session_.getExecutorProcessControl().getMemMgr()) {
    // What is wrong with an object is in the error that a lookup returns; nothing of it belongs on stderr.
    session_.setErrorReporter([](llvm::Error e) { llvm::consumeError(std::move(e)); });
    if (const char* gdb = std::getenv("ELIGO_GDB"); gdb && *gdb == '1') show_to_gdb();
    auto& library = session_.createBareJITDylib("kernels");
    library.addGenerator(value_of(llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess('\0'), "no symbols"));
    for (const std::string& object : objects) {
      object_bytes += object.size();
      check(layer_.add(library, llvm::MemoryBuffer::getMemBufferCopy(object, "kernels")), "object");
    }
    llvm::orc::SymbolLookupSet wanted;
    for (const std::string& name : names) wanted.add(session_.intern(name));
    const auto found =
        value_of(session_.lookup({{&library, llvm::orc::JITDylibLookupFlags::MatchAllSymbols}}, wanted), "kernels");
    for (const auto& [name, symbol] : found) functions_[(*name).str()] = symbol.getAddress().toPtr<Function>();
  }
  ~LinkedKernels() override { llvm::consumeError(session_.endSession()); }

  Function find(const std::string& name) const override {
    const auto it = functions_.find(name);
    return it == functions_.end() ? nullptr : it->second;
  }

 private:
  void show_to_gdb() {
    auto registrar = value_of(llvm::orc::createJITLoaderGDBRegistrar(session_), "gdb");
    layer_.addPlugin(
        std::make_unique<llvm::orc::DebugObjectManagerPlugin>(session_, std::move(registrar), false, true));
  }

  llvm::orc::ExecutionSession session_;
  llvm::orc::ObjectLinkingLayer layer_;
  std::map<std::string, Function> functions_;
};

}  // namespace

std::shared_ptr<Kernels> link(const std::vector<std::string>& objects, const std::vector<std::string>& names) {
  const auto start = std::chrono::steady_clock::now();
  const auto kernels = std::make_shared<LinkedKernels>(objects, names);
  kernels->load_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return kernels;
}

}  // namespace eligo::compiler
