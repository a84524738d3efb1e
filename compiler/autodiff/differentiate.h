// Replaces the lazy derivatives jac, vjp and jvp by graphs without them.
//
// There is one derivative rule per node kind and operation. Pushing a cotangent through a step's equations from the
// left, a tangent from the right, and forming the Jacobian are the same rules with other seeds; a product with many
// columns takes whichever of pushing and forming costs less. Values that the equations have computed and that are expensive
// (elementary functions, matrix products) are not computed again: they become fields that the step keeps.
//
// Before:  vjp(net.h@t, u; net.W)            After:  Σ_i u_i (1 - net.h@t_i²) embed(i, j) net.h@t-1_k
#pragma once

#include "compiler/ir/program.h"

namespace eligo::compiler {

// `batch`: examples of a typical batch, for the choice between pushing and forming.
void differentiate(Program& program, std::int64_t batch);

}  // namespace eligo::compiler
