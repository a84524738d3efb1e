// `eligo explain`: what the compiler makes of a rule, or the long help of an error code.
#pragma once

#include "runtime/tools/explain.h"

namespace eligo::cli {

struct ExplainArguments {
  ExplainOptions options;  // `spec.rule` may be a code instead
  bool json = false;
};

int explain(const ExplainArguments& arguments);

}  // namespace eligo::cli
