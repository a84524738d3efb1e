// The normal form of a statement, the first step of the emitter:
//
//   out[i, j] += x             out[i, j] = out[i, j] + x
//   for b: out[i] += x         out[i] = out[i] + Σ b: x                      the same place for every b
//   Σ j: a * f[j]              a * Σ j: f[j]
//   out[i] = tanh(Σ j: ...)    out[i] = Σ j: ...; out[i] = tanh(out[i])      where what follows the sums is long
//   loops of one trip          go
//   b<batch>, i<30>            one loop, where every access steps through both as through one (b*30 + i)
//
// A factor that moves out of a sum changes the rounding; if it is infinite, the result is infinite or NaN as before,
// but not always which of the two.
//
// Which of several equal sums is taken, and in which order, is decided here and in plan.h from the statement alone: the
// result for one example does not depend on how many examples a call has.
#pragma once

#include <unordered_map>

#include "compiler/loops/loops.h"

namespace eligo::compiler::codegen {

struct NestLoop {
  std::string name;
  std::int64_t extent = 1;       // an estimate where per_example is not 0
  std::int64_t per_example = 0;  // the loop has per_example * examples trips
  bool at_run_time() const { return per_example != 0; }
};

struct Nest {
  std::vector<NestLoop> loops;
  int outer = 0;  // loops of the output, first
  loops::Access out;
  loops::ValuePtr value;
  bool scatters = false;  // the statement accumulates: points of the output that meet must come one after another
};

// To be run in order.
std::vector<Nest> normal_form(const loops::Statement& statement);

// Instructions of an expression, outside of its sums.
double work_after_sums(const loops::Value& v);

// Sets of loops, as bits.
using LoopSet = std::uint64_t;
inline LoopSet loop_bit(int l) { return l < 0 ? 0 : LoopSet{1} << l; }
LoopSet loops_of(const loops::Access& access);
bool is_reduce(const loops::Value& v);

// The loops that each value depends on, its own reduces excluded. Values are known by address and must outlive this.
class Dependence {
 public:
  LoopSet of(const loops::Value& v);

 private:
  std::unordered_map<const loops::Value*, LoopSet> known_;
};

}  // namespace eligo::compiler::codegen
