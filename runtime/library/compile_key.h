// What a compiled program depends on, as bytes.
#pragma once

#include <span>
#include <string>

#include "compiler/driver/fingerprint.h"
#include "runtime/library/program_spec.h"

namespace eligo {

// The texts of the parts that the specification names, everything else in it, the compiler's sources and `code_version`.
// Empty where a part is not found or not readable: compiling says what is wrong with it.
std::string program_key(const ProgramSpec& spec, const std::string& code_version,
                        std::span<const compiler::Fingerprint> sources = compiler::fingerprints());

}  // namespace eligo
