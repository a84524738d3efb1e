// `eligo gradcheck`: the derivatives of a rule against finite differences.
#pragma once

#include "runtime/library/program_spec.h"
#include "runtime/tools/gradcheck.h"

namespace eligo::cli {

// Prints the table; 1 if a derivative differs.
int gradcheck(const ProgramSpec& spec, const GradcheckOptions& options);

}  // namespace eligo::cli
