// How much of the shared loop of a fusion is taken in a trip, and whether the fusion is worth it.
#pragma once

#include "compiler/lower/fusion_groups.h"

namespace eligo::compiler {

struct FusionSize {
  bool worth = false;
  std::int64_t values = 1;    // of the shared loop, in a trip
  std::int64_t examples = 0;  // at a time; 0: all
  double handed_on = 0;       // bytes that members leave for members, in a call
};

FusionSize fusion_size(const Lowered& lowered, const loops::Function& function, const FusionGroup& group,
                       std::int64_t bytes, std::int64_t examples);

}  // namespace eligo::compiler
