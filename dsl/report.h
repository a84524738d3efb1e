// What `eligo check FILE` says of a correct file: whether a rule is online, how far it looks ahead, which way its
// recurrences run, what each parameter's update has to know; of other items their inputs, states and parameters.
#pragma once

#include <string>

#include "dsl/file.h"

namespace eligo::dsl {

// For a file that check() found no fault in.
std::string report(const ParsedFile& file);
std::string report_json(const ParsedFile& file);

}  // namespace eligo::dsl
