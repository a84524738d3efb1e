// Memory for the buffers of a module, filled so that its kernels can run on it alone: small random reals, and for
// wirings numbers that stay within what is read through them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "compiler/loops/loops.h"

namespace eligo {

class KernelMemory {
 public:
  // Each buffer holds so many examples. Throws as `check` does.
  KernelMemory(const compiler::loops::Module& module, std::int64_t examples, bool float64);

  // Throws eligo::Error where this machine has not so much memory.
  static void check(const compiler::loops::Module& module, std::int64_t examples, bool float64);

  void* const* pointers() const { return pointers_.data(); }  // by buffer

 private:
  void fill(const compiler::loops::Module& module, std::int64_t examples, bool float64);

  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::vector<void*> pointers_;
};

// What a call touches: each buffer of a function once, as far as its statements reach.
double touched_bytes(const compiler::loops::Module& module, const compiler::loops::Function& function,
                     std::int64_t examples, bool float64);

}  // namespace eligo
