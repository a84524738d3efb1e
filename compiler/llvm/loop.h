// Loops in IR, and how a loop is cut into pieces that each have one tile shape.
#pragma once

#include <functional>
#include <vector>

#include "compiler/llvm/nest.h"
#include "compiler/llvm/types.h"

namespace eligo::compiler::codegen {

using Values = std::vector<llvm::Value*>;

// for (i = begin, n = trips; n > 0; --n, i += step) carried = body(i, carried). Returns what is carried at the end. A
// constant number of trips costs no test at the start, one trip no loop. LLVM is told not to unroll.
using LoopBody = std::function<Values(llvm::Value* i, const Values& carried)>;
Values emit_loop(Builder& b, llvm::Value* begin, llvm::Value* trips, std::int64_t step, const Values& carried,
                 const LoopBody& body);
// The same without carried values.
void emit_loop(Builder& b, llvm::Value* begin, llvm::Value* trips, std::int64_t step,
               const std::function<void(llvm::Value*)>& body);

// A part of a loop: `trips` trips of step `count * lanes` from `begin`, each covering `count` vectors of `lanes`.
struct Segment {
  llvm::Value *begin, *trips;
  int count = 1, lanes = 1;
  llvm::Value* end = nullptr;  // the last vector may reach beyond this: it needs a mask
  std::int64_t step() const { return static_cast<std::int64_t>(count) * lanes; }
};

// The number of trips of a loop.
llvm::Value* trip_count(Builder& b, const Types& types, const NestLoop& loop, llvm::Value* examples);

// `loop` in vectors, `count` of them at a time as far as that goes; `narrow`: the last ones may have fewer lanes.
std::vector<Segment> vector_segments(Builder& b, const Types& types, const NestLoop& loop, llvm::Value* examples,
                                     int count, bool one_body, bool narrow = false);
// `loop` one by one, `count` at a time as far as that goes.
std::vector<Segment> scalar_segments(Builder& b, const Types& types, const NestLoop& loop, llvm::Value* examples,
                                     int count);

// The lanes of a vector at `at` that lie before `end`.
llvm::Value* mask_before(Builder& b, const Types& types, int lanes, llvm::Value* at, llvm::Value* end);

}  // namespace eligo::compiler::codegen
