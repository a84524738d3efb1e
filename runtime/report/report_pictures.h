// The charts of a report as pictures: the same curves as on its page, for papers and slides.
#pragma once

#include <string>
#include <vector>

#include "runtime/report/report.h"

namespace eligo {

// FOLDER/<chart>.svg and .png for each chart; the folder is made if there is none. Returns the files. Throws
// eligo::Error if one cannot be written.
std::vector<std::string> write_report_pictures(const Report& report, const std::string& folder);

}  // namespace eligo
