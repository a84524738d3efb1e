// Checks that a module keeps the promises of the loop form, so that the emitter need not: every access stays inside its
// buffer for all values of its loops (what a gather adds is known only at run time), loops are bound where they are
// used, batched buffers are walked by whole examples, plain stores hit each place once, and a statement reads what it
// writes only at the very element that it stores.
#pragma once

#include <string>
#include <vector>

#include "compiler/loops/loops.h"

namespace eligo::compiler::loops {

// One line per problem, "function: label: what is wrong"; empty when the module is sound.
std::vector<std::string> verify(const Module& module);

}  // namespace eligo::compiler::loops
