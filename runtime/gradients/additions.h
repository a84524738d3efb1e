// What one batch adds to the parameters: the sum of all `learn` lines with their signs, weights and clips, or what an
// `at each` block assigns. The `cosine` of `run`, `compare` and `gradcheck` is of this quantity (docs/tools.md, "The
// cosine").
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/engine/session.h"

namespace eligo {

class Additions {
 public:
  // Remembers what a block of the rule may change. Call it before the batch is run.
  explicit Additions(const Session& before);

  // By how much the batch moved a parameter, before the optimiser's rate: the batch's mean, the sum over the steps.
  // Nothing where no line and no block of the rule moves it.
  std::optional<std::vector<double>> of(const Session& after, const std::string& parameter) const;

 private:
  std::map<std::string, std::vector<double>> assigned_;  // parameters of blocks, before the batch
  std::map<std::string, bool> learned_;
};

// Products of two directions, collected over several tensors.
struct Directions {
  double aa = 0, bb = 0, ab = 0, gap = 0;  // |a|², |b|², a·b, |a - b|²
  void add(const std::vector<double>& a, const std::vector<double>& b);
  double cosine() const;    // NaN where one of them is zero
  double ratio() const;     // |a| / |b|; NaN where b is zero
  double relative() const;  // |a - b| over the larger of both; 0 where both are zero
};

}  // namespace eligo
