// Which statements of a function may run together, trip by trip of a loop that they share: groups of them, and an order
// of all statements in which the members of a group follow one another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "compiler/lower/lower.h"

namespace eligo::compiler {

// Statements that run one after another, or, with `extent`, together: `loop` is the shared one among each one's own.
struct FusionGroup {
  std::vector<std::size_t> statements;  // positions in the function
  std::vector<int> loop;
  std::int64_t extent = 0;  // 0: a statement alone
};

// All statements, each in one group. Statements keep their order where one needs what another leaves. Of the loops that
// statements could share, those come first whose statements move most bytes; `examples` is what a batch loop is taken for;
// a shared loop has `trips` values at least.
std::vector<FusionGroup> fusion_groups(const Lowered& lowered, const loops::Function& function, std::int64_t examples,
                                       std::int64_t trips);

}  // namespace eligo::compiler
