// `eligo eval`: one batch of any rule on numbers from a JSON file, so that a rule can be checked against another
// implementation. The format is described in docs/eval.md.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace eligo {

// Throws eligo::Error (naming the field) or dsl::SourceError.
nlohmann::json evaluate_case(const nlohmann::json& input, const std::vector<std::string>& rule_folders);

}  // namespace eligo
