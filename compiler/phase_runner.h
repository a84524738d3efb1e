// What runs a program's phases: the interpreter, or compiled kernels. The runtime says where each tensor lies.
#pragma once

#include <cstdint>
#include <memory>

#include "compiler/program.h"

namespace eligo::compiler {

// Memory of a tensor at a time, as the phase that runs means it.
class Resolver {
 public:
  virtual ~Resolver() = default;
  // Timed tensors: example-major, the pointer is to the shard's first example. Others: their one copy; a gradient's is
  // the shard's own. Wirings point to int32.
  virtual void* resolve(int tensor, TimeRef time) = 0;
};

class PhaseRunner {
 public:
  virtual ~PhaseRunner() = default;
  // `scratch` holds scratch_bytes(examples) bytes of one shard's own, `prepared` what `prepare` wrote; both aligned
  // to 64.
  virtual void run(int phase, Resolver& where, std::int64_t examples, void* scratch, const void* prepared) const = 0;
  virtual std::int64_t scratch_bytes(std::int64_t /*examples*/) const { return 0; }
  // Values that depend on parameters alone (transposed copies): computed anew after parameters change.
  virtual std::int64_t prepared_bytes() const { return 0; }
  virtual void prepare(Resolver&, void* /*scratch*/, void* /*prepared*/) const {}
  // Whether several threads may run phases at once.
  virtual bool concurrent() const { return true; }
};

}  // namespace eligo::compiler
