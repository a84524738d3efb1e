// The numbers of a report: for each group and column the mean over the seeds and its standard error.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/report/report.h"
#include "support/estimate.h"

namespace eligo {

struct ReportColumn {
  std::string id, heading, meaning;  // "test_score", "test accuracy %"
  std::function<std::optional<double>(const ReportTraining&)> value;
  double scale = 1;  // of what is shown
};

// Those that any training has a value for.
std::vector<ReportColumn> report_columns(const Report& report);

// Over the trainings that have a finite value and did not diverge, in the units of the heading.
Estimate estimate_of(const ReportGroup& group, const ReportColumn& column);

// "0.1235 ± 0.0042", "(4.7 ± 4.3)e-16"; one value as "0.1235"; of none "".
std::string estimate_text(const Estimate& estimate);

// How far a group's trainings are: "3 seeds", "2 of 3 seeds, 1 diverged".
std::string seeds_text(const ReportGroup& group);

// How far a run is: "complete", "being written by process 7 ...", "interrupted: 3 of 6 trainings have ended".
std::string state_text(const Report& report, const ReportRun& run);

}  // namespace eligo
