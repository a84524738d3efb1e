// The sizes of an `eligo eval` case: a name that no part knows is a slip, not a size to be left out in silence.
#pragma once

#include "runtime/library/program_spec.h"
#include "support/error.h"

namespace eligo {

// Throws eligo::Error for a size that neither the parts of the case nor any other of the library has (a set of sizes
// may serve several nets), or that is given for a role that the rule does not have.
void check_case_sizes(const ProgramSpec& spec);

}  // namespace eligo
