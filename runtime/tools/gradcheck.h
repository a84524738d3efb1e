// `eligo gradcheck`: every derivative that a rule takes, as the compiled kernels have it, against finite differences of
// what it is taken of; and what the rule adds to each parameter against the gradient of the whole sequence's loss.
//
// Two sessions run the same random batch: one with the rule's derivatives as further outputs of the kernels, one with
// the interpreter, which moves every value that a derivative is taken by and follows the equations of its step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/gradients/total_gradient.h"
#include "runtime/library/program_spec.h"

namespace eligo {

struct GradcheckOptions {
  std::int64_t batch = 2, steps = 6;
  std::uint64_t seed = 1;
  double tolerance = 1e-6;
  bool derivatives = true;  // compare each derivative that the rule takes with finite differences
  bool totals = true;       // compare what the rule adds with the gradient of the whole sequence's loss
  std::vector<std::pair<std::string, double>> hypers;
};

// A derivative as the rule writes it; its blocks, steps and examples together.
struct DerivativeCheck {
  enum class Verdict {
    agrees,
    zero,         // both are zero everywhere: nothing was learned of it
    at_kinks,     // no entry lies off a kink
    not_reached,  // needed at no step that the batch has
    differs,
  };
  std::string file, text;
  int line = 0;
  std::int64_t entries = 0;  // compared
  std::int64_t kinks = 0;    // left out, for a kink lies between the points of the difference
  double deviation = 0;      // largest difference over the largest entry
  double excess = 0;         // the part of it that the differences' own error does not explain
  double largest = 0;
  Verdict verdict = Verdict::not_reached;
};

struct GradcheckReport {
  std::string parts;  // the cell, readout and synthesisers it ran on
  std::vector<std::string> notes;  // parts that hide those of the library
  std::vector<DerivativeCheck> derivatives;
  std::optional<TotalChecks> totals;
  bool good() const;                   // no derivative differs; whether the rule is exact is another question
};

// Cell, readout, synthesiser and sizes that the specification leaves open are chosen (see runtime/library/default_parts.h). With
// `compiled`, the kernels are those of another specification with the same shapes: what a fault would look like.
GradcheckReport gradcheck(ProgramSpec spec, const GradcheckOptions& options, const ProgramSpec* compiled = nullptr);

std::string gradcheck_text(const std::string& rule, const GradcheckReport& report, const GradcheckOptions& options);

}  // namespace eligo
