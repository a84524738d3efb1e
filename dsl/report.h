// What `eligo check FILE` says of a correct file: whether a rule is online, how far it looks ahead, which way its
// recurrences run, what each parameter's update has to know; of other items their inputs, states and parameters.
#pragma once

#include <string>

#include "dsl/file.h"

namespace eligo::dsl {

// Of the items of a file.
std::string report(const std::vector<TypedItemPtr>& items);
std::string report_json(const std::vector<TypedItemPtr>& items);

}  // namespace eligo::dsl
