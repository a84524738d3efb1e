// The loop form: what lowering produces and the LLVM emitter consumes.
//
// A module is a list of functions over one list of buffers. A function is a list of statements, run in order; each is
// one perfect nest of loops around one store. Statements may be fused: a loop that all of them share is then around them
// together. There is no other control flow and no notion of time: ring slots, shards and lengths are resolved by the
// runtime, which passes one pointer per buffer and the number of examples of the shard.
//
//   for b<batch>, i<30>: h[b*30 + i] = tanh((Σ j<30>: Wt[j*30 + i] * h_1[b*30 + j]) + bias[i])
//
// Kernel symbol: void name(void* const* buffers, int64_t examples).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/operations/operation.h"

namespace eligo::compiler::loops {

// A loop variable, local to its statement. A batch loop runs over the shard's examples (extent is only an estimate for
// cost and tile choice; the trip count is the kernel's second argument, which may be 0 or more).
struct Loop {
  std::string name;
  std::int64_t extent = 1;
  bool batch = false;
};

// An affine place in a buffer, in elements: offset + Σ stride[l] * loop l (+ a gather, below).
struct Access {
  int buffer = -1;
  std::int64_t offset = 0;
  std::vector<std::int64_t> stride;  // one per loop of the statement, in order; 0 where it does not depend on it
  // Gather: adds gather_stride * index, where index is read from the int32 buffer `gather` at its own affine place.
  int gather = -1;
  std::int64_t gather_offset = 0;
  std::vector<std::int64_t> gather_loops;  // strides into the gather buffer, one per loop
  std::int64_t gather_stride = 0;
};

enum class ValueKind {
  load,        // access
  constant,    // constant
  apply,       // op(args...)
  reduce,      // Σ over `over` (loop numbers) of args[0]; starts from 0
  reduce_max,  // max over `over` of args[0]; starts from -inf (NaN propagates)
};

struct Value;
using ValuePtr = std::shared_ptr<const Value>;
struct Value {
  ValueKind kind = ValueKind::constant;
  Access access;
  double constant = 0;
  Op op = Op::add;
  std::vector<ValuePtr> args;
  std::vector<int> over;
};

// out[...] = value, or out[...] += value. `loops` lists the loops of the output first (`outer` of them, outermost
// first), then those that occur only inside reduces. The store is made once for each point of the outer loops. Several
// points may store to the same place only with `accumulate` (e.g. a batch loop with stride 0 in `out`: a sum over the
// examples). No statement reads a buffer range that it also writes, except at the very element being stored
// (elementwise in place).
struct Statement {
  std::vector<Loop> loops;
  int outer = 0;
  Access out;
  bool accumulate = false;
  ValuePtr value;
  std::string label;  // the equation it comes from, for dumps and profiles
};

enum class Element { real /* the module's dtype */, int32 };

struct Buffer {
  std::string name;
  Element element = Element::real;
  std::int64_t size = 0;  // elements, of one example where `batched`
  bool batched = false;   // one copy per example, example-major; the pointer is to the shard's first example
};

// Consecutive statements whose first loop is one and the same: for each of its trips all of them run, in order. What one
// of them writes in a trip, the others touch in that trip only, so the results are those of one statement after another.
//
//   for x<50>:
//     for b<batch 32>, i<40>: d[b*40 + i] = (1 - square(y[b*2000 + x*40 + i])) * m[b*2000 + x*40 + i]
//     for i<40>, j<10>: gradient[x*400 + i*10 + j] += (Σ b<batch 32>: d[b*40 + i] * u[b*500 + x*10 + j])
struct Fusion {
  int first = 0, count = 0;    // of the function's statements
  std::int64_t trips = 1;      // the extent of their first loop
  std::int64_t values = 1;     // of the loop that they share, in a trip: 4 of its 200
  std::int64_t extent = 1;     // of that loop; trips beyond the last whole one are statements of their own
  std::int64_t examples = 0;   // within a trip, the statements take so many examples at a time; 0: all
  std::vector<int> local;      // buffers that hold a trip's values only (d, above): each trip writes them before it reads
};

struct Function {
  std::string name;  // a readable C identifier: eligo_bp_lambda_step
  std::vector<Statement> statements;
  std::vector<Fusion> fusions;  // in order, none within another
};

struct Module {
  std::string name;
  std::vector<Buffer> buffers;  // positions are the indices of the kernel's pointer array
  std::vector<Function> functions;
};

enum class DType { f32, f64 };

}  // namespace eligo::compiler::loops
