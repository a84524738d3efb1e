#include "compiler/llvm/target.h"

#include <fmt/core.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace eligo::compiler {
namespace {

// LLVM's own options are the only way to these two, for the whole process. Strength reduction and the second scheduling
// take a third of the time to generate code; without them bench/kernels_bench is as fast (median of 93 kernels 0.99 on
// AVX-512, 1.01 on AVX2): the emitter's loops leave addresses that x86 computes in the load itself.
void leave_out_slow_passes() {
  auto& options = llvm::cl::getRegisteredOptions();
  for (const auto& [name, value] : {std::pair{"disable-lsr", "true"}, {"post-RA-scheduler", "false"}})
    if (const auto found = options.find(name); found != options.end() && found->second->getNumOccurrences() == 0)
      found->second->addOccurrence(0, name, value);
}

void initialise() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    leave_out_slow_passes();
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
