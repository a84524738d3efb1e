// For builds with ThreadSanitizer: tells it what generated code reads and writes.
#pragma once

namespace llvm {
class Function;
class Module;
}  // namespace llvm

namespace eligo::compiler::codegen {

// A call before each load and store of memory that is not the function's own. LLVM's pass of that purpose passes over
// vectors of more than 16 bytes and over masked accesses, which are most of what is emitted here.
void watch_races(llvm::Module& module);

}  // namespace eligo::compiler::codegen
