// One operation on many numbers at once, with its derivatives, as the interpreter or kernels compute them.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "compiler/operations/operation.h"

namespace eligo::test {

// The interpreter (no cpu), or kernels for a processor.
struct Backend {
  std::string cpu;
  bool float64 = true;
};
void PrintTo(const Backend& b, std::ostream* out);
// The interpreter, and the instruction sets of this machine in both formats.
std::vector<Backend> backends();

struct Applied {
  std::vector<double> values;                 // by point
  std::vector<std::vector<double>> partials;  // by operand, then point
};
// `points` holds the operands of each point. The interpreter's derivatives are dual numbers, the kernels' those of the
// operation's row.
Applied apply_operation(compiler::Op op, const std::vector<std::vector<double>>& points, const Backend& backend);

}  // namespace eligo::test
