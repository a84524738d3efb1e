#include "compiler/llvm/target.h"

#include <fmt/format.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace eligo::compiler {
namespace {

void initialise() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

std::unique_ptr<llvm::MCSubtargetInfo> subtarget(const Target& t) {
  initialise();
  std::string error;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(t.triple, error);
  if (!found) throw std::runtime_error(error);
  return std::unique_ptr<llvm::MCSubtargetInfo>(found->createMCSubtargetInfo(t.triple, t.cpu, t.features));
}

// A processor of the given triple, or nothing if LLVM does not know it there.
bool describe(Target& t) {
  // An unknown word must not reach createMCSubtargetInfo as a processor: it would print a warning and go on.
  Target generic = t;
  generic.cpu = "generic";
  if (!subtarget(generic)->isCPUStringValid(t.cpu)) return false;
  const auto info = subtarget(t);
  const auto has = [&](const char* feature) { return info->checkFeatures(std::string("+") + feature); };
  if (llvm::Triple(t.triple).isX86()) {
    if (!has("64bit") && t.cpu != "generic") return false;  // i386 to yonah: LLVM ends the process over them
    const bool wide = has("avx512f") && has("avx512vl") && has("avx512bw") && has("avx512dq");
    t.masks = has("avx");
    t.vector_bits = wide ? 512 : t.masks ? 256 : 128;
    t.vector_registers = wide ? 32 : 16;
    t.fma = has("fma") || wide;
    t.halves = wide && t.cpu == "znver4";
  } else {
    t.vector_bits = 128;
    t.vector_registers = 32;
    t.fma = true;
  }
  return true;
}

}  // namespace

Target Target::host() {
  Target t;
  t.triple = llvm::sys::getProcessTriple();
  t.cpu = llvm::sys::getHostCPUName().str();
  std::map<std::string, bool> features;  // sorted, for a stable text
  for (const auto& f : llvm::sys::getHostCPUFeatures()) features[f.getKey().str()] = f.getValue();
  for (const auto& [name, on] : features)
    t.features += fmt::format("{}{}{}", t.features.empty() ? "" : ",", on ? '+' : '-', name);
  if (!describe(t)) throw std::runtime_error(fmt::format("LLVM does not know this machine's processor '{}'", t.cpu));
  return t;
}

Target Target::named(const std::string& name) {
  if (name == "native") return host();
  static const std::map<std::string, std::string> levels = {
      {"avx512", "x86-64-v4"}, {"avx2", "x86-64-v3"}, {"baseline", "x86-64"}};
  const auto level = levels.find(name);
  Target t;
  t.cpu = level == levels.end() ? name : level->second;
  const std::string here = llvm::sys::getProcessTriple();
  for (const std::string& triple : {llvm::Triple(here).isX86() ? here : std::string("x86_64-unknown-linux-gnu"),
                                    llvm::Triple(here).isAArch64() ? here : std::string("aarch64-unknown-linux-gnu")}) {
    t.triple = triple;
    if (describe(t)) return t;
  }
  throw std::runtime_error(
      fmt::format("no processor '{}': it is native, avx512, avx2, baseline, or LLVM's name of a 64-bit one of x86 or Arm",
                  name));
}

std::string Target::why_not_here() const {
  const llvm::Triple here(llvm::sys::getProcessTriple());
  if (llvm::Triple(triple).getArch() != here.getArch())
    return fmt::format("{} is not {}", cpu, here.getArchName().str());
  const auto info = subtarget(*this);
  std::string missing;
  for (const auto& f : llvm::sys::getHostCPUFeatures())
    if (!f.getValue() && info->checkFeatures("+" + f.getKey().str()))
      missing += (missing.empty() ? "" : ", ") + f.getKey().str();
  return missing.empty() ? "" : fmt::format("this machine lacks {} of {}", missing, cpu);
}

}  // namespace eligo::compiler
