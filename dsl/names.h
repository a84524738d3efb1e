// Spellings: Greek letters and their ASCII words are one name, look-alikes fold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace eligo::dsl {

// "lambda" -> "λ", "µ" (micro) -> "μ", e with a combining accent -> "é"; member paths part by part ("g.theta" -> "g.θ"); anything else unchanged.
std::string canonical(std::string_view name);
// "λ" -> "lambda"; anything else unchanged. For identifiers of emitted code and file names.
std::string ascii(std::string_view name);
// The nearest of `candidates` if it is near enough to be a typo of `name`, else "".
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace eligo::dsl
