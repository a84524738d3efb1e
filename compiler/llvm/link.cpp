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
  LinkedKernels(const std::vector<std::string>& objects, const std::vector<std::string>& names) {
    for (const std::string& object : objects) {
      object_bytes += object.size();
      linker_.add(object);
    }
    functions_ = linker_.find(names);
  }

  Function find(const std::string& name) const override {
    const auto it = functions_.find(name);
    return it == functions_.end() ? nullptr : it->second;
  }

 private:
  Linker linker_;
  std::map<std::string, Function> functions_;
};

}  // namespace

struct Linker::Session {
  Session()
      : session(value_of(llvm::orc::SelfExecutorProcessControl::Create(), "no linker")),
        layer(session, session.getExecutorProcessControl().getMemMgr()),
        library(session.createBareJITDylib("kernels")) {
    // What is wrong with an object is in the error that a lookup returns; nothing of it belongs on stderr.
    session.setErrorReporter([](llvm::Error e) { llvm::consumeError(std::move(e)); });
    if (const char* gdb = std::getenv("ELIGO_GDB"); gdb && *gdb == '1') show_to_gdb();
    library.addGenerator(value_of(llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess('\0'), "no symbols"));
  }
  ~Session() { llvm::consumeError(session.endSession()); }

  void show_to_gdb() {
    auto registrar = value_of(llvm::orc::createJITLoaderGDBRegistrar(session), "gdb");
    layer.addPlugin(
        std::make_unique<llvm::orc::DebugObjectManagerPlugin>(session, std::move(registrar), false, true));
  }

  llvm::orc::ExecutionSession session;
  llvm::orc::ObjectLinkingLayer layer;
  llvm::orc::JITDylib& library;
};

Linker::Linker() : session_(std::make_unique<Session>()) {}
Linker::~Linker() = default;

void Linker::add(const std::string& object) {
  check(session_->layer.add(session_->library, llvm::MemoryBuffer::getMemBufferCopy(object, "kernels")), "object");
}

std::map<std::string, Kernels::Function> Linker::find(const std::vector<std::string>& names) {
  llvm::orc::ExecutionSession& session = session_->session;
  llvm::orc::SymbolLookupSet wanted;
  for (const std::string& name : names) wanted.add(session.intern(name));
  const auto all = llvm::orc::JITDylibLookupFlags::MatchAllSymbols;
  const auto found = value_of(session.lookup({{&session_->library, all}}, wanted), "kernels");
  std::map<std::string, Kernels::Function> functions;
  for (const auto& [name, symbol] : found) functions[(*name).str()] = symbol.getAddress().toPtr<Kernels::Function>();
  return functions;
}

std::shared_ptr<Kernels> link(const std::vector<std::string>& objects, const std::vector<std::string>& names) {
  const auto start = std::chrono::steady_clock::now();
  const auto kernels = std::make_shared<LinkedKernels>(objects, names);
  kernels->load_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return kernels;
}

}  // namespace eligo::compiler
