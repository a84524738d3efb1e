// What runs a program's phases: the interpreter, or compiled kernels. The runtime says where each tensor lies.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "compiler/ir/program.h"

namespace eligo::compiler {

// Memory of a tensor at a time, as the phase that runs means it.
class Resolver {
 public:
  virtual ~Resolver() = default;
  // Timed tensors: example-major, the pointer is to the shard's first example. Others: their one copy; a gradient's is
  // the shard's own. Wirings point to int32.
  virtual void* resolve(int tensor, TimeRef time) = 0;
};

// A compiled phase: a function of an array of addresses, and which of these are those of tensors. The others are of
// scratch memory and prepared values. Where one example is long, the function has become stages.
struct Kernel {
  using Function = void (*)(void* const* addresses, std::int64_t examples);
  struct Read {
    int place = 0;  // in the array
    int tensor = -1;
    TimeRef time;
  };
  Function function = nullptr;
  std::vector<Read> reads;
  std::vector<std::vector<Function>> stages;  // one after another; the functions of a stage may run side by side
};

class PhaseRunner {
 public:
  virtual ~PhaseRunner() = default;
  // `scratch` holds scratch_bytes(examples) bytes of one shard's own, `prepared` what `prepare` wrote; both aligned
  // to 64.
  virtual void run(int phase, Resolver& where, std::int64_t examples, void* scratch, const void* prepared) const = 0;
  virtual std::int64_t scratch_bytes(std::int64_t /*examples*/) const { return 0; }
  // The same for those phases alone that take many steps at once, of which each example is one of a step.
  virtual std::int64_t run_scratch_bytes(std::int64_t examples) const { return scratch_bytes(examples); }
  // Values that depend on parameters alone (transposed copies): computed again when parameters change.
  virtual std::int64_t prepared_bytes() const { return 0; }
  virtual void prepare(Resolver&, void* /*scratch*/, void* /*prepared*/) const {}
  // Compiled phases may be called directly, with an array of addresses that all phases share. Null: a phase has nothing
  // to do, or is not compiled (then there are no places).
  static constexpr int prepare_phase = -1;
  virtual int places() const { return 0; }
  // What it may call is there once the phase was waited for; its reads always are.
  virtual const Kernel* kernel(int /*phase*/) const { return nullptr; }
  // Phases are compiled while others run: until this one is there; until all are. Throws where compiling failed.
  virtual void wait_for(int /*phase*/) const {}
  virtual void wait_for_all() const {}
  // Sets a phase's addresses in scratch memory and of prepared values, for calls of at most `examples` examples.
  virtual void place(int /*phase*/, void** /*addresses*/, std::int64_t /*examples*/, void* /*scratch*/,
                     const void* /*prepared*/) const {}
  // Whether several threads may run phases at once.
  virtual bool concurrent() const { return true; }
};

}  // namespace eligo::compiler
