// `eligo compare`: two rules, or one rule in two dtypes or backends, on the same data from the same start, update by
// update: how far apart what they learn is, how far apart their parameters drift, and what each costs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/experiment/settings.h"
#include "runtime/tools/rules_page.h"

namespace eligo {

struct CompareOptions {
  std::string rule_a, rule_b;
  Settings shared;  // of both, as an experiment has them; what neither has is an error
  Settings a, b;    // of one side
  std::int64_t updates = 20;
  std::uint64_t seed = 0;
  bool lockstep = false;  // b starts every update from a's parameters, so that nothing adds up
  std::vector<std::string> rule_folders;
  std::function<bool()> interrupted = [] { return false; };  // asked before each update; ends it with those that are done
};

// Of what both sides learn as one bundle, in one update.
struct BundleDifference {
  double relative = 0;  // |a - b| over the larger of both, of what each rule adds (runtime/gradients/additions.h); NaN if one
                        // side adds nothing
  double cosine = 0;    // NaN if one of them is zero
  double drift = 0;     // the same distance of the parameters, after the update
};

struct UpdateComparison {
  double loss_a = 0, loss_b = 0;
  std::vector<BundleDifference> bundles;  // as Comparison::bundles
};

struct SideCost {
  double milliseconds = 0;  // of an update, the median
  double bytes = 0;         // that its session holds
  RuleCost cost;            // by the compiler's counts, at this net and batch
};

struct Comparison {
  std::string task, parts_a, parts_b;
  std::int64_t batch = 0, steps = 0;
  std::vector<std::string> bundles;         // that both have and one learns
  std::vector<std::string> only_a, only_b;  // parameters that one side alone has learn lines for
  std::vector<UpdateComparison> updates;
  SideCost a, b;
};

Comparison compare(const CompareOptions& options);

std::string comparison_text(const CompareOptions& options, const Comparison& comparison);
std::string comparison_json(const CompareOptions& options, const Comparison& comparison);

}  // namespace eligo
