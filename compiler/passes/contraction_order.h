// The order of each contraction, by cost: products of many factors become nested products of two.
//
// Holds before: normal form. After: a contract that sums anything has at most two factors besides numbers per example;
// what is left of the others was multiplied into one of them first. Shared sub-products are one node.
//
// Before:  Σ_ij u_i a_i W_ij x_j        After:  Σ_j (Σ_i (u_i a_i) W_ij) x_j
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

Ref order_contractions(Program& program, Ref root, std::int64_t batch);
void order_contractions(Program& program, std::int64_t batch);  // all roots

}  // namespace eligo::compiler
