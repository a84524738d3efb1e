// Central differences of what a lazy derivative is taken of, with the memory of a run.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/reference/interpreter.h"

namespace eligo {

struct Differences {
  std::vector<double> values;  // as the derivative's own entries are ordered
  std::vector<double> errors;  // of the values, by what two widths differ
  std::vector<bool> kinked;    // by entry: a kink lies between the points of the difference
};

// For one example.
Differences differences_of(compiler::Program& program, compiler::Ref derivative, const compiler::Numerator& numerator,
                           compiler::Resolver& where, std::int64_t example);

}  // namespace eligo
