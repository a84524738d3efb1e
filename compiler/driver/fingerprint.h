// A digest of the sources that turn rules into kernels. Compiled programs that are kept are those of one compiler.
#pragma once

namespace eligo::compiler {

extern const char* const fingerprint;

}  // namespace eligo::compiler
