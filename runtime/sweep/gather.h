// All that came out of a plan's lines, as one table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/sweep/line_folder.h"
#include "support/estimate.h"

namespace eligo {

// The quantities of a summary that are averaged, by their columns; the names are what people read.
struct Quantity {
  const char *column, *name;
};
const std::vector<Quantity>& gathered_quantities();

// The lines of one variant, which differ in their seeds alone.
struct GatheredVariant {
  std::string name;
  const PlanLine* first;  // of its lines
  std::size_t count = 0;  // that came to their end and did not diverge: what is averaged
  std::size_t diverged = 0, failed = 0, missing = 0;
  std::map<std::string, Estimate> estimates;  // by column
};

struct Gathered {
  std::string runs;                 // their folder
  std::vector<LineReport> reports;  // by line
  std::vector<GatheredVariant> variants;
};

Gathered gather(const Plan& plan, const std::string& runs);

// For people: a row for each variant, then what failed with its message and what is missing.
std::string gathered_text(const Plan& plan, const Gathered& gathered);
// A row for each variant, with every quantity's mean, standard error and count.
std::string gathered_csv(const Plan& plan, const Gathered& gathered);
// A row for each line: its settings, what came out, its message.
std::string lines_csv(const Plan& plan, const Gathered& gathered);

}  // namespace eligo
