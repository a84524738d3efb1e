// Tokens to the syntax tree. A fault in a line is reported and the line skipped, so all faults of a file come in one
// run.
#pragma once

#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "dsl/lexer.h"

namespace eligo::dsl {

// Bounds of what is read, so that neither a file nor a later pass can exhaust the stack.
inline constexpr std::size_t max_file_bytes = 1 << 20;
inline constexpr int max_depth = 200;   // levels of an expression
inline constexpr int max_chain = 1000;  // of equations that build on each other, in all

File parse(const SourcePtr& source, const Tokens& tokens, Diagnostics& diagnostics);

// "cell", "synth", ...
std::string_view word_of(ItemKind kind);

}  // namespace eligo::dsl
