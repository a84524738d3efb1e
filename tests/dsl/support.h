// What the unit tests share: parsing with the errors' codes, and comparing trees without their places.
#pragma once

#include <string>
#include <vector>

#include "dsl/file.h"

namespace eligo::dsl::testing {

// A rule with the usual lets around `body`.
std::string rule_with(const std::string& body);

// The codes of all errors of a text, through parsing and checking, in order.
std::vector<std::string> codes_of(const std::string& text);

ParsedFile parsed(const std::string& text);

// The whole tree as text, without spans: two files are the same iff this is.
std::string skeleton(const File& file);

std::string rules_folder();
std::vector<std::string> shipped_files();
std::string contents(const std::string& path);

}  // namespace eligo::dsl::testing
