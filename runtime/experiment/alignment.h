// The cosine of what a rule adds to the cell's parameters with the loss's gradient, by full backpropagation through
// time (docs/tools.md, "The cosine").
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/engine/session.h"
#include "runtime/experiment/batch_source.h"
#include "runtime/experiment/experiment.h"
#include "runtime/gradients/additions.h"

namespace eligo {

// Where a run folder's `rules` keep the rule that its cosines are taken with.
constexpr const char* kReference = "reference/bptt.eli";
// That rule of these folders, or else the library's own, whatever a user's folder has under its name: a judge must not be
// replaced by what it judges. Nothing where there is no library.
std::optional<std::string> reference_rule(const std::vector<std::string>& folders);

// Two sessions beside the trained one: the same rule, and the library's bptt on the same cell and readout, both with a
// rate of 0, so that learn lines change nothing.
class AlignmentProbe {
 public:
  // Throws eligo::Error or dsl::SourceError if the rule does not compile. `by_step`: it can also tell the steps apart,
  // which takes room for what each step and example adds to the cell.
  AlignmentProbe(const Variant& variant, const SessionOptions& options, bool by_step = false);
  ~AlignmentProbe();

  // For one batch, with the parameters, keep values and draws of `trained`: 1 where all that the rule adds to the cell's
  // parameters points down the loss's gradient, -1 where it points up. Nothing where the rule moves no parameter of the
  // cell, or where one of the two is zero. `batch_number` tells the draws of different batches apart.
  std::optional<double> measure(const Session& trained, const Batch& batch, std::uint64_t batch_number = 0);
  // Σ over these training batches, and their number.
  Score measure(const Session& trained, BatchSource& source, std::uint64_t epoch, std::uint64_t batches);

  // Adds to each step's entry what the rule's learn lines add at it to the cell, beside what those of bptt add. Empty
  // as above, and where a block of the rule moves parameters, which has no lines.
  void measure_steps(const Session& trained, const Batch& batch, std::uint64_t batch_number,
                     std::vector<Directions>& steps);

 private:
  void take_over(const Session& trained, std::uint64_t batch_number);
  struct Sides;
  std::unique_ptr<Sides> sides_;  // null: the rule moves no parameter of a cell, or there is nothing to compare with
};

}  // namespace eligo
