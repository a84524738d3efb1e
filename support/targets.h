// Files that a command writes must not take the place of what a user has written, by a slip of the hand.
#pragma once

#include <string>
#include <vector>

namespace eligo {

// Throws eligo::Error: the file is there and is an experiment, rules or a plan (.toml, .eli, .jsonl), one of `inputs`
// by whatever path, or two of the targets are the same file. Empty paths and "-" are no files.
void check_targets(const std::vector<std::string>& targets, const std::vector<std::string>& inputs = {});

}  // namespace eligo
