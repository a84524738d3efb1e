// Measured kernels as a page: HTML that needs nothing else, neither scripts nor other files.
#pragma once

#include <string>
#include <vector>

#include "runtime/kernels/kernel_text.h"

namespace eligo {

// For reports that were made with `count_blocks`: how often lines run is what marks them as hot.
std::string kernel_page(const std::vector<NamedReport>& reports);

}  // namespace eligo
