// A report as one page of HTML that needs nothing else, and as text: tables of Markdown, and CSV.
#pragma once

#include <string>

#include "runtime/report/report.h"

namespace eligo {

std::string report_page(const Report& report);
std::string report_markdown(const Report& report);
// A row for each group; a mean, its standard error and the number of seeds for each column of the table.
std::string report_csv(const Report& report);

}  // namespace eligo
