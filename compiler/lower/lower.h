// From ordered graphs to the loop form: which nodes get memory, which are fused into the loops that read them.
//
// Reductions and expensive or shared values get a buffer; single-use elementwise work becomes the epilogue of the loop nest
// that reads it. Terms that tie axes (an identity, a block of a bundle, a one-hot) become their own statements over
// just the places they touch. Values of parameters alone move to the function `prepare`, with a transposed copy where a
// kernel would otherwise read across rows.
//
// Before:  net.h@t = valid@t * tanh(Σ_j W_ij net.h@t-1_j + Σ_m U_im net.x@t_m + b_i)
// After:   for b<batch>, i<30>: net_h__t[..] = valid__t[b] * tanh((Σ j: Wt[j,i] * net_h__t_1[b,j]) + (Σ m: ...) + b[i])
#pragma once

#include <map>

#include "compiler/ir/program.h"
#include "compiler/loops/loops.h"

namespace eligo::compiler {

// What a buffer of the module is bound to when a kernel is called.
struct Binding {
  enum class Kind { tensor, scratch, prepared } kind = Kind::tensor;
  int tensor = -1;
  TimeRef time;
  std::int64_t offset = 0;  // scratch, prepared: elements; scratch of a batched value is per example
};

struct Lowered {
  loops::Module module;
  std::vector<Binding> bindings;                               // one per buffer
  std::vector<int> function_of_phase;                          // -1: nothing to do
  int prepare = -1;                                            // function
  std::vector<std::vector<int>> used;                          // by function: its buffers
  std::vector<std::pair<std::int64_t, std::int64_t>> scratch;  // by function: elements per example and in all
  std::vector<std::vector<std::vector<int>>> stages;           // by function: what it has become (split_wide_loops); empty: itself
  std::vector<char> at_once;                                   // by function: of a phase that may take many steps
  std::int64_t prepared_elements = 0;
};

Lowered lower(Program& program, std::int64_t batch);

}  // namespace eligo::compiler
