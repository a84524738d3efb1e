// `eligo compare`: two rules side by side.
#pragma once

#include <string>

#include "runtime/tools/compare.h"

namespace eligo::cli {

// `settings` are name=value of both sides, `a` and `b` of one; a JSON file is written too if it is named.
struct CompareArguments {
  CompareOptions options;
  std::vector<std::string> settings, a, b;
  std::string data, json;
};
int compare(CompareArguments arguments);

}  // namespace eligo::cli
