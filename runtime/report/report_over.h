// Results over a setting: what came out of the variants that differ in its value alone, as curves over it.
#pragma once

#include <string>
#include <vector>

#include "runtime/report/report.h"
#include "runtime/report/report_curves.h"

namespace eligo {

// Chooses Report::over. Throws eligo::Error if no two variants differ in the setting, or its values are no numbers.
void set_over(Report& report, const std::string& setting);

// A chart for each result of the table that has a line; none without Report::over. A curve goes through the groups
// whose other settings are the same, seed by seed.
std::vector<ReportChart> charts_over(const Report& report);

}  // namespace eligo
