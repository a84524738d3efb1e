// The charts of a report as pictures: the same curves as on its page, for papers and slides.
#pragma once

#include <string>
#include <vector>

#include "runtime/report/report.h"

namespace eligo {

// The files that `write_report_pictures` would write, FOLDER/<chart>.svg and .png for each chart.
std::vector<std::string> report_picture_files(const Report& report, const std::string& folder);

// Makes the folder if there is none. Throws eligo::Error if a file cannot be written.
void write_report_pictures(const Report& report, const std::string& folder);

}  // namespace eligo
