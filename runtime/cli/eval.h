// `eligo eval`: one batch of any rule on the numbers of a file.
#pragma once

#include <string>
#include <vector>

namespace eligo::cli {

// Reads the case, runs it, writes what it asks for. Throws eligo::Error or dsl::SourceError; returns the exit status.
int eval(const std::string& case_path, const std::string& out_path, const std::vector<std::string>& rule_folders);

}  // namespace eligo::cli
