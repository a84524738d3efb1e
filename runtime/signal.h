// How well a rule's learning signal points where that of full backpropagation through time does.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/experiment.h"
#include "runtime/session.h"
#include "runtime/tasks/task.h"

namespace eligo {

// Two sessions beside the trained one: the same rule and bptt, both with a rate of 0, so that nothing is changed. The
// signal is the left factor of `. d(s[t])/d(ψ)` in the line that learns the cell's parameters, which the compiler
// offers as "signal"; for a rule without such a line it is the gathered gradient of these parameters instead.
class SignalProbe {
 public:
  // Throws eligo::Error or dsl::SourceError if the rule does not compile.
  SignalProbe(const Variant& variant, const SessionOptions& options);
  ~SignalProbe();

  // Σ of cosines over the steps and examples of these training batches where BPTT has a signal, and their number, with
  // the parameters and keep values of `trained`.
  Score measure(const Session& trained, const Task& task, std::uint64_t epoch, std::uint64_t batches);
  // The same of one batch, step by step; one score of the whole batch if the rule has no signal of each step.
  std::vector<Score> measure_steps(const Session& trained, const Batch& batch);
  bool has_signal() const;
  bool can_compare() const { return sides_ != nullptr; }

 private:
  struct Sides;
  std::unique_ptr<Sides> sides_;  // null: the library has no rule bptt to compare with
};

// The comparison of one batch. `rule` and `bptt` have T or T + 1 rows, of which the last T
// count.
Score cosine_over_steps(const Batch& batch, const Session::Shown& rule, const Session::Shown& bptt);
std::vector<Score> cosine_by_step(const Batch& batch, const Session::Shown& rule, const Session::Shown& bptt);

}  // namespace eligo
