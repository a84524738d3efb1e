// What the text of a function's assembly says: blocks, operands, registers that did not suffice.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/codegen/codegen.h"

namespace eligo::compiler {

// Reads the lines of one function out of the assembly that LLVM prints with comments, and fills in what they say: the
// text, the number of instructions, the width of their operands, spills and reloads. `blocks` is the numbers of basic
// blocks by their names. `comment` begins a comment in the target's assembly.
void read_assembly(const std::string& assembly, const std::string& comment, const std::map<std::string, int>& blocks,
                   StatementCode& code);

}  // namespace eligo::compiler
