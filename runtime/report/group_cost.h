// What a variant of a run folder costs by the compiler's own counts.
#pragma once

#include <optional>
#include <string>

#include "runtime/tools/rules_page.h"

namespace eligo {

// Nothing where the experiment can no longer be read, as when its data have moved: a report is as good without.
std::optional<RuleCost> group_cost(const std::string& folder, const std::string& variant);

}  // namespace eligo
