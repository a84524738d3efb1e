// The processor that kernels are compiled for, and the few facts about it that shape them.
#pragma once

#include <string>

namespace eligo::compiler {

struct Target {
  std::string cpu, features, triple;  // in LLVM's words
  int vector_bits = 128;              // widest vector worth using
  int vector_registers = 16;
  bool fma = false;     // a*b + c rounds once; otherwise kernels multiply, then add
  bool halves = false;  // a full vector is computed as two halves: a narrower one takes half the time
  bool masks = false;   // part of a vector can be loaded and stored; otherwise the ends of loops are scalar

  int lanes(int bytes) const { return vector_bits / 8 / bytes; }

  static Target host();
  // "native"; "avx512", "avx2" (with FMA) and "baseline" (SSE2), the levels of x86-64; or a processor known to LLVM,
  // of x86-64 or AArch64. Throws std::runtime_error for any other word.
  static Target named(const std::string& name);

  // Empty where this machine can run the target's code; otherwise the reason why not.
  std::string why_not_here() const;
};

}  // namespace eligo::compiler
