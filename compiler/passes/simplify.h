// Algebra on the graph, to a normal form: sums of products, with sums opaque to the products above them.
//
// Constants become coefficients; identities, one-hots and blocks (embed) are substituted into indices where they are
// summed; nested products are flattened except where the inner one is worth keeping; like terms are merged; flags that
// another factor implies are dropped (what lies beyond an example's length is zero already); sums are distributed only
// over terms that tie two axes together.
//
// Before:  Σ_k (embed(k, i) a_k) * W_kj        After:  a_i * W_ij
#pragma once

#include <vector>

#include "compiler/ir/program.h"

namespace eligo::compiler {

Ref simplify(Program& program, Ref root);
std::vector<Ref> simplify(Program& program, const std::vector<Ref>& roots);  // what they share is simplified once
void simplify(Program& program);  // all roots

}  // namespace eligo::compiler
