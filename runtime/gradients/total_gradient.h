// The judge of `eligo gradcheck`: what a rule adds to each parameter of the net and the readout in one batch, against
// the gradient of the whole sequence's loss by central differences. Nothing of the rule's own derivatives goes into
// that gradient: only forward passes, whose loss the interpreter confirms.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/engine/session.h"
#include "runtime/library/program_spec.h"

namespace eligo {

// What the learning of one parameter tensor, or of all that the cell learns, is worth.
struct TotalCheck {
  enum class Verdict {
    exact,       // what is added is minus the loss's gradient
    differs,     //
    zero,        // both are zero
    untouched,   // the rule moves this parameter nowhere, and the loss depends on it
    unresolved,  // kinks lie too close to tell
    faint,       // the loss depends on it so weakly that rounding hides whether it is exact
  };
  std::string parameter;       // "net.W"
  std::int64_t size = 0;       // entries of the tensor
  std::int64_t compared = 0;   // entries, or directions if `sampled`
  std::int64_t kinks = 0;      // those at which differences of two widths do not agree: left out
  bool sampled = false;        // along random directions: the net is too large for each entry
  double deviation = 0;        // largest difference over the largest entry
  double cosine = 0;           // with minus the gradient; NaN where one of them is zero
  double ratio = 0;            // length of what is added over the gradient's; NaN where that is zero
  Verdict verdict = Verdict::exact;
};

struct TotalChecks {
  std::vector<TotalCheck> tensors;  // of the cell, then of the readouts
  double cosine = 0, ratio = 0;     // of all that the cell learns, taken as one; NaN: it learns nothing
  bool learns_cell = false;
  std::vector<std::string> unreached;  // parameters that the rule leaves out, with reasons (compiler/frontend/unreached.h)
  bool exact() const;                  // every tensor is, or is zero on both sides
};

struct TotalOptions {
  std::uint64_t seed = 1;
  double tolerance = 1e-6;
  std::int64_t most_entries = 4000;  // of all tensors together, each by itself; beyond that, directions
  std::int64_t directions = 64;      // of each tensor, where its entries are too many
  std::vector<std::pair<std::string, double>> hypers;
};

// `spec` names all parts and sizes (runtime/library/default_parts.h) and is float64. Parameters and initial states are those of
// `draw_values`. Throws eligo::Error where the interpreter's loss is another one.
TotalChecks check_totals(const ProgramSpec& spec, const TotalOptions& options, const Batch& batch);

}  // namespace eligo
